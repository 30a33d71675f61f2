//! Streams that are cut, each at another place, through the real function, with DynamoDB Local and the provider
//! stand-in: the next target goes on, and the caller reads the whole text, once.

mod continued {
    pub(crate) mod stage;
}

use continued::stage::{Heard, Stage};
use serde_json::{Value, json};
use tollgate_core::outcome::Cause;
use tollgate_core::record::State;
use tollgate_local::standin::reply_for;

/// The replies are so long, and are cut after each of their words.
const WORDS: usize = 20;

/// How many words a continuation says again: none, some, all.
const AGAIN: [usize; 3] = [0, 3, WORDS];

/// Before the first word of a stream there are so many chunks.
const BEFORE: [(&str, usize); 2] = [("/v1/chat/completions", 1), ("/v1/responses", 4)];

/// Teams, each with another target that goes on: one that speaks chat and Responses, and one that speaks Converse.
const TEAMS: [(&str, &str); 2] =
    [("same", "mantle-us-east-2/gpt-5.5"), ("converse", "runtime-us-east-1/gpt-5.6-sol")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_cut_anywhere_is_read_whole_and_once() {
    let Some(stage) = Stage::set("continued").await else { return };
    for (path, before) in BEFORE {
        for (team, next) in TEAMS {
            for cut in 1..=WORDS {
                let again = AGAIN[cut % AGAIN.len()];
                stage.cut(before + cut, WORDS, again).await;
                let label = format!("{path} to {next}, cut after {cut}, {again} again");
                let text = format!("Tell {team} about cut {cut} of {before}.");

                let heard = stage.ask(path, team, &text).await;

                assert_eq!(said(path, &heard), reply_for(&text, WORDS), "{label}");
                assert_eq!(
                    heard.body.matches("\n: continued by bedrock/").count(),
                    1,
                    "{label}: {}",
                    heard.body
                );
                check_ledger(&stage, &heard, next, &label).await;
            }
        }
    }
    stage.accounts.balance().await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_break_ends_with_an_error() {
    let Some(stage) = Stage::set("continued-twice").await else { return };
    stage.cut_all(6, WORDS).await;

    let heard = stage.ask("/v1/chat/completions", "same", "Tell me.").await;

    assert!(heard.events.last().is_some_and(|event| event.contains("stream_broken")), "{}", heard.body);
    assert!(!heard.body.contains("[DONE]") && !heard.body.contains(r#""finish_reason":"stop""#));
    let record = stage.closed(&heard.id).await;
    assert_eq!((record.attempts, record.continued, record.charged()), (2, 1, record.reserved()));
    stage.accounts.balance().await;
    stage.strike().await;
}

/// The text that a client reads of a stream that ended as it should.
fn said(path: &str, heard: &Heard) -> String {
    let events = heard.events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    if path == "/v1/responses" {
        let events: Vec<Value> = events.collect();
        let number = |event: &Value| event["sequence_number"].as_u64();
        assert!(events.iter().zip(0..).all(|(event, at)| number(event) == Some(at)), "{}", heard.body);
        let last = events.last().expect("a stream has events");
        assert_eq!(last["type"], "response.completed", "{}", heard.body);
        let deltas = events.iter().filter(|event| event["type"] == "response.output_text.delta");
        let told: String = deltas.filter_map(|event| event["delta"].as_str()).collect();
        assert_eq!(last["response"]["output"][0]["content"][0]["text"], told, "{}", heard.body);
        return told;
    }
    assert_eq!(heard.events.last().map(String::as_str), Some("[DONE]"), "{}", heard.body);
    let events: Vec<Value> = events.collect();
    let finishes = events.iter().filter_map(|event| event["choices"][0]["finish_reason"].as_str());
    assert_eq!(finishes.collect::<Vec<_>>(), ["stop"], "{}", heard.body);
    assert!(events.iter().all(|event| event["id"] == events[0]["id"]), "{}", heard.body);
    events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
}

/// Both attempts are in the ledger and in the charge: the second as it was counted, the first at its bound.
async fn check_ledger(stage: &Stage, heard: &Heard, next: &str, label: &str) {
    let record = stage.closed(&heard.id).await;
    let calls = stage.calls().await;
    let tries: Vec<_> = record.tries.iter().map(|tried| (tried.target.as_str(), tried.cause)).collect();
    assert_eq!(tries, [("mantle-us-east-1/gpt-5.5", Cause::Broken), (next, Cause::Ok)], "{label}");
    assert_eq!((record.state, record.attempts, record.continued), (State::Settled, 2, 1), "{label}");
    let end = record.end.as_ref().expect("it is over");
    assert_eq!((end.outcome.as_str(), end.estimated), ("ok", true), "{label}");
    let [first, second] = calls.as_slice() else { panic!("two calls: {label}: {calls:?}") };
    assert_eq!(json!(end.usage.input), second["input_tokens"], "{label}");
    assert_eq!(json!(end.usage.output), second["output_tokens"], "{label}");
    let least = stage.cost("mantle-us-east-1/gpt-5.5", first) + stage.cost(next, second);
    let (charged, reserved) = (record.charged_nanos, record.reserved_nanos);
    assert!(charged.0 >= least && charged <= reserved, "{label}: {least} {charged} {reserved}");
}
