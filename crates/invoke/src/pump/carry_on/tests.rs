//! A stream cut at each of its pieces, and gone on with by another target: the client reads the whole text, once.

mod ends;

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_core::event::{Event, FinishReason};
use tollgate_core::model::{ModelError, Said as Heard};
use tollgate_core::money::Nanos;
use tollgate_core::outcome::Cause;
use tollgate_core::settings::Document;
use tollgate_core::splice::GO_ON;

use crate::testing::*;

/// Twenty pieces, of several scripts; a cut is after each of them.
const PIECES: [&str; 20] = [
    "Die Stra",
    "ße zum ",
    "Fluss f",
    "ührt an ",
    "zwölf H",
    "äusern v",
    "orbei. ",
    "言葉は",
    "海のよう",
    "に深い。",
    " 🦀 an",
    "d its e",
    "\u{301} shell",
    " are ",
    "seen b",
    "y everyo",
    "ne at ",
    "the lit",
    "tle har",
    "bour.",
];

/// What a continuation says again: nothing, the last words, all.
const AGAIN: [usize; 3] = [0, 11, usize::MAX];

fn whole() -> String {
    PIECES.concat()
}

/// What the second target says after a cut: the rest, and before it as many characters again.
fn continuation(cut: usize, again: usize) -> Vec<String> {
    let said = PIECES[..cut].concat();
    let chars = said.chars().count();
    let text: Vec<char> = whole().chars().skip(chars - again.min(chars)).collect();
    text.chunks(5).map(|piece| piece.iter().collect()).collect()
}

/// A world whose route lets broken streams be gone on with, by targets of `failover`.
fn world(turns: impl Into<Vec<Turn>>, failover: &str) -> World {
    let world = World::scripted(turns);
    let routing = json!({"default": {"providers": {"first": 1}, "failover_order": [failover], "continue_broken": true}});
    world.settings.write(Document::Routing, &routing);
    let documents = world.settings.documents.lock().unwrap().clone().unwrap();
    let mut catalogue: Value = serde_json::from_str(&documents[&Document::Catalogue]).unwrap();
    catalogue["models"]["gpt-5.5"]["targets"] =
        json!(["first/gpt-5.5", "second/gpt-5.5", "elsewhere/unrouted"]);
    world.settings.write(Document::Catalogue, &catalogue);
    world
}

fn delta(text: &str) -> String {
    json!({"id": "theirs", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
        .to_string()
}

fn reset() -> Piece {
    (Duration::ZERO, Err(ModelError::Broken("connection reset".into())))
}

fn breaks_after(cut: usize) -> Turn {
    let said = PIECES[..cut].iter().map(|text| delta(text));
    streams(at_once([role()].into_iter().chain(said)).into_iter().chain([reset()]))
}

fn goes_on(cut: usize, again: usize) -> Turn {
    let said = continuation(cut, again).into_iter().map(|text| delta(&text));
    streams(at_once([role()].into_iter().chain(said).chain([finish("stop"), usage_chunk(30, 5)])))
}

fn asks() -> Value {
    chat(
        r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"Tell."}],"stream":true,"stream_options":{"include_usage":true}}"#,
    )
}

fn asks_responses() -> Value {
    let body = r#"{"model":"gpt-5.5","input":"Tell.","stream":true,"max_output_tokens":100}"#;
    post("/v1/responses", body)
}

