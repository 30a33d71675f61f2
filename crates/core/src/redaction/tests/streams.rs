//! Answers as they come back, whole and in pieces.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{Restorer, Vault};
use super::{redacted, request};
use crate::dialect::Dialect;
use crate::event::{Event, FinishReason};
use crate::interpreter::Hearing;
use crate::model::Said;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMII\"1\\2\n-----END PRIVATE KEY-----";

fn asked(dialect: Dialect, format: &Value) -> (Arc<Vault>, Value) {
    let text = format!("mail max@firma.example, key {KEY}");
    let body = match dialect {
        Dialect::Responses => {
            json!({"model": "m", "stream": true, "input": text, "text": {"format": format}})
        }
        _ => {
            json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": text}], "response_format": format})
        }
    };
    (Arc::new(redacted(dialect, &body, &[]).vault), body)
}

fn restorer(dialect: Dialect, hearing: Hearing, format: &Value) -> Restorer {
    let (vault, body) = asked(dialect, format);
    Restorer::new(vault, &request(dialect, &body), hearing)
}

fn passing(dialect: Dialect) -> Restorer {
    restorer(dialect, Hearing::Pass, &json!({"type": "text"}))
}

fn feed(restorer: &mut Restorer, event: &Value) -> Vec<Value> {
    let said = restorer.piece(Said::Json(Bytes::from(event.to_string())));
    let read = |said| match said {
        Said::Json(json) => serde_json::from_slice(&json).unwrap(),
        other => panic!("{other:?}"),
    };
    said.into_iter().map(read).collect()
}

fn chunk(delta: &Value, finish: Option<&str>) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

#[test]
fn a_placeholder_in_pieces_is_held_until_it_is_whole_and_nothing_else_is() {
    let mut restorer = passing(Dialect::Chat);
    let mut say = |text: &str| {
        let chunks = feed(&mut restorer, &chunk(&json!({"content": text}), None));
        chunks[0]["choices"][0]["delta"]["content"].as_str().unwrap().to_owned()
    };

    let said = ["a [x] [E", "MAIL_", "1] b [EMAIL_", "7] [S", "!"].map(&mut say);

    assert_eq!(said, ["a [x] ", "", "max@firma.example b ", "[EMAIL_7] ", "[S!"]);
}

#[test]
fn what_is_held_is_said_with_the_finish_or_before_what_comes_next() {
    let mut restorer = passing(Dialect::Chat);
    let call = json!([{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{\"a\":\"[EMA"}}]);

    feed(&mut restorer, &chunk(&json!({"content": "see [EMAIL_"}), None));
    let begun = feed(&mut restorer, &chunk(&json!({"tool_calls": call}), None));
    let ended = feed(&mut restorer, &chunk(&json!({}), Some("tool_calls")));

    assert_eq!(begun[0]["choices"][0]["delta"]["content"], "[EMAIL_");
    let arguments =
        |chunk: &Value| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].clone();
    assert_eq!((arguments(&begun[0]), arguments(&ended[0])), (json!("{\"a\":\""), json!("[EMA")));
}

#[test]
fn what_comes_back_into_json_leaves_it_json() {
    let format = json!({"type": "json_object"});
    let restorer = restorer(Dialect::Chat, Hearing::Pass, &format);
    let answer = json!({"choices": [{"index": 0, "message": {
        "content": "{\"key\":\"[SECRET_1]\"}",
        "refusal": "no [SECRET_1]",
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{\"key\":\"[SECRET_1]\"}"}}],
    }}]});

    let Said::Json(json) = restorer.whole(Said::Json(answer.to_string().into())) else { panic!() };

    let answer: Value = serde_json::from_slice(&json).unwrap();
    let message = &answer["choices"][0]["message"];
    let inner = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    assert_eq!(inner(&message["content"])["key"], KEY);
    assert_eq!(inner(&message["tool_calls"][0]["function"]["arguments"])["key"], KEY);
    assert_eq!(message["refusal"], format!("no {KEY}"));
}

#[test]
fn a_stream_of_responses_is_restored_and_its_numbers_go_on() {
    let mut restorer = passing(Dialect::Responses);
    let delta = |number: u64, text: &str| {
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text,
            "logprobs": [], "sequence_number": number})
    };
    let done = |number: u64, text: &str| {
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": text,
            "sequence_number": number})
    };
    let completed = json!({"type": "response.completed", "sequence_number": 7, "response": {"output": [
        {"type": "message", "content": [{"type": "output_text", "text": "[EMAIL_1] [EMA"}]}]}});

    let mut said = Vec::new();
    for event in [delta(4, "[EMAIL"), delta(5, "_1] [EMA"), done(6, "[EMAIL_1] [EMA"), completed] {
        said.extend(feed(&mut restorer, &event));
    }

    let numbers: Vec<_> = said.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    let deltas: String = said.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(numbers, [4, 5, 6, 7, 8]);
    assert_eq!(deltas, "max@firma.example [EMA");
    assert_eq!(said[3]["text"], deltas);
    assert_eq!(said[4]["response"]["output"][0]["content"][0]["text"], deltas);
}

#[test]
fn events_that_come_read_are_restored_too() {
    let mut restorer = restorer(Dialect::Chat, Hearing::Read, &json!({"type": "text"}));
    let arguments = |text: &str| Event::Arguments { index: 0, text: text.to_owned() };
    let events = vec![
        Event::Text("to [EMAIL".to_owned()),
        Event::Text("_1] [".to_owned()),
        Event::ToolCall { index: 0, call_id: "c".to_owned(), name: "f".to_owned() },
        arguments("{\"k\":\"[SECR"),
        arguments("ET_1]\"}"),
        Event::Finish(FinishReason::ToolCalls),
    ];

    let mut heard = Vec::new();
    for event in events {
        let said = restorer.piece(Said::Events(vec![event]));
        heard.extend(said.into_iter().flat_map(|said| match said {
            Said::Events(events) => events,
            other => panic!("{other:?}"),
        }));
    }

    let mut told = (String::new(), String::new());
    let before_call = heard.iter().position(|event| matches!(event, Event::ToolCall { .. })).unwrap();
    for (at, event) in heard.iter().enumerate() {
        match event {
            Event::Text(text) => {
                assert!(at < before_call);
                told.0.push_str(text);
            }
            Event::Arguments { text, .. } => told.1.push_str(text),
            _ => {}
        }
    }
    assert_eq!(told.0, "to max@firma.example [");
    assert_eq!(serde_json::from_str::<Value>(&told.1).unwrap(), json!({"k": KEY}));
}

#[test]
fn what_is_no_answer_passes_as_it_is() {
    for text in ["<html>[EMAIL_1]", "[DONE]", "{\"choices\":\"[EMAIL_1]\"}x", ""] {
        for dialect in [Dialect::Chat, Dialect::Responses] {
            let mut restorer = passing(dialect);
            let said = Said::Json(Bytes::from(text.to_owned()));

            let pieces = restorer.piece(said.clone());

            let same = |said: &Said| matches!(said, Said::Json(json) if *json == text);
            assert!(pieces.len() == 1 && same(&pieces[0]) && same(&restorer.whole(said)), "{text}");
        }
    }
}
