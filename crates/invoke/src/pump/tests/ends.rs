//! Where a stream is at its end, and how long it may take to get there.

use serde_json::{Value, json};
use tollgate_core::settings::Document;

use super::*;

const QUESTION: &str =
    r#"{"model":"gpt-5.5","input":"Capital of France?","max_output_tokens":50,"stream":true}"#;

fn responses() -> Vec<Piece> {
    let response = json!({"id": "resp_p", "object": "response", "status": "completed", "error": null, "output": [],
        "usage": {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35}});
    at_once([
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Paris"})
            .to_string(),
        json!({"type": "response.completed", "response": response}).to_string(),
    ])
}

/// A world whose targets have these times, and the first these dialects.
fn timed(turns: impl Into<Vec<Turn>>, timeouts: &Value, dialects: &Value) -> World {
    let world = World::scripted(turns);
    if let Ok(documents) = &mut *world.settings.documents.lock().unwrap() {
        let catalogue = documents.get_mut(&Document::Catalogue).unwrap();
        let mut changed: Value = serde_json::from_str(catalogue).unwrap();
        for id in ["first/gpt-5.5", "second/gpt-5.5"] {
            changed["targets"][id]["timeouts"] = timeouts.clone();
        }
        changed["targets"]["first/gpt-5.5"]["wire"]["dialects"] = dialects.clone();
        *catalogue = changed.to_string();
    }
    world
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_completed_response_is_no_part_of_it() {
    let late = || (Duration::from_secs(600), piece("<html>"));
    let question = r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"a"}],"stream":true}"#;
    for after in [broken, late] {
        for (dialects, event) in [
            (json!(["chat", "responses"]), post("/v1/responses", QUESTION)),
            (json!(["responses"]), chat(question)),
        ] {
            let world = timed([streams(responses().into_iter().chain([after()]))], &json!({}), &dialects);

            let said = world.call(event).await;

            let (record, end) = (world.record(), world.record().end.unwrap());
            assert!(!said.body.contains("stream_broken"), "{}", said.body);
            assert!(said.body.contains("Paris"), "{}", said.body);
            assert_eq!((end.outcome.as_str(), record.charged_nanos), ("ok", Nanos(80_000)));
            assert!(end.latency_us < 1_000_000, "{}", end.latency_us);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_target_has_its_own_time_to_the_first_content() {
    let times = json!({"connect_ms": 1_000, "first_token_ms": 200_000, "between_tokens_ms": 30_000, "total_ms": 800_000});
    let slow = || {
        let mut pieces = whole();
        pieces[1].0 = Duration::from_secs(150);
        streams(pieces)
    };
    let world = timed([fails(ModelError::Throttled { retry_after: None }), slow()], &times, &json!(["chat"]));

    let said = world.call(event("stream")).await;

    assert_eq!(said.events().last().unwrap(), "[DONE]", "{}", said.body);
    assert_eq!(said.header("x-tollgate-attempts"), "2");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_falls_silent_after_its_first_content_is_broken_in_time() {
    let times = json!({"connect_ms": 1_000, "first_token_ms": 200_000, "between_tokens_ms": 30_000, "total_ms": 800_000});
    let mut pieces = whole();
    pieces[2].0 = Duration::from_secs(150);
    let world = timed([streams(pieces)], &times, &json!(["chat"]));

    let said = world.call(event("stream")).await;

    assert!(said.events().last().unwrap().contains("stream_broken"), "{}", said.body);
    assert_eq!(world.record().end.unwrap().latency_us, 30_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_where_a_stream_was_asked_for_is_none() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5))), streams(whole())]);

    let said = world.call(event("stream")).await;

    assert_eq!(said.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(said.header("x-tollgate-attempts"), "2");
    assert_eq!(said.events().last().unwrap(), "[DONE]");
}
