//! Each answer of each kind of target, whole and as a stream, as callers of both dialects get it; and what it costs.

use serde_json::Value;
use tollgate_core::completion::Glimpse;
use tollgate_core::dialect::Dialect;
use tollgate_core::model::Said;
use tollgate_core::request::Request;

use crate::costs::cost;
use crate::events::converse;
use crate::pairs::{CHAT, CHAT_OSS, CLAUDE, CONVERSE, CONVERSE_OSS, INVOKE, PASS, RESPONSES};
use crate::stage::{Heard, gatherer, hear, interpreter, json, request};
use crate::text::{compare, data_of, fixture, lines, pretty};

/// A caller's request, which the answers answer.
pub(crate) fn ask(dialect: Dialect, stream: bool) -> Request {
    let (words, usage) = match dialect {
        Dialect::Responses => (r#""input":"Say hello.","metadata":{"ticket":"A-1"}"#, ""),
        Dialect::Chat | Dialect::Embeddings => (
            r#""messages":[{"role":"user","content":"Say hello."}]"#,
            r#","stream_options":{"include_usage":true}"#,
        ),
    };
    let usage = if stream { usage } else { "" };
    request(dialect, format!(r#"{{"model":"m",{words},"stream":{stream}{usage}}}"#).as_bytes())
}

/// What a target says in a stream, piece by piece.
pub(crate) fn said(target: &str, name: &str) -> Vec<Said> {
    match wire(target) {
        None => converse(name).into_iter().map(Said::Events).collect(),
        Some(wire) => {
            data_of(&fixture(&format!("{wire}/answer/{name}.sse"))).iter().map(|data| json(data)).collect()
        }
    }
}

fn said_at_once(target: &str, name: &str) -> Said {
    match wire(target) {
        None => Said::Events(converse(name).concat()),
        Some(wire) => json(&fixture(&format!("{wire}/answer/{name}.json"))),
    }
}

/// The dialect of a target's answers in `fixtures`, but for Converse.
fn wire(target: &str) -> Option<&'static str> {
    match target {
        RESPONSES => Some("responses"),
        PASS | CHAT | CHAT_OSS | INVOKE => Some("chat"),
        _ => None,
    }
}

/// Compares what the caller gets with the snapshot, and what it costs with the figure, in nano-dollars.
fn check(client: Dialect, target: &str, name: &str, expected: u64) {
    let (body, seen) = interpreter(&ask(client, false), target)
        .whole(said_at_once(target, name))
        .unwrap_or_else(|error| panic!("{target} {name}: {error}"));
    let heard = hear(interpreter(&ask(client, true), target), said(target, name));

    let text = format!(
        "## whole\n{}\n{}\n\n## stream\n{}{}\n",
        pretty(&body),
        in_words(&seen),
        lines(&heard.frames),
        in_words(&heard.glimpse)
    );
    compare(&format!("{}_hears_{}_{name}", client.as_str(), kind(target)), &text);
    for seen in [&seen, &heard.glimpse] {
        assert_eq!(cost(target, seen), expected, "{target} {name}");
    }
    check_gathered(client, target, name, (&body, &seen));
}

/// A stream that is gathered is the answer that would have come whole, and is seen as that.
fn check_gathered(client: Dialect, target: &str, name: &str, (body, seen): (&[u8], &Glimpse)) {
    let mut gatherer = gatherer(&ask(client, false), target);
    let pieces = said(target, name).into_iter();
    for piece in pieces {
        assert!(!gatherer.is_over(), "{target} {name}");
        gatherer.hear(piece).unwrap_or_else(|error| panic!("{target} {name}: {error}"));
    }

    let (gathered, also_seen) = gatherer.whole().unwrap_or_else(|error| panic!("{target} {name}: {error}"));

    let [gathered, whole] = [&gathered[..], body].map(|json| {
        let mut value: Value = serde_json::from_slice(json).expect("an answer is JSON");
        drop_empty(&mut value);
        value
    });
    assert_eq!(gathered, whole, "{} hears {target} {name}", client.as_str());
    assert_eq!(also_seen, *seen, "{target} {name}");
}

/// Chunks leave out what a whole answer says to be absent, or to be none.
fn drop_empty(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null() && *member != Value::Array(Vec::new()));
            members.values_mut().for_each(drop_empty);
        }
        Value::Array(elements) => elements.iter_mut().for_each(drop_empty),
        _ => {}
    }
}

fn in_words(seen: &Glimpse) -> String {
    let Glimpse { usage, finish, response_id, service_tier, has_content, .. } = seen;
    assert!(has_content);
    format!("seen: {finish:?}, tier {service_tier:?}, provider's id {response_id:?}, {usage:?}")
}

fn kind(target: &str) -> &'static str {
    match target {
        RESPONSES => "responses",
        PASS | CHAT | CHAT_OSS => "chat",
        INVOKE => "invoke",
        _ => "converse",
    }
}

