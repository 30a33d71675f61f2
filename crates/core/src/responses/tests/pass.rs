//! Answers that pass.

use serde_json::{Value, json};

use super::{REQUEST_ID, RESPONSE_ID, answer, data, parsed};
use crate::completion::{Finish, Glimpse, NoAnswer};
use crate::error::Error;
use crate::responses::{ResponsesPass, glimpse, request_id_of};
use crate::usage::Usage;

const SEALED: &str = "tg1.Z3B0LTUuNUBtYW50bGU.gAAAAABo";

fn pass() -> ResponsesPass {
    ResponsesPass::new(REQUEST_ID, "gpt-5.5@mantle")
}

fn usage() -> Usage {
    Usage { input: 1500, cached: 1024, cache_write: 128, output: 90, reasoning: 64 }
}

#[test]
fn a_whole_answer_differs_in_id_and_sealed_reasoning_only() {
    let (bytes, seen) = pass().whole(answer::whole().to_string().as_bytes()).unwrap();

    let mut expected = answer::whole();
    expected["id"] = json!(RESPONSE_ID);
    expected["output"][0]["encrypted_content"] = json!(SEALED);
    assert_eq!(parsed(&bytes), expected);
    assert_eq!(
        seen,
        Glimpse {
            service_tier: Some("default".to_owned()),
            usage: Some(usage()),
            has_content: true,
            is_usage_chunk: false,
            finish: Some(Finish::Whole),
            response_id: Some("resp_0a1b2c".to_owned()),
        }
    );
}

#[test]
fn the_answer_before_keeps_the_name_that_the_caller_knows() {
    let mut theirs = answer::whole();
    theirs["previous_response_id"] = json!("resp_theirs");

    let (bytes, _) = pass().continuing("resp_ours").whole(theirs.to_string().as_bytes()).unwrap();

    assert_eq!(parsed(&bytes)["previous_response_id"], "resp_ours");
}

#[test]
fn a_stream_differs_in_id_and_sealed_reasoning_only() {
    let mut pass = pass();
    for event in answer::stream() {
        let (bytes, _) = pass.event(event.to_string().as_bytes()).unwrap();

        let mut expected = event.clone();
        if expected.get("response").is_some() {
            expected["response"]["id"] = json!(RESPONSE_ID);
        }
        if expected["type"] == "response.completed" {
            expected["response"]["output"][0]["encrypted_content"] = json!(SEALED);
        }
        if expected["item"]["type"] == "reasoning" {
            let text = expected["item"]["encrypted_content"].as_str().unwrap();
            expected["item"]["encrypted_content"] = json!(format!("tg1.Z3B0LTUuNUBtYW50bGU.{text}"));
        }
        assert!(
            bytes.starts_with(format!("event: {}\ndata: ", expected["type"].as_str().unwrap()).as_bytes())
        );
        assert_eq!(data(&[bytes]), [expected]);
    }
}

#[test]
fn an_event_without_either_keeps_its_bytes() {
    let event = r#"{"type" : "response.output_text.delta","delta":"\u00e9","n":1.50, "output_index":0}"#;

    let (bytes, seen) = pass().event(event.as_bytes()).unwrap();

    assert_eq!(bytes, format!("event: response.output_text.delta\ndata: {event}\n\n"));
    assert_eq!(seen, Glimpse { has_content: true, ..Glimpse::default() });
}

#[test]
fn an_event_in_several_lines_stays_one_event() {
    let event = "{\"type\":\"response.output_text.delta\",\n\"delta\":\"a\"}";

    let (bytes, _) = pass().event(event.as_bytes()).unwrap();

    assert_eq!(data(&[bytes]), [json!({"type": "response.output_text.delta", "delta": "a"})]);
}

#[test]
fn content_begins_with_the_first_event_that_says_something() {
    let has_content: Vec<_> = answer::stream()
        .iter()
        .map(|event| pass().event(event.to_string().as_bytes()).unwrap().1.has_content)
        .collect();

    assert_eq!(has_content.iter().position(|has| *has), Some(3));
    let added = json!({"type": "response.output_item.added", "item": {"type": "function_call", "name": "f"}});
    assert!(pass().event(added.to_string().as_bytes()).unwrap().1.has_content);
    let empty = json!({"type": "response.output_text.delta", "delta": ""});
    assert!(!pass().event(empty.to_string().as_bytes()).unwrap().1.has_content);
}

#[test]
fn usage_finish_and_the_providers_id_are_seen() {
    let mut last = answer::stream().pop().unwrap();
    let seen = |event: &Value| pass().event(event.to_string().as_bytes()).unwrap().1;

    assert_eq!(seen(&last).usage, Some(usage()));
    assert_eq!(seen(&last).finish, Some(Finish::Whole));
    assert_eq!(seen(&answer::stream()[0]).response_id.as_deref(), Some("resp_0a1b2c"));
    assert_eq!(seen(&answer::stream()[0]).finish, None);
    last["type"] = json!("response.incomplete");
    last["response"]["status"] = json!("incomplete");
    assert_eq!(seen(&last).finish, Some(Finish::Partial));
}

#[test]
fn failures_and_ends_of_other_dialects_do_not_pass() {
    let event = |value: Value| pass().event(value.to_string().as_bytes());
    let failed = json!({"status": "failed", "error": {"code": "server_error", "message": "x"}, "output": []});

    assert!(matches!(glimpse(failed.to_string().as_bytes()), Err(NoAnswer::Failed)));
    assert!(matches!(glimpse(br#"{"error":{"message":"x"}}"#), Err(NoAnswer::Failed)));
    assert!(matches!(glimpse(br#"{"choices":[]}"#), Err(NoAnswer::Garbled(_))));
    assert!(matches!(pass().whole(b"<html>"), Err(NoAnswer::Garbled(_))));
    assert!(matches!(event(json!({"type": "response.failed", "response": failed})), Err(NoAnswer::Failed)));
    assert!(matches!(event(json!({"type": "error", "message": "x"})), Err(NoAnswer::Failed)));
    assert!(matches!(event(json!({"error": {"message": "x"}})), Err(NoAnswer::Failed)));
    assert!(pass().event(b"[DONE]").unwrap().0.is_empty());
}

#[test]
fn an_error_has_the_number_after_the_last_event_that_passed() {
    let mut pass = pass();
    for event in answer::stream().iter().take(2) {
        pass.event(event.to_string().as_bytes()).unwrap();
    }

    assert!(pass.event(br#"{"type":"error","message":"x"}"#).is_err());

    assert_eq!(data(&[pass.fail(&Error::StreamBroken)])[0]["sequence_number"], 2);
}

#[test]
fn the_request_is_known_by_its_answer() {
    assert_eq!(request_id_of(RESPONSE_ID).as_deref(), Some(REQUEST_ID));
    assert_eq!(request_id_of(&RESPONSE_ID.replace("cafe", "CAFE")).as_deref(), Some(REQUEST_ID));
    assert_eq!(request_id_of("resp_abc-1_2").as_deref(), Some("abc-1_2"));
    for absurd in ["", "resp_", "msg_1", "resp_a b", "resp_é", &format!("resp_{}", "a".repeat(129))] {
        assert_eq!(request_id_of(absurd), None, "{absurd}");
    }
}
