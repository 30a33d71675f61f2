//! Each endpoint over targets that speak its dialect and over targets that do not.

use serde_json::{Value, json};
use tollgate_core::embedding::Embeddings;
use tollgate_core::event::{Event, FinishReason};
use tollgate_core::model::{ModelError, Reply, Said};
use tollgate_core::money::Nanos;

use crate::testing::*;

const RESPONSES: &str = "/v1/responses";
const QUESTION: &str = r#"{"model":"gpt-5.5","input":"Capital of France?","max_output_tokens":50}"#;

/// What a target answers in Responses.
fn response(id: &str) -> Value {
    json!({
        "id": id, "object": "response", "status": "completed", "error": null, "future_field": 1.50,
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "Paris", "annotations": []}]}],
        "usage": {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35},
    })
}

fn says(events: Vec<Event>) -> Turn {
    Ok(Reply::Whole(Said::Events(events))).into()
}

fn paris() -> Vec<Event> {
    vec![Event::Text("Paris".to_owned()), Event::Finish(FinishReason::Stop), Event::Usage(usage(30, 5))]
}

#[tokio::test(start_paused = true)]
async fn responses_pass_where_the_target_speaks_them() {
    let world = World::scripted([whole(&response("resp_of_the_provider"))]);

    let said = world.call(post(RESPONSES, QUESTION)).await;

    let (answer, record) = (said.json(), world.record());
    assert_eq!((said.status, &answer["future_field"]), (200, &json!(1.50)));
    assert_eq!(answer["id"], "resp_r1");
    assert_eq!(
        world.model.calls()[0].body,
        json!({"model": "first.model", "input": "Capital of France?", "max_output_tokens": 50, "stream": true})
    );
    assert_eq!(record.charged_nanos, Nanos(80_000));
    assert_eq!(record.end.unwrap().response_id.as_deref(), Some("resp_of_the_provider"));
}

