//! The emitter over books and metrics in memory.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test itself")]

mod malformed;
mod memory;
mod replay;

use memory::{Emitter, Fate, LATER, NOW};
use tollgate_core::rollup::Counts;
use tollgate_emitter::event::{BatchResponse, StreamEvent};

const BATCH: &str = include_str!("../../../../events/emitter/batch.json");
const PARTIAL: &str = include_str!("../../../../events/emitter/partial.json");

/// Beside the entry that cannot be read.
const CALLS_OF_PARTIAL: i128 = 2;

fn event(text: &str) -> StreamEvent {
    serde_json::from_str(text).unwrap()
}

fn failed(number: &str) -> BatchResponse {
    BatchResponse::from(Some(number.to_owned()))
}

#[tokio::test]
async fn a_batch_is_counted_to_the_nano_dollar() {
    let emitter = Emitter::new(&[], &[]);

    let response = emitter.handler.handle(&event(BATCH), LATER).await.unwrap();

    assert_eq!(serde_json::to_string(&response).unwrap(), r#"{"batchItemFailures":[]}"#);
    let expected = Counts {
        calls: 5,
        tokens_input: 613 + 1_200 + 700,
        tokens_output: 101 + 8_192 + 150,
        tokens_cached: 512,
        cost_nanos: 3_921_500 + 310_400_000 + 5_005_500,
        hits: 1,
        saved_nanos: 3_921_500,
        saved_tokens: 0,
        errors: 2,
    };
    assert_eq!(emitter.rollups.org(), expected);
    assert_eq!(emitter.metrics.sum("Cost.Estimate.Total"), expected.cost_nanos);
    assert_eq!(emitter.metrics.sum("Requests.Count"), 5_000_000_000);
    assert_eq!(emitter.metrics.samples("Latency"), 4_000_000_000);
    let scopes: Vec<String> = emitter.rollups.books().into_keys().collect();
    insta::assert_snapshot!(scopes.join("\n"), @r"
    key#k7Qm2xV9 2026-11-22
    key#p3Lw8sT1 2026-11-22
    model#mantle-us-east-1/gpt-5.5 2026-11-22
    model#runtime-us-east-1/gpt-5.6-sol 2026-11-22
    org 2026-11-22
    team#acme/ads 2026-11-22
    team#default/search 2026-11-22
    tenants-model#mantle-us-east-1/gpt-5.5 2026-11-22
    user#acme/bob 2026-11-22
    user#default/alice 2026-11-22
    ");
}

#[tokio::test]
async fn a_batch_that_comes_again_leaves_the_books_as_they_are() {
    let emitter = Emitter::new(&[], &[]);

    emitter.handler.handle(&event(BATCH), LATER).await.unwrap();
    let books = emitter.rollups.books();
    emitter.handler.handle(&event(BATCH), LATER).await.unwrap();

    assert_eq!(emitter.rollups.books(), books);
}

#[tokio::test]
async fn a_batch_goes_on_without_the_entry_that_nobody_can_read() {
    let emitter = Emitter::new(&[], &[]);

    let response = emitter.handler.handle(&event(PARTIAL), LATER).await.unwrap();

    assert_eq!(response, BatchResponse::default());
    assert_eq!(emitter.rollups.org().calls, CALLS_OF_PARTIAL);
    assert_eq!(emitter.metrics.sum("Requests.Count"), CALLS_OF_PARTIAL * 1_000_000_000);
    let entries = emitter.aside.entries.lock().unwrap();
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["300000000000000499274"]);
}

#[tokio::test]
async fn no_metric_is_put_for_books_that_failed() {
    let emitter = Emitter::new(&[Fate::ReplyLost], &[]);

    let response = emitter.handler.handle(&event(BATCH), LATER).await.unwrap();

    assert_eq!(response, failed("300000000000000499271"));
    assert_eq!(emitter.metrics.data.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_refused_put_comes_again_from_its_first_posting() {
    let emitter = Emitter::new(&[], &[Fate::Refused]);

    let response = emitter.handler.handle(&event(BATCH), LATER).await.unwrap();

    assert_eq!(response, failed("300000000000000499271"));
    assert_eq!(emitter.metrics.sum("Emitter.Ambiguous.Count"), 0);
}

#[tokio::test]
async fn a_lost_reply_is_counted_and_comes_again() {
    let emitter = Emitter::new(&[], &[Fate::ReplyLost]);

    let first = emitter.handler.handle(&event(BATCH), LATER).await.unwrap();
    let second = emitter.handler.handle(&event(BATCH), LATER).await.unwrap();

    assert_eq!((first, second), (failed("300000000000000499271"), BatchResponse::default()));
    assert_eq!(emitter.metrics.sum("Emitter.Ambiguous.Count"), 1_000_000_000);
    assert_eq!(emitter.metrics.sum("Requests.Count"), 10_000_000_000);
}

#[tokio::test]
async fn a_lost_reply_that_cannot_be_reported_is_reported_with_the_next_batch() {
    let emitter = Emitter::new(&[], &[Fate::RequestLost, Fate::Refused]);

    emitter.handler.handle(&event(BATCH), LATER).await.unwrap();
    assert_eq!(emitter.metrics.sum("Emitter.Ambiguous.Count"), 0);
    emitter.handler.handle(&event(BATCH), LATER).await.unwrap();

    assert_eq!(emitter.metrics.sum("Emitter.Ambiguous.Count"), 1_000_000_000);
}

#[tokio::test]
async fn a_batch_without_time_is_handed_back_whole() {
    let emitter = Emitter::new(&[], &[]);

    let response = emitter.handler.handle(&event(BATCH), NOW).await.unwrap();

    assert_eq!(response, failed("300000000000000499271"));
    assert_eq!((emitter.rollups.org(), emitter.metrics.data.lock().unwrap().len()), (Counts::default(), 0));
}