#[test]
fn answers_in_chat_reach_callers_of_chat() {
    // 86 × 5,500 + 1,920 × 550 + 300 × 33,000
    check(Dialect::Chat, PASS, "text", 11_429_000);
    // 50 × 5,500 + 12 × 33,000
    check(Dialect::Chat, PASS, "refusal", 671_000);
    // 120 × 5,500 + 45 × 33,000
    check(Dialect::Chat, PASS, "calls", 2_145_000);
    // 20 × 5,500 + 16 × 33,000
    check(Dialect::Chat, PASS, "length", 638_000);
    // 30 × 5,500 + 5 × 33,000
    check(Dialect::Chat, PASS, "filter", 330_000);
    // 12 × 5,500 + 2 × 33,000
    check(Dialect::Chat, PASS, "logprobs", 132_000);
    // 15 × 5,500 + 9 × 33,000
    check(Dialect::Chat, PASS, "two_answers", 379_500);
    // The long price: 100,000 × 11,000 + 200,000 × 1,100 + 1,000 × 49,500
    check(Dialect::Chat, PASS, "long", 1_369_500_000);
}

#[test]
fn answers_in_chat_reach_callers_of_responses() {
    // As above: the price is the target's, whoever asks.
    check(Dialect::Responses, CHAT, "text", 11_429_000);
    check(Dialect::Responses, CHAT, "refusal", 671_000);
    check(Dialect::Responses, CHAT, "calls", 2_145_000);
    check(Dialect::Responses, CHAT, "length", 638_000);
    check(Dialect::Responses, CHAT, "filter", 330_000);
    check(Dialect::Responses, CHAT, "logprobs", 132_000);
    check(Dialect::Responses, CHAT, "long", 1_369_500_000);
    // 77 × 150 + 42 × 600
    check(Dialect::Responses, CHAT_OSS, "reasoning", 36_750);
}

#[test]
fn reasoning_is_taken_out_of_the_text_of_an_invoked_model() {
    // 80 × 150 + 60 × 600
    check(Dialect::Chat, INVOKE, "inline", 48_000);
    check(Dialect::Responses, INVOKE, "inline", 48_000);
}

#[test]
fn answers_in_responses_reach_both_kinds_of_callers() {
    for client in [Dialect::Chat, Dialect::Responses] {
        // 1,476 × 5,500 + 1,024 × 550 + 1,500 × 6,875 + 220 × 33,000
        check(client, RESPONSES, "text", 26_253_700);
        // 40 × 5,500 + 14 × 33,000
        check(client, RESPONSES, "refusal", 682_000);
        // 150 × 5,500 + 96 × 33,000
        check(client, RESPONSES, "calls", 3_993_000);
        // 25 × 5,500 + 16 × 33,000
        check(client, RESPONSES, "length", 665_500);
        // 33 × 5,500 + 8 × 33,000
        check(client, RESPONSES, "filter", 445_500);
        // 12 × 5,500 + 2 × 33,000
        check(client, RESPONSES, "logprobs", 132_000);
        // The long price: 130,000 × 11,000 + 100,000 × 1,100 + 50,000 × 13,750 + 2,000 × 49,500
        check(client, RESPONSES, "long", 2_326_500_000);
    }
}

#[test]
fn answers_of_converse_reach_both_kinds_of_callers() {
    for client in [Dialect::Chat, Dialect::Responses] {
        // 100 × 3,300 + 500 × 330 + 1,000 × 4,125 + 90 × 16,500
        check(client, CLAUDE, "text", 6_105_000);
        // 210 × 5,500 + 70 × 33,000
        check(client, CONVERSE, "calls", 3_465_000);
        // 22 × 5,500 + 16 × 33,000
        check(client, CONVERSE, "length", 649_000);
        // 19 × 5,500 + 11 × 33,000
        check(client, CONVERSE, "filter", 467_500);
        // The long price: 200,000 × 6,600 + 30,000 × 660 + 20,000 × 8,250 + 1,000 × 24,750
        check(client, CLAUDE, "long", 1_529_550_000);
        // 77 × 150 + 42 × 600
        check(client, CONVERSE_OSS, "reasoning", 36_750);
    }
}

#[test]
fn the_chunk_with_the_usage_comes_only_where_it_is_asked_for() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"a"}],"stream":true}"#;
    for (target, name) in [(PASS, "text"), (RESPONSES, "text"), (CLAUDE, "text"), (INVOKE, "inline")] {
        let Heard { frames, glimpse } =
            hear(interpreter(&request(Dialect::Chat, body), target), said(target, name));

        let frames = String::from_utf8(frames).unwrap();
        assert!(glimpse.usage.is_some() && frames.ends_with("data: [DONE]\n\n"), "{target}");
        assert!(!frames.contains("prompt_tokens"), "{target}");
    }
}

#[test]
fn a_stream_that_breaks_ends_with_an_error() {
    for (client, target) in [
        (Dialect::Chat, PASS),
        (Dialect::Responses, CHAT),
        (Dialect::Chat, RESPONSES),
        (Dialect::Responses, RESPONSES),
    ] {
        let heard = hear(interpreter(&ask(client, true), target), said(target, "broken"));

        let name = format!("{}_hears_{}_broken", client.as_str(), kind(target));
        compare(&name, &lines(&heard.frames));
        assert_eq!(heard.glimpse.finish, None);
    }
}

#[test]
fn a_response_that_failed_is_no_answer() {
    for client in [Dialect::Chat, Dialect::Responses] {
        assert!(
            interpreter(&ask(client, false), RESPONSES).whole(said_at_once(RESPONSES, "failed")).is_err()
        );
    }
}
