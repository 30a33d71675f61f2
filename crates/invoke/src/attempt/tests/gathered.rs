//! Callers who want the answer whole, of targets that can be replaced.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::settings::Document;

use super::failover::{both, world};
use crate::testing::*;

/// Pieces that come one after the other, each after this time.
fn every(pause: Duration, chunks: impl IntoIterator<Item = String>) -> Vec<Piece> {
    chunks.into_iter().map(|chunk| (pause, piece(chunk))).collect()
}

fn paris() -> Turn {
    streams(at_once([role(), content("Par"), content("is"), finish("stop"), usage_chunk(30, 5)]))
}

fn silent() -> Turn {
    streams([(Duration::from_secs(600), piece(content("late")))])
}

#[tokio::test(start_paused = true)]
async fn a_silent_target_costs_its_time_to_the_first_token_and_no_more() {
    for (timeouts, waits) in [(json!({}), 5_000), (json!({"first_token_ms": 700}), 700)] {
        let world = world([silent(), paris()], &both(), &[("first/gpt-5.5", "timeouts", timeouts)]);
        let start = Instant::now();

        let said = world.call(event("chat")).await;

        assert_eq!((said.status, start.elapsed().as_millis()), (200, waits));
        assert_eq!(said.header("x-tollgate-provider"), "second");
        assert_eq!(said.json()["choices"][0]["message"]["content"], "Paris");
        // 30 × 2,000 + 5 × 20,000 nano-dollars, and what the silent one may bill.
        assert_eq!(world.record().charged_nanos, Nanos(160_000 + bounds(&event("chat")).0));
    }
}

