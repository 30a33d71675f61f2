//! Events that are not as they should be: each is said and set aside, loses nothing, and counts nothing.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tollgate_core::rollup::Counts;
use tollgate_emitter::event::{BatchResponse, StreamEvent};

use crate::memory::{Emitter, Fate, LATER};
use crate::{BATCH, failed};

/// A good entry, a bad one and a good one, by changing the middle one of three that became final.
fn with_bad(change: impl Fn(&mut Value)) -> StreamEvent {
    let mut batch: Value = serde_json::from_str(BATCH).unwrap();
    let entries = batch["Records"].as_array_mut().unwrap();
    let mut three = vec![entries[2].clone(), entries[4].clone(), entries[7].clone()];
    change(&mut three[1]);
    serde_json::from_value(json!({"Records": three})).unwrap()
}

fn set(entry: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    entry.pointer_mut(parent).unwrap()[name] = value;
}

fn remove(entry: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    assert!(entry.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).is_some());
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_set_aside_whole_and_the_others_are_counted() {
    let new = |name: &str| format!("/dynamodb/NewImage/{name}");
    let changed: [(&str, &str, Value); 20] = [
        ("an unknown event name", "/eventName", json!("UPSERT")),
        ("an event name that is a number", "/eventName", json!(7)),
        ("a new image that is a text", "/dynamodb/NewImage", json!("settled")),
        ("a new image that is null", "/dynamodb/NewImage", json!(null)),
        ("a new image that is empty", "/dynamodb/NewImage", json!({})),
        ("an attribute that is no attribute value", &new("user"), json!("alice")),
        ("an attribute of an unknown type", &new("user"), json!({"X": "alice"})),
        ("an attribute of two types", &new("user"), json!({"S": "alice", "N": "1"})),
        ("an unknown state", &new("state"), json!({"S": "lost"})),
        ("a state that is a number", &new("state"), json!({"N": "1"})),
        ("an amount that is a text", &new("charged_nanos"), json!({"S": "much"})),
        ("an amount below zero", &new("charged_nanos"), json!({"N": "-1"})),
        ("an amount with decimals", &new("charged_nanos"), json!({"N": "0.5"})),
        ("an amount beyond all", &new("charged_nanos"), json!({"N": "99999999999999999999999"})),
        ("a name with a separator", &new("team"), json!({"S": "ads/search"})),
        ("a name that is empty", &new("user"), json!({"S": ""})),
        ("a day that is none", &new("day"), json!({"S": "2026-13-41"})),
        ("an unknown cache outcome", &new("cache"), json!({"S": "maybe"})),
        ("usage that is a list", &new("usage"), json!({"L": []})),
        ("an old image that is no record", "/dynamodb/OldImage", json!({"state": {"S": "sent"}})),
    ];
    let removed = ["request_id", "state", "user", "usage", "outcome", "ended_us", "latency_us", "day"];

    for (case, pointer, value) in changed {
        assert_is_set_aside(case, |entry| set(entry, pointer, value.clone())).await;
    }
    for name in removed {
        assert_is_set_aside(name, |entry| remove(entry, &new(name))).await;
    }
    for pointer in ["/eventName", "/dynamodb/NewImage", "/dynamodb/OldImage"] {
        assert_is_set_aside(pointer, |entry| remove(entry, pointer)).await;
    }
}

async fn assert_is_set_aside(case: &str, change: impl Fn(&mut Value)) {
    let emitter = Emitter::new(&[], &[]);
    let event = with_bad(change);

    let response = emitter.handler.handle(&event, LATER).await.unwrap();

    assert_eq!(response, BatchResponse::default(), "{case}");
    let entries = emitter.aside.entries.lock().unwrap();
    let (reason, entry) = &entries["300000000000000499273"];
    assert!(!reason.is_empty(), "{case}");
    assert_eq!(entry, event.entries[1].get(), "{case}");
    assert_eq!(emitter.rollups.org().calls, 2, "{case}");
    assert_eq!(emitter.metrics.sum("Requests.Count"), 2_000_000_000, "{case}");
    assert_eq!(emitter.metrics.sum("Emitter.SetAside.Count"), 1_000_000_000, "{case}");
}

#[tokio::test]
async fn an_entry_that_cannot_be_set_aside_is_handed_back_and_nothing_behind_it_is_counted() {
    let emitter = Emitter::new(&[], &[]);
    emitter.aside.is_down.store(true, Ordering::Relaxed);
    let event = with_bad(|entry| remove(entry, "/eventName"));

    let response = emitter.handler.handle(&event, LATER).await.unwrap();

    assert_eq!(response, failed("300000000000000499273"));
    assert_eq!(emitter.rollups.org().calls, 1);
    assert_eq!(emitter.metrics.sum("Requests.Count"), 1_000_000_000);
    assert_eq!(emitter.metrics.sum("Emitter.SetAside.Count"), 0);
}

#[tokio::test]
async fn an_entry_behind_one_that_comes_again_is_counted_as_set_aside_once() {
    let emitter = Emitter::new(&[], &[Fate::Refused]);
    let event = with_bad(|entry| remove(entry, "/eventName"));

    let first = emitter.handler.handle(&event, LATER).await.unwrap();
    let second = emitter.handler.handle(&event, LATER).await.unwrap();

    assert_eq!((first, second), (failed("300000000000000499271"), BatchResponse::default()));
    assert_eq!(emitter.aside.entries.lock().unwrap().len(), 1);
    assert_eq!(emitter.metrics.sum("Emitter.SetAside.Count"), 1_000_000_000);
}

#[tokio::test]
async fn an_entry_without_a_number_fails_the_batch_before_anything_is_counted() {
    let emitter = Emitter::new(&[], &[]);
    let cases: [fn(&mut Value); 6] = [
        |entry| remove(entry, "/dynamodb/SequenceNumber"),
        |entry| set(entry, "/dynamodb/SequenceNumber", json!(null)),
        |entry| set(entry, "/dynamodb/SequenceNumber", json!(12)),
        |entry| set(entry, "/dynamodb/SequenceNumber", json!("")),
        |entry| remove(entry, "/dynamodb"),
        |entry| *entry = json!("entry"),
    ];

    for change in cases {
        assert!(emitter.handler.handle(&with_bad(change), LATER).await.is_err());
    }

    assert_eq!((emitter.rollups.org(), emitter.metrics.data.lock().unwrap().len()), (Counts::default(), 0));
}

#[test]
fn what_is_no_batch_is_refused() {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "\"Records\"",
        r#"{"Records":null}"#,
        r#"{"Records":{}}"#,
        r#"{"records":[]}"#,
    ] {
        assert!(serde_json::from_str::<StreamEvent>(text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn what_is_not_ours_to_count_is_done() {
    let emitter = Emitter::new(&[], &[]);
    let event = with_bad(|entry| set(entry, "/eventName", json!("REMOVE")));

    let response = emitter.handler.handle(&event, LATER).await.unwrap();

    assert!(response.batch_item_failures.is_empty());
    assert_eq!(emitter.rollups.org().calls, 2);
}