#[tokio::test(start_paused = true)]
async fn a_response_is_gone_on_with_where_it_was_made_and_under_its_own_name_there() {
    let id = "0123456789abcdef0123456789abcdef";
    let world = World::scripted([whole(&response("resp_a")), whole(&response("resp_b"))]);
    world.call(post(RESPONSES, QUESTION)).await;
    world.ledger.rename("r-1", "01234567-89ab-cdef-0123-456789abcdef");
    let next = |previous: &str| {
        post(RESPONSES, json!({"model": "gpt-5.5", "input": "And Spain?", "max_output_tokens": 50, "previous_response_id": previous}).to_string())
    };

    let said = world.call(next(&format!("resp_{id}"))).await;

    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(world.model.calls()[1].body["previous_response_id"], "resp_a");
    let bytes = next(&format!("resp_{id}"))["body"].as_str().unwrap().len() as u64;
    // The 35 tokens of the earlier response are input as well, at a dollar a million, beside 50 of output at ten.
    assert_eq!(world.ledger.record("r-2").unwrap().reserved_nanos, Nanos((bytes + 35) * 1_000 + 500_000));

    for unknown in ["resp_unheard-of", "no-response", ""] {
        let said = world.call(next(unknown)).await;
        assert_eq!(
            (said.status, said.json()["error"]["param"].as_str()),
            (400, Some("previous_response_id"))
        );
    }
    let mut of_another_tenant = next(&format!("resp_{id}"));
    of_another_tenant["requestContext"]["authorizer"]["tenant"] = "acme".into();
    assert_eq!(world.call(of_another_tenant).await.status, 400);
    assert_eq!(world.model.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn never_over_a_response_whose_context_nobody_counted_is_not_gone_on_with() {
    let uncounted = json!({
        "id": "resp_a", "object": "response", "status": "completed", "error": null, "output": [], "usage": null,
    });
    let created = json!({
        "type": "response.created", "response": {"id": "resp_b", "status": "in_progress", "output": []},
    });
    let text = json!({"type": "response.output_text.delta", "delta": "Pa"});
    let cut = at_once([created.to_string(), text.to_string()]);
    let world = World::scripted([whole(&uncounted), streams(cut)]);
    world.call(post(RESPONSES, QUESTION)).await;
    world.call(post(RESPONSES, r#"{"model":"gpt-5.5","input":"a","stream":true}"#)).await;

    for earlier in ["resp_r-1", "resp_r-2"] {
        let body = json!({"model": "gpt-5.5", "input": "b", "previous_response_id": earlier});
        let said = world.call(post(RESPONSES, body.to_string())).await;

        let param = said.json()["error"]["param"].clone();
        assert_eq!((said.status, param), (400, json!("previous_response_id")), "{earlier}");
    }
    assert_eq!(world.model.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_still_being_settled_is_waited_for_and_then_named() {
    let world = World::scripted([streams(at_once([content("Pa")]))]);
    let (_response, _job) = world.begin(event("stream")).await;

    let body = r#"{"model":"gpt-5.5","input":"b","previous_response_id":"resp_r-1"}"#;
    let said = world.call(post(RESPONSES, body)).await;

    assert_eq!((said.status, said.code().as_str(), said.header("retry-after")), (409, "still_running", "1"));
}

#[tokio::test(start_paused = true)]
async fn a_responses_client_is_served_by_a_target_that_speaks_chat() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);

    let said = world.call(post(RESPONSES, QUESTION.replace("gpt-5.5", "plain"))).await;

    let answer = said.json();
    assert_eq!(
        world.model.calls()[0].body["messages"],
        json!([{"role": "user", "content": "Capital of France?"}])
    );
    assert_eq!((&answer["object"], &answer["status"]), (&json!("response"), &json!("completed")));
    assert_eq!(answer["output"][0]["content"][0]["text"], "Paris");
    assert_eq!(answer["usage"]["input_tokens"], 30);
    assert_eq!(answer["store"], false);
    assert_eq!(world.record().end.unwrap().response_id, None);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_speaks_converse_serves_chat_and_responses() {
    let world = World::scripted([says(paris()), says(paris())]);

    let body = r#"{"model":"talks-converse","messages":[{"role":"user","content":"a"}]}"#;
    let chat = world.call(chat(body)).await.json();
    let response = world.call(post(RESPONSES, r#"{"model":"talks-converse","input":"a"}"#)).await.json();

    assert_eq!(chat["choices"][0]["message"]["content"], "Paris");
    assert_eq!(response["output"][0]["content"][0]["text"], "Paris");
    assert_eq!(world.ledger.record("r-2").unwrap().charged_nanos, Nanos(80_000));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_translated_as_it_comes_and_fails_as_its_dialect_says() {
    let cut = at_once([role(), content("Pa")])
        .into_iter()
        .chain([(std::time::Duration::ZERO, Err(ModelError::Broken("reset".into())))]);
    let pieces = at_once([role(), content("Pa"), content("ris"), finish("stop"), usage_chunk(30, 5)]);
    let world = World::scripted([streams(pieces), streams(cut)]);
    let body = r#"{"model":"plain","input":"a","stream":true}"#;

    let said = world.call(post(RESPONSES, body)).await;
    let broken = world.call(post(RESPONSES, body.replace("\"a\"", "\"b\""))).await;

    let kinds = |said: &crate::testing::Said| -> Vec<String> {
        let kind = |data: String| serde_json::from_str::<Value>(&data).unwrap()["type"].to_string();
        said.events().into_iter().map(kind).collect()
    };
    let deltas = kinds(&said).iter().filter(|kind| kind.contains("output_text.delta")).count();
    assert_eq!(deltas, 2);
    assert_eq!(kinds(&said).last().unwrap(), "\"response.completed\"");
    assert_eq!(kinds(&broken).last().unwrap(), "\"error\"");
    assert_eq!(world.record().charged_nanos, Nanos(160_000));
}

#[tokio::test(start_paused = true)]
async fn vectors_are_passed_on_and_priced() {
    let answer = json!({
        "object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    });
    let world = World::scripted([whole(&answer)]);

    let said = world.call(post("/v1/embeddings", r#"{"model":"embedder","input":"a"}"#)).await;

    assert_eq!(said.json(), answer);
    assert_eq!(world.model.calls()[0].body, json!({"model": "first.model", "input": "a"}));
    assert_eq!(world.record().charged_nanos, Nanos(7_000));
}

#[tokio::test(start_paused = true)]
async fn vectors_that_come_read_are_written_as_the_client_wants_them() {
    let vectors = Embeddings { vectors: vec![vec![0.5, -0.25]], input_tokens: Some(7) };
    let world = World::scripted([Ok(Reply::Whole(Said::Embeddings(vectors))).into()]);

    let body = r#"{"model":"embedder","input":"a","encoding_format":"base64"}"#;
    let said = world.call(post("/v1/embeddings", body)).await;

    // 0.5 and -0.25 as little-endian floats of 32 bits.
    assert_eq!(said.json()["data"][0]["embedding"], "AAAAPwAAgL4=");
    assert_eq!(said.json()["usage"]["prompt_tokens"], 7);
}

#[tokio::test(start_paused = true)]
async fn a_model_of_another_kind_is_refused() {
    let world = World::scripted([]);

    let talks = world.call(post("/v1/embeddings", r#"{"model":"gpt-5.5","input":"a"}"#)).await;
    let embeds = world.call(chat(r#"{"model":"embedder","messages":[{"role":"user","content":"a"}]}"#)).await;

    for said in [talks, embeds] {
        assert_eq!(
            (said.status, said.json()["error"]["param"].as_str()),
            (400, Some("model")),
            "{}",
            said.body
        );
    }
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn a_strict_caller_is_refused_rather_than_adapted() {
    let world = World::scripted([]);
    let body = r#"{"model":"plain","input":"a","reasoning":{"summary":"auto"}}"#;
    let strict = |value: &str| {
        let mut event = post(RESPONSES, body);
        event["headers"]["x-tollgate-strict"] = value.into();
        event["multiValueHeaders"]["x-tollgate-strict"] = json!([value]);
        event
    };

    let refused = world.call(strict("true")).await;
    let wrong = world.call(strict("perhaps")).await;

    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json()["error"]["message"],
        "x-tollgate-strict: this would be adapted: reasoning_summary=dropped"
    );
    assert_eq!(wrong.json()["error"]["param"], "x-tollgate-strict");
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn a_strict_caller_gets_no_answer_that_was_kept_from_an_adapted_call() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);
    let body = r#"{"model":"plain","input":"a","reasoning":{"summary":"auto"}}"#;
    let adapted = world.call(post(RESPONSES, body)).await;
    let mut strict = post(RESPONSES, body);
    strict["headers"]["x-tollgate-strict"] = "true".into();
    strict["multiValueHeaders"]["x-tollgate-strict"] = json!(["true"]);

    let refused = world.call(strict).await;
    let kept = world.call(post(RESPONSES, body)).await;

    assert_eq!(adapted.header("x-tollgate-adapted"), "reasoning_summary=dropped, max_output_tokens=500");
    assert_eq!(refused.status, 400);
    assert_eq!(kept.header("x-tollgate-cache"), "hit-exact");
}

#[tokio::test(start_paused = true)]
async fn a_keys_own_policy_caps_and_stops_its_calls() {
    let world =
        World::scripted([answers("a", "stop", Some(usage(1, 1))), answers("a", "stop", Some(usage(1, 1)))]);
    let policy = r#"{"default_tokens":40,"max_tokens":60,"stop":["END"]}"#;
    let limited = |members: &str| {
        let body = format!(r#"{{"model":"gpt-5.5","messages":[{{"role":"user","content":"a"}}]{members}}}"#);
        let mut event = chat(body);
        event["requestContext"]["authorizer"]["output"] = policy.into();
        event
    };

    let by_default = world.call(limited("")).await;
    let lowered = world.call(limited(r#","max_tokens":500,"stop":"X""#)).await;

    let sent = world.model.calls();
    assert_eq!(
        (&sent[0].body["max_completion_tokens"], &sent[0].body["stop"]),
        (&json!(40), &json!(["END"]))
    );
    assert_eq!((&sent[1].body["max_tokens"], &sent[1].body["stop"]), (&json!(60), &json!("X")));
    assert_eq!(by_default.header("x-tollgate-adapted"), "max_output_tokens=40");
    assert_eq!(lowered.header("x-tollgate-adapted"), "max_output_tokens=60");
}

#[tokio::test(start_paused = true)]
async fn one_model_is_described_and_health_needs_no_key() {
    let world = World::scripted([]);
    let get = |path: &str| with("models", "/path", path.into());

    let model = world.call(get("/v1/models/gpt-5.5")).await;
    let unknown = world.call(get("/v1/models/gpt-9")).await;
    let mut health = get("/health");
    health["requestContext"]["authorizer"] = Value::Null;
    let health = world.call(health).await;

    assert_eq!(model.json()["id"], "gpt-5.5");
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "model_not_found"));
    assert_eq!((health.status, health.body.as_str()), (200, r#"{"status":"ok"}"#));
}