#[tokio::test(start_paused = true)]
async fn who_can_be_replaced_is_asked_for_a_stream_and_who_stands_alone_is_not() {
    let alone = json!({"providers": {"first": 1}});
    let mut asked_once = both();
    asked_once["max_attempts"] = 1.into();
    for (route, is_stream) in [(both(), true), (alone, false), (asked_once, false)] {
        let world = world([answers("Paris", "stop", Some(usage(30, 5)))], &route, &[]);

        let said = world.call(event("chat")).await;

        let body = &world.model.calls()[0].body;
        assert_eq!(body.get("stream").is_some_and(|stream| stream == true), is_stream, "{route}");
        assert_eq!(body["stream_options"]["include_usage"] == true, is_stream, "{route}");
        // A server that answers whole all the same has answered.
        assert_eq!(said.json()["choices"][0]["message"]["content"], "Paris");
        assert_eq!(world.record().charged_nanos, Nanos(80_000));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_after_content_fails_over_unseen() {
    let broken = || Err(ModelError::Broken("reset".into()));
    let cut = |last: Vec<Piece>| {
        streams(at_once([role(), content("Lon")]).into_iter().chain(last).collect::<Vec<_>>())
    };
    let unfinished = || piece(usage_chunk(30, 5));
    for last in [
        vec![(Duration::ZERO, broken())],
        vec![(Duration::ZERO, unfinished())],
        vec![(Duration::ZERO, piece("<html>"))],
        vec![(Duration::ZERO, piece(r#"{"error":{"message":"overloaded"}}"#))],
        vec![(Duration::from_secs(61), piece(content("don")))],
    ] {
        let kind = format!("{last:?}");
        let world = World::scripted([cut(last), paris()]);

        let said = world.call(event("chat")).await;

        assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "second"), "{kind}");
        assert_eq!(said.json()["choices"][0]["message"]["content"], "Paris", "{kind}");
        assert_eq!(world.record().charged_nanos, Nanos(160_000 + bounds(&event("chat")).0), "{kind}");
    }
}

/// A stream that says this error instead of an answer.
fn says_error(code: &str) -> Turn {
    streams(at_once([role(), format!(r#"{{"error":{{"message":"m","code":"{code}"}}}}"#)]))
}

#[tokio::test(start_paused = true)]
async fn what_a_stream_says_instead_of_an_answer_is_heard_like_a_status() {
    for kind in ["chat", "stream"] {
        for code in ["context_length_exceeded", "content_filter", "invalid_prompt"] {
            let world = World::scripted([says_error(code)]);

            let said = world.call(event(kind)).await;

            assert_eq!((said.status, said.code().as_str()), (400, code), "{kind}");
            assert_eq!(
                (world.model.asked().len(), world.record().charged_nanos),
                (1, Nanos(0)),
                "{kind} {code}"
            );
        }
        let world = World::scripted([says_error("rate_limit_exceeded"), paris()]);
        assert_eq!(world.call(event(kind)).await.header("x-tollgate-provider"), "second");
        assert_eq!(world.record().charged_nanos, Nanos(160_000), "{kind}: nothing for who was too busy");
    }
}

#[tokio::test(start_paused = true)]
async fn log_probabilities_are_not_gathered() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);
    let messages = json!([{"role": "user", "content": "a"}]);
    let body = json!({"model": "gpt-5.5", "messages": messages, "logprobs": true, "top_logprobs": 20});

    assert_eq!(world.call(chat(body.to_string())).await.status, 200);
    assert_eq!(world.model.calls()[0].body.get("stream"), None);
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_on_writing_has_290_seconds() {
    let words = (0..140).map(|_| content("a")).chain([finish("stop"), usage_chunk(30, 5)]);
    let world = World::scripted([streams(every(Duration::from_secs(2), words.clone()))]);
    let said = world.call(event("chat")).await;
    assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "first"));

    let endless = (0..1_000).map(|_| content("a"));
    let world = World::scripted([streams(every(Duration::from_secs(2), endless)), silent()]);
    let start = Instant::now();
    let said = world.call(event("chat")).await;

    assert_eq!((said.status, start.elapsed().as_secs()), (504, 290));
    // Nobody is asked, and charged, who has no time to answer.
    let record = world.record();
    assert_eq!((record.tries.len(), record.charged_nanos), (1, Nanos(bounds(&event("chat")).0)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_usage_costs_its_bound() {
    let world = World::scripted([streams(at_once([content("Paris"), finish("stop")]))]);

    let said = world.call(event("chat")).await;

    let record = world.record();
    assert_eq!((said.status, record.charged_nanos), (200, Nanos(bounds(&event("chat")).0)));
    assert!(record.end.unwrap().estimated);
}

#[tokio::test(start_paused = true)]
async fn what_the_request_lost_is_in_the_gathered_answer_again() {
    let pieces = [content("To [EM"), content("AIL_1] now."), finish("stop"), usage_chunk(30, 5)];
    let world = World::scripted([streams(at_once(pieces))]);
    let question = "I am jane@example.com: where do you write to?";
    let body = json!({"model": "gpt-5.5", "messages": [{"role": "user", "content": question}]});

    let said = world.call(chat(body.to_string())).await;

    assert!(!world.model.calls()[0].body.to_string().contains("jane@example.com"));
    assert_eq!(said.json()["choices"][0]["message"]["content"], "To jane@example.com now.");
}

#[tokio::test(start_paused = true)]
async fn a_response_is_what_its_last_event_says() {
    let output = json!([{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "To [EMAIL_1].", "annotations": []}]}]);
    let response = |status: &str, output: &Value| {
        json!({"id": "resp_theirs", "object": "response", "status": status, "error": null, "future_field": 1.50,
            "output": output, "usage": {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35}})
    };
    let event = |kind: &str, response: &Value| json!({"type": kind, "response": response}).to_string();
    let delta = |text: &str| json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text});
    let pieces = [
        event("response.created", &response("in_progress", &json!([]))),
        delta("To [EM").to_string(),
        delta("AIL_1].").to_string(),
        event("response.completed", &response("completed", &output)),
    ];
    let world = World::scripted([streams(at_once(pieces))]);
    let body = json!({"model": "gpt-5.5", "input": "I am jane@example.com.", "max_output_tokens": 50});

    let said = world.call(post("/v1/responses", body.to_string())).await;

    let (answer, record) = (said.json(), world.record());
    assert_eq!((said.status, &answer["id"], &answer["future_field"]), (200, &json!("resp_r1"), &json!(1.50)));
    assert_eq!(answer["output"][0]["content"][0]["text"], "To jane@example.com.");
    // 30 × 1,000 + 5 × 10,000 nano-dollars.
    assert_eq!((record.charged_nanos, record.end.unwrap().estimated), (Nanos(80_000), false));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_does_not_stream_has_the_time_that_its_tokens_may_take() {
    let members = [("first/gpt-5.5", "streams", json!(false))];
    let late = answers("late", "stop", None).after(Duration::from_secs(500));
    let world = world([late, paris()], &both(), &members);
    let start = Instant::now();

    let said = world.call(event("chat")).await;

    // Five seconds to begin, and fifty milliseconds for each of the hundred tokens of the default cap.
    assert_eq!((said.header("x-tollgate-provider"), start.elapsed().as_secs()), ("second", 10));
    assert_eq!(world.model.calls()[0].body.get("stream"), None);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_does_not_stream_is_passed_over_by_streams() {
    let members = [("first/gpt-5.5", "streams", json!(false))];
    let other = world([paris()], &both(), &members);
    assert_eq!(other.call(event("stream")).await.header("x-tollgate-provider"), "second");

    let nobody = world([], &json!({"providers": {"first": 1}}), &members);
    let said = nobody.call(event("stream")).await;

    assert_eq!((said.status, said.json()["error"]["param"].as_str()), (400, Some("stream")));
}

#[tokio::test(start_paused = true)]
async fn texts_to_embed_have_the_time_to_the_first_token_and_a_little_for_each_more() {
    for (texts, waits) in [(json!("a"), 5_000), (json!(["a", "b", "c"]), 5_100)] {
        let vectors = json!([{"object": "embedding", "index": 0, "embedding": [0.5]}]);
        let usage = json!({"prompt_tokens": 3, "total_tokens": 3});
        let answer = whole(&json!({"object": "list", "data": vectors, "usage": usage}));
        let world = World::scripted([whole(&json!({})).after(Duration::from_secs(600)), answer]);
        add_second_embedder(&world);
        let start = Instant::now();

        let body = json!({"model": "embedder", "input": texts});
        let said = world.call(post("/v1/embeddings", body.to_string())).await;

        assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "second"), "{}", said.body);
        assert_eq!(start.elapsed().as_millis(), waits);
    }
}

fn add_second_embedder(world: &World) {
    let documents = world.settings.documents.lock().unwrap().clone().unwrap();
    let [mut catalogue, mut prices] = [Document::Catalogue, Document::Prices]
        .map(|document| serde_json::from_str::<Value>(&documents[&document]).unwrap());
    let mut twin = catalogue["targets"]["first/embedder"].clone();
    twin["provider"] = "second".into();
    catalogue["targets"]["second/embedder"] = twin;
    catalogue["models"]["embedder"]["targets"] = json!(["first/embedder", "second/embedder"]);
    prices["targets"]["second/embedder"] = prices["targets"]["first/embedder"].clone();
    world.settings.write(Document::Catalogue, &catalogue);
    world.settings.write(Document::Prices, &prices);
}
