//! Conversations that their callers want shorter.

use serde_json::{Value, json};
use tollgate_core::model::ModelError;

use crate::testing::*;

const RESPONSES: &str = "/v1/responses";

/// Two long turns and a short one.
fn messages() -> Value {
    json!([
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "a".repeat(400)},
        {"role": "assistant", "content": "b".repeat(400)},
        {"role": "user", "content": "And now?"},
    ])
}

fn left() -> Value {
    json!([{"role": "system", "content": "Be short."}, {"role": "user", "content": "And now?"}])
}

fn wanting(mut event: Value, headers: &[(&str, &str)]) -> Value {
    for (name, value) in headers {
        event["headers"][name] = (*value).into();
        event["multiValueHeaders"][name] = json!([value]);
    }
    event
}

fn body(stream: bool) -> String {
    json!({"model": "gpt-5.5", "messages": messages(), "stream": stream}).to_string()
}

fn short(tokens: &str) -> Value {
    wanting(chat(body(false)), &[("x-tollgate-trim", tokens)])
}

#[tokio::test(start_paused = true)]
async fn the_oldest_turns_stay_behind_and_that_is_said() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);

    let said = world.call(short("100")).await;

    assert_eq!(said.status, 200);
    assert_eq!(said.header("x-tollgate-adapted"), "context=trimmed;turns=1, max_output_tokens=100");
    assert_eq!(world.model.calls()[0].body["messages"], left());
}

#[tokio::test(start_paused = true)]
async fn only_what_is_left_is_reserved() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);
    let shorter = json!({"model": "gpt-5.5", "messages": left(), "stream": false}).to_string();

    world.call(short("100")).await;

    assert_eq!(world.record().reserved_nanos.0, bounds(&chat(shorter)).1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_and_a_hit_say_it_too() {
    let whole = at_once([content("Paris"), finish("stop"), usage_chunk(30, 5)]);
    let world = World::scripted([streams(whole)]);
    let event = wanting(chat(body(true)), &[("x-tollgate-trim", "100")]);

    let first = world.call(event.clone()).await;
    let second = world.call(event).await;

    assert_eq!(first.header("x-tollgate-adapted"), "context=trimmed;turns=1, max_output_tokens=100");
    assert_eq!(second.header("x-tollgate-cache"), "hit-exact");
    assert_eq!(second.header("x-tollgate-adapted"), "context=trimmed;turns=1");
    assert_eq!(second.body, first.body);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_what_the_cache_knows() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);
    let shorter = json!({"model": "gpt-5.5", "messages": left(), "stream": false}).to_string();

    world.call(short("100")).await;
    let said = world.call(chat(shorter)).await;

    assert_eq!((said.header("x-tollgate-cache"), said.header("x-tollgate-adapted")), ("hit-exact", ""));
}

#[tokio::test(start_paused = true)]
async fn what_fits_goes_as_it_came() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);

    let said = world.call(short("1000")).await;

    assert_eq!(said.header("x-tollgate-adapted"), "max_output_tokens=100");
    assert_eq!(world.model.calls()[0].body["messages"], messages());
}

#[tokio::test(start_paused = true)]
async fn items_of_responses_are_trimmed_as_well() {
    let answer = json!({
        "id": "resp_1", "object": "response", "status": "completed", "model": "first.model",
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "Paris", "annotations": []}]}],
        "usage": {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35},
    });
    let world = World::scripted([whole(&answer)]);
    let body = json!({"model": "gpt-5.5", "input": messages()}).to_string();

    let said = world.call(wanting(post(RESPONSES, body), &[("x-tollgate-trim", "10")])).await;

    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(
        said.header("x-tollgate-adapted"),
        "context=trimmed;turns=1;over_budget, max_output_tokens=100"
    );
    assert_eq!(world.model.calls()[0].body["input"], left());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_provider_says_that_it_saw_less() {
    let world = World::scripted([fails(ModelError::Refused { status: 400, body: "{}".into() })]);

    let said = world.call(short("100")).await;

    assert_eq!((said.status, said.header("x-tollgate-adapted")), (400, "context=trimmed;turns=1"));
}

#[tokio::test(start_paused = true)]
async fn a_strict_caller_is_refused_rather_than_trimmed() {
    let world = World::scripted([]);
    let strict = [("x-tollgate-trim", "100"), ("x-tollgate-strict", "true")];

    let said = world.call(wanting(chat(body(false)), &strict)).await;

    assert_eq!(said.status, 400);
    assert_eq!(
        said.json()["error"]["message"],
        "x-tollgate-strict: this would be adapted: context=trimmed;turns=1"
    );
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_number_of_tokens_is_refused() {
    let world = World::scripted([]);

    for tokens in ["", "0", "-1", "+5", "1.5", "1e3", "many", "99999999999999999999", "5, 6"] {
        let said = world.call(short(tokens)).await;
        assert_eq!(
            (said.status, said.json()["error"]["param"].as_str()),
            (400, Some("x-tollgate-trim")),
            "{tokens}"
        );
    }
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn texts_for_vectors_are_not_trimmed() {
    let world = World::scripted([]);
    let event = post("/v1/embeddings", r#"{"model":"embedder","input":"a"}"#);

    let said = world.call(wanting(event, &[("x-tollgate-trim", "100")])).await;

    assert_eq!((said.status, said.json()["error"]["param"].as_str()), (400, Some("x-tollgate-trim")));
    assert!(world.is_untouched());
}
