//! What leaves, what comes back, and what is kept of it.

use serde_json::{Value, json};
use tollgate_core::catalogue::Catalogue;
use tollgate_core::dialect::Dialect;
use tollgate_core::redaction::Class;
use tollgate_core::request::Request;
use tollgate_core::settings::Document;

use super::is_hidden;
use crate::testing::*;

const MAIL: &str = "max@firma.example";

fn asks(stream: bool) -> Value {
    let text = format!("Write to {MAIL} and {MAIL}, card 4111 1111 1111 1111. I am Anna Berg.");
    chat(
        json!({"model": "gpt-5.5", "stream": stream, "messages": [{"role": "user", "content": text}]})
            .to_string(),
    )
}

fn left(world: &World, call: usize) -> String {
    world.model.calls()[call].body["messages"][0]["content"].as_str().unwrap().to_owned()
}

/// Lets the targets outside of AWS ask a guardrail for names; those of `converse` see everything.
fn with_guardrail(world: &World) {
    let documents = world.settings.documents.lock().unwrap().clone().unwrap();
    let mut catalogue: Value = serde_json::from_str(&documents[&Document::Catalogue]).unwrap();
    catalogue["targets"]["first/gpt-5.5"]["redact"] = json!({"names": {"id": "gr-1", "version": "3"}});
    world.settings.write(Document::Catalogue, &catalogue);
}

#[tokio::test(start_paused = true)]
async fn a_target_outside_of_aws_sees_placeholders_and_the_caller_sees_none() {
    let world = World::scripted([answers("Sent to [EMAIL_1], not [EMAIL_2].", "stop", Some(usage(30, 5)))]);

    let said = world.call(asks(false)).await;

    assert_eq!(left(&world, 0), "Write to [EMAIL_1] and [EMAIL_1], card [CARD_1]. I am Anna Berg.");
    assert_eq!(said.json()["choices"][0]["message"]["content"], format!("Sent to {MAIL}, not [EMAIL_2]."));
    assert_eq!(said.header("x-tollgate-redacted"), "email=2, card=1");
    let record = world.record();
    assert_eq!(record.redacted, [(Class::Email, 2), (Class::Card, 1)].into());
    assert!(!serde_json::to_string(&record).unwrap().contains(MAIL));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_restored_across_its_pieces_and_kept_as_the_client_got_it() {
    let pieces = ["To [EM", "AIL", "_1]", ", bye [C"].map(content);
    let chunks = [role()].into_iter().chain(pieces).chain([finish("stop"), usage_chunk(30, 5)]);
    let world = World::scripted([streams(at_once(chunks))]);

    let first = world.call(asks(true)).await;
    let again = world.call(asks(true)).await;

    let text = |said: &Said| {
        let events = said.events();
        let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
        let contents =
            chunks.filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned()));
        contents.collect::<String>()
    };
    assert_eq!(text(&first), format!("To {MAIL}, bye [C"));
    assert_eq!(first.header("x-tollgate-redacted"), "email=2, card=1");
    assert_eq!((again.header("x-tollgate-cache"), text(&again)), ("hit-exact", text(&first)));
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn names_are_taken_out_where_a_guardrail_finds_them() {
    let world = World::scripted([answers("Hello [NAME_1]", "stop", Some(usage(30, 5)))]);
    with_guardrail(&world);
    *world.names.known.lock().unwrap() = Some(vec!["Anna Berg".to_owned()]);

    let said = world.call(asks(false)).await;

    assert!(left(&world, 0).ends_with("I am [NAME_1]."));
    assert_eq!(said.json()["choices"][0]["message"]["content"], "Hello Anna Berg");
    assert_eq!(said.header("x-tollgate-redacted"), "email=2, card=1, name=1");
    assert_eq!(world.names.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_guardrail_that_is_down_makes_its_target_unavailable() {
    let world = World::scripted([answers("ok", "stop", Some(usage(30, 5)))]);
    with_guardrail(&world);

    world.call(asks(false)).await;

    assert_eq!(world.model.asked(), ["second.model"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_unredacted_where_nobody_can_look_for_names() {
    let world = World::scripted([]);
    with_guardrail(&world);
    world
        .settings
        .write(Document::Routing, &json!({"default": {"providers": {"first": 1}, "failover_order": []}}));

    let said = world.call(asks(false)).await;

    assert_eq!((said.status, said.code().as_str()), (503, "provider_unavailable"));
    assert!(said.body.contains("first/gpt-5.5: names could not be looked for"), "{}", said.body);
    assert!(world.is_untouched());
}

#[test]
fn an_embedding_model_outside_of_aws_gets_no_question_that_holds_what_it_must_not_see() {
    let catalogue: Catalogue =
        serde_json::from_str(include_str!("../../../../config/catalogue.json")).unwrap();
    let (outside, inside) = ("openai/text-embedding-3-small", "invoke-us-east-1/titan-embed-text-v2");
    let is_hidden = |text: &str, id: &str| {
        let body = json!({"model": "m", "input": text}).to_string();
        let request = Request::parse(Dialect::Embeddings, body.as_bytes()).unwrap();
        is_hidden(&request, &catalogue.targets[id])
    };

    assert!(is_hidden(MAIL, outside));
    assert!(!is_hidden("what is new?", outside) && !is_hidden(MAIL, inside));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_was_redacted_is_not_gone_on_with() {
    let answer = json!({"id": "resp_theirs", "object": "response", "status": "completed", "output": [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "to [EMAIL_1]"}]}],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}});
    let world = World::scripted([whole(&answer)]);
    let ask = |body: Value| post("/v1/responses", body.to_string());

    let first = world.call(ask(json!({"model": "gpt-5.5", "input": format!("write to {MAIL}")}))).await;
    let id = first.json()["id"].clone();
    let next =
        world.call(ask(json!({"model": "gpt-5.5", "input": "again", "previous_response_id": id}))).await;

    assert_eq!(first.json()["output"][0]["content"][0]["text"], format!("to {MAIL}"));
    assert_eq!((next.status, next.json()["error"]["param"].as_str()), (400, Some("previous_response_id")));
    assert_eq!(world.model.calls().len(), 1);
}
