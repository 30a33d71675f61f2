//! How long redaction takes per kilobyte of what a request says, on this machine: the median of many rounds over the
//! labelled sample. `cargo run --release -p tollgate-core --example redaction`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and says what it measured"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate_core::catalogue::Catalogue;
use tollgate_core::dialect::Dialect;
use tollgate_core::redaction::{Redact, find, redact};
use tollgate_core::request::Request;

const ROUNDS: usize = 101;

fn main() {
    let catalogue: Catalogue = serde_json::from_str(include_str!("../../../config/catalogue.json"))
        .expect("the shipped catalogue is valid");
    let target = &catalogue.targets["openai/gpt-5.5"];
    let sample = include_str!("../../../tests/data/redaction/en.jsonl");
    let texts = sample.lines().map(|line| serde_json::from_str::<Value>(line).expect("the sample is JSON"));
    let messages: Vec<_> = texts.map(|sample| json!({"role": "user", "content": sample["text"]})).collect();
    let body = json!({"model": "gpt-5.5", "messages": messages}).to_string();
    let request = Request::parse(Dialect::Chat, body.as_bytes()).expect("the request is right");
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            black_box(redact(&request, (target, &Redact::default()), &[]).expect("the target takes it"));
            begun.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    let nanos = rounds[ROUNDS / 2].as_nanos();
    for hostile in ["1.", "sk-", "eyJ.", "token=", "-----BEGIN PRIVATE KEY-----", "1 ", "a:b@", "://a:"] {
        let text = hostile.repeat(1_000_000 / hostile.len());
        let begun = Instant::now();
        black_box(find(&text, &Redact::default().classes, &[]));
        println!("1 MB of {hostile:?}: {} ms", begun.elapsed().as_millis());
    }
    println!("{} bytes, {} µs, {} ns per KB", body.len(), nanos / 1_000, nanos * 1_024 / body.len() as u128);
}