/// The chunks that a chat client reads, without the end.
fn chunks(said: &Said) -> Vec<Value> {
    let events = said.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"), "{}", said.body);
    events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

fn text_of(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

/// What the ledger and the breakers hear, exact to the nano-dollar: the first attempt's bound, and 30 and 5 tokens at 2
/// and 20 dollars per million.
fn check_books(world: &World, event: &Value, (second, label): (&str, &str)) {
    let record = world.record();
    let tries: Vec<_> = record.tries.iter().map(|tried| (tried.target.as_str(), tried.cause)).collect();
    assert_eq!(tries, [("first/gpt-5.5", Cause::Broken), (second, Cause::Ok)], "{label}");
    assert_eq!(
        (record.attempts, record.continued, record.target.as_deref()),
        (2, 1, Some(second)),
        "{label}"
    );
    assert_eq!(record.charged_nanos, Nanos(bounds(event).0 + 30 * 2_000 + 5 * 20_000), "{label}");
    assert!(record.reserved_nanos >= record.charged_nanos, "{label}");
    let end = record.end.unwrap();
    assert_eq!((end.outcome.as_str(), end.usage, end.estimated), ("ok", usage(30, 5), true), "{label}");
    assert!(world.cache.is_empty(), "{label}");
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_was_cut_anywhere_is_read_whole_and_once() {
    for (cut, again) in (1..=PIECES.len()).flat_map(|cut| AGAIN.map(|again| (cut, again))) {
        let world = world([breaks_after(cut), goes_on(cut, again)], "second");
        let label = format!("cut after {cut}, {again} again");

        let said = world.call(asks()).await;

        let chunks = chunks(&said);
        assert_eq!(text_of(&chunks), whole(), "{label}");
        assert!(chunks.iter().all(|chunk| chunk["id"] == "chatcmpl-r-1"), "{label}");
        assert_eq!(said.body.matches(r#""role":"assistant""#).count(), 1, "{label}");
        let finishes: Vec<_> =
            chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).collect();
        assert_eq!(finishes, ["stop"], "{label}");
        assert_eq!(chunks.last().unwrap()["usage"]["total_tokens"], 35, "{label}");
        assert_eq!(said.body.matches(": continued by second/second.model\n\n").count(), 1, "{label}");
        let asked = &world.model.calls()[1].body["messages"];
        let part = PIECES[..cut].concat();
        assert_eq!(asked[1], json!({"role": "assistant", "content": part}), "{label}");
        assert_eq!(asked[2], json!({"role": "user", "content": GO_ON}), "{label}");
        check_books(&world, &asks(), ("second/gpt-5.5", &label));
    }
}

#[tokio::test(start_paused = true)]
async fn converse_goes_on_with_a_chat_that_was_cut_anywhere() {
    for (cut, again) in (1..=PIECES.len()).flat_map(|cut| AGAIN.map(|again| (cut, again))) {
        let pieces = continuation(cut, again).into_iter().map(Event::Text);
        let thought = Event::Thought("Where was I?".to_owned());
        let last = [Event::Finish(FinishReason::Length), Event::Usage(usage(30, 5))];
        let events = [thought].into_iter().chain(pieces).chain(last);
        let spoken = events.map(|event| (Duration::ZERO, Ok(Heard::Events(vec![event]))));
        let world = world([breaks_after(cut), streams(spoken)], "elsewhere");
        let label = format!("cut after {cut}, {again} again");

        let said = world.call(asks()).await;

        let chunks = chunks(&said);
        assert_eq!(text_of(&chunks), whole(), "{label}");
        assert!(said.body.contains(r#""finish_reason":"length""#), "{label}");
        assert!(!said.body.contains(r#""finish_reason":"stop""#), "{label}");
        assert!(!said.body.contains("Where was I?"), "{label}");
        let asked = &world.model.calls()[1].body["messages"];
        assert_eq!(asked[1], json!({"role": "assistant", "content": [{"text": PIECES[..cut].concat()}]}));
        assert_eq!(asked[2], json!({"role": "user", "content": [{"text": GO_ON}]}), "{label}");
        check_books(&world, &asks(), ("elsewhere/unrouted", &label));
    }
}

/// The first target's stream in the Responses dialect, cut.
fn responses_cut(cut: usize) -> Turn {
    let begun = json!({"type": "response.created", "sequence_number": 0, "response": {"id": "resp_theirs",
        "status": "in_progress", "output": []}});
    let said = PIECES[..cut].iter().map(|text| {
        json!({"type": "response.output_text.delta", "item_id": "msg_theirs", "output_index": 0,
            "content_index": 0, "delta": text})
    });
    let events = [begun].into_iter().chain(said).map(|event| event.to_string());
    streams(at_once(events).into_iter().chain([reset()]))
}

#[tokio::test(start_paused = true)]
async fn a_response_that_was_cut_anywhere_is_one_item_with_one_numbering() {
    for (cut, again) in (1..=PIECES.len()).flat_map(|cut| AGAIN.map(|again| (cut, again))) {
        let world = world([responses_cut(cut), goes_on(cut, again)], "second");
        let label = format!("cut after {cut}, {again} again");

        let said = world.call(asks_responses()).await;

        let events: Vec<Value> =
            said.events().iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        let numbers: Vec<_> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>(), "{label}");
        let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
        let deltas = of("response.output_text.delta");
        let text: String = deltas.iter().map(|event| event["delta"].as_str().unwrap()).collect();
        assert_eq!(text, whole(), "{label}");
        assert!(deltas.iter().all(|event| event["item_id"] == "msg_r1_0"), "{label}");
        let done = of("response.output_text.done");
        assert_eq!((done.len(), &done[0]["text"]), (1, &json!(whole())), "{label}");
        let last = &events.last().unwrap()["response"];
        assert_eq!((&last["id"], &last["status"]), (&json!("resp_r1"), &json!("completed")), "{label}");
        assert_eq!(last["output"].as_array().unwrap().len(), 1, "{label}");
        assert_eq!(last["output"][0]["content"][0]["text"], whole(), "{label}");
        assert_eq!((&last["usage"]["total_tokens"], &last["store"]), (&json!(35), &json!(false)), "{label}");
        assert_eq!(said.body.matches(": continued by second/second.model\n\n").count(), 1, "{label}");
        check_books(&world, &asks_responses(), ("second/gpt-5.5", &label));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_break_is_said_whole_kept_and_charged_as_ever() {
    let said = PIECES.iter().map(|text| delta(text));
    let turn = streams(at_once([role()].into_iter().chain(said).chain([finish("stop"), usage_chunk(30, 5)])));
    let world = world([turn], "second");

    let said = world.call(asks()).await;
    let again = world.call(asks()).await;

    assert_eq!(text_of(&chunks(&said)), whole());
    assert!(!said.body.contains(": continued"), "{}", said.body);
    assert_eq!((again.header("x-tollgate-cache"), &again.body), ("hit-exact", &said.body));
    let record = world.record();
    assert_eq!((record.continued, record.charged_nanos), (0, Nanos(80_000)));
    assert!(!record.end.unwrap().estimated);
}

#[tokio::test(start_paused = true)]
async fn a_later_call_still_goes_on_from_a_response_that_its_provider_keeps() {
    let response = json!({"id": "resp_theirs", "status": "completed", "output": [],
        "usage": {"input_tokens": 30, "output_tokens": 5}});
    let events = [
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Paris"}),
        json!({"type": "response.completed", "response": response}),
    ];
    let world = world([streams(at_once(events.map(|event| event.to_string())))], "second");

    let said = world.call(asks_responses()).await;

    assert!(said.body.contains(r#""store":true"#), "{}", said.body);
    assert_eq!(world.record().end.unwrap().response_id.as_deref(), Some("resp_theirs"));
}
