//! What holds for every text and every cut.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Redact, Restorer, Vault, find, redact_text};
use super::{redacted, request};
use crate::dialect::Dialect;
use crate::interpreter::Hearing;
use crate::model::Said;

/// Texts with things to find, things that look like them, and things that look like placeholders.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,5}@[a-z]{1,6}\\.(de|com)",
        "\\+49 1[567]0 [0-9]{7}",
        "\\[(EMAIL|IP|PHONE|CARD|X)_[0-9]{1,2}\\]",
        "10\\.[0-9]\\.[0-9]{1,3}\\.[0-9]",
        "4111 ?1111 ?1111 ?1111",
        "password=[a-z0-9]{8,12}[0-9]a",
        "[\\[\\]_EMAIL0-9\"\\\\\n ,:{}]{0,8}",
        ".{0,6}",
        " ",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A text in pieces.
fn cut(text: &str, cuts: &[usize]) -> Vec<String> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.retain(|cut| text.is_char_boundary(*cut));
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).collect()
}

/// What left of a text that a user said, and what restores the answer to it.
fn asked(dialect: Dialect, text: &str) -> (String, Restorer) {
    let body = match dialect {
        Dialect::Responses => {
            json!({"model": "m", "stream": true, "input": [{"role": "user", "content": text}]})
        }
        _ => json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": text}]}),
    };
    let redacted = redacted(dialect, &body, &[]);
    let left = super::left(&redacted);
    let talk = if dialect == Dialect::Responses { "input" } else { "messages" };
    let content = left[talk][0]["content"].as_str().unwrap().to_owned();
    (content, Restorer::new(Arc::new(redacted.vault), &request(dialect, &body), Hearing::Pass))
}

fn said(restorer: &mut Restorer, events: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut said = Vec::new();
    for event in events {
        for piece in restorer.piece(Said::Json(Bytes::from(event.to_string()))) {
            let Said::Json(json) = piece else { panic!() };
            said.push(serde_json::from_slice(&json).unwrap());
        }
    }
    said
}

proptest! {
    #[test]
    fn a_text_comes_back_as_it_was(text in text()) {
        let mut vault = Vault::default();
        vault.reserve(&text);
        let classes = Redact::default().classes;

        let left = redact_text(&text, &classes, &[], &mut vault);

        prop_assert_eq!(vault.restored(&left), text);
    }

    #[test]
    fn no_text_however_strange_breaks_a_scanner(
        start in prop::sample::select(vec!["://", "password=", "Bearer ", "sk-", "token: ", "Passwort ", "+", "@"]),
        text in "\\PC{0,20}",
        times in 1..40_usize,
    ) {
        let text = format!("{start}{}", text.repeat(times));

        let findings = find(&text, &Redact::default().classes, &[]);

        prop_assert!(findings.iter().all(|finding| text.get(finding.range.clone()).is_some()));
    }

    #[test]
    fn findings_are_in_order_and_apart(text in text()) {
        let findings = find(&text, &Redact::default().classes, &[]);

        for pair in findings.windows(2) {
            prop_assert!(pair[0].range.end <= pair[1].range.start);
        }
        prop_assert!(findings.iter().all(|finding| !text[finding.range.clone()].is_empty()));
    }

    #[test]
    fn any_cutting_of_a_chat_stream_gives_the_same_text(
        text in text(), cuts in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        let (left, mut restorer) = asked(Dialect::Chat, &text);
        let chunks = cut(&left, &cuts).into_iter().map(|piece| json!({"choices": [{"index": 0, "delta": {"content": piece}}]}));
        let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});

        let said = said(&mut restorer, chunks.chain([finish]));

        let told: String = said.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        prop_assert_eq!(told, text);
    }

    #[test]
    fn any_cutting_of_arguments_gives_valid_json_with_the_same_meaning(
        text in text(), cuts in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        let arguments = json!({"a": text, "b": [{text.as_str(): 1}]}).to_string();
        let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": "c", "content": "ok"}]});
        let redacted = redacted(Dialect::Chat, &body, &[]);
        let left = super::left(&redacted)["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str().unwrap().to_owned();
        prop_assert!(serde_json::from_str::<Value>(&left).is_ok(), "{}", left);
        let mut restorer = Restorer::new(Arc::new(redacted.vault), &request(Dialect::Chat, &body), Hearing::Pass);
        let chunks = cut(&left, &cuts).into_iter().map(|piece| {
            json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}}]})
        });
        let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});

        let said = said(&mut restorer, chunks.chain([finish]));

        let place = |chunk: &Value| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str().map(str::to_owned);
        let told: String = said.iter().filter_map(place).collect();
        prop_assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), serde_json::from_str::<Value>(&arguments).unwrap());
    }

    #[test]
    fn any_cutting_of_a_stream_of_responses_gives_the_same_text(
        text in text(), cuts in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        let (left, mut restorer) = asked(Dialect::Responses, &text);
        let place = json!({"output_index": 0, "content_index": 0});
        let event = |kind: &str, field: &str, text: &str| {
            let mut event = place.clone();
            event["type"] = kind.into();
            event[field] = text.into();
            event
        };
        let mut events: Vec<_> = cut(&left, &cuts).iter().map(|piece| event("response.output_text.delta", "delta", piece)).collect();
        events.push(event("response.output_text.done", "text", &left));
        for (number, event) in events.iter_mut().enumerate() {
            event["sequence_number"] = number.into();
        }

        let said = said(&mut restorer, events);

        let told: String = said.iter().filter_map(|event| event["delta"].as_str()).collect();
        prop_assert_eq!(&told, &text);
        prop_assert_eq!(said.last().unwrap()["text"].as_str(), Some(text.as_str()));
        for (number, event) in said.iter().enumerate() {
            prop_assert_eq!(event["sequence_number"].as_u64(), Some(number as u64));
        }
    }
}
