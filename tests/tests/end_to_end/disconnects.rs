//! Clients that leave a stream, each at another point of it: the provider goes on to the end, and so does the charge.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tollgate_core::money::Nanos;
use tollgate_tests::raw::header;
use tollgate_tests::stack::{Stack, root};
use tollgate_tests::standin::{calls, reset, set_faults};

use crate::answers::closed_record;

const POINTS: usize = 20;
/// Clients at once: each needs an environment of its own.
const AT_ONCE: usize = 5;

pub(crate) async fn a_client_may_leave_anywhere_and_is_charged_what_the_provider_counted(stack: &Stack) {
    reset(stack).await;
    set_faults(stack, &json!([{"model": "*", "chunk_delay_ms": 10, "reply_words": 50}])).await;
    let key = stack.key("sybil", "search", &["--rate", "100", "--burst", "100"]).await;
    let points: Vec<usize> = (0..POINTS).collect();
    let mut ids = Vec::new();
    for some in points.chunks(AT_ONCE) {
        ids.extend(join_all(some.iter().map(|point| leave(stack, &key, *point))).await);
    }

    let records = join_all(ids.iter().map(|id| closed_record(stack, id))).await;

    for record in &records {
        let tokens = |kind: &str| record["tokens"][kind].as_u64().unwrap_or_default();
        let expected = rate("input") * tokens("input") + rate("output") * tokens("output");
        let charged = record["charged_usd"].as_str().and_then(|usd| usd.parse::<Nanos>().ok());
        assert_eq!(charged, Some(Nanos(expected)), "{record}");
        assert_eq!((&record["state"], &record["estimated"]), (&"settled".into(), &false.into()), "{record}");
    }
    let made = calls(stack).await;
    assert_eq!(
        counts(records.iter().map(|record| (&record["tokens"]["input"], &record["tokens"]["output"]))),
        counts(made.iter().map(|call| (&call["input_tokens"], &call["output_tokens"]))),
    );
    reset(stack).await;
}

/// Leaves after so many chunks; the call's id. Every point has a prompt of its own length, which tells the calls apart.
async fn leave(stack: &Stack, key: &str, point: usize) -> String {
    let text = format!("Tell{}.", " more".repeat(point));
    let (path, body) = if point.is_multiple_of(2) {
        let messages = json!([{"role": "user", "content": text}]);
        ("chat/completions", json!({"model": "gpt-5.5", "stream": true, "messages": messages}))
    } else {
        ("responses", json!({"model": "gpt-5.5", "stream": true, "input": text}))
    };
    let url = format!("{}/{path}", stack.variable("OPENAI_BASE_URL"));
    let request = reqwest::Client::new().post(url).bearer_auth(key).json(&body);
    let mut answer = request.send().await.expect("the front door answers");
    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    for _ in 0..point {
        let chunk = answer.chunk().await.expect("the stream goes on");
        assert!(chunk.is_some(), "the stream ended before its {point} chunks");
    }
    header(&answer, "x-tollgate-request-id").expect("every answer names its call")
}

/// Nano-dollars per token of the target that is asked first.
fn rate(kind: &str) -> u64 {
    let text = std::fs::read_to_string(root().join("config/prices.json")).expect("the prices are shipped");
    let prices: Value = serde_json::from_str(&text).expect("the prices are JSON");
    let per_million = prices["targets"]["mantle-us-east-1/gpt-5.5"][kind].as_str().unwrap_or_default();
    per_million.parse::<Nanos>().expect("a price is in dollars").0 / 1_000_000
}

fn counts<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Vec<(Option<u64>, Option<u64>)> {
    let mut counts: Vec<_> = pairs.map(|(input, output)| (input.as_u64(), output.as_u64())).collect();
    counts.sort_unstable();
    counts
}
