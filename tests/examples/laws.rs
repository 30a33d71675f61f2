//! How soon an operator's word holds, measured against the stack of `make up`:
//! `cargo run -p tollgate-tests --example laws -- --tries 50`
//!
//! Callers call all the time. A revoked key is admitted for 10 s at most (`revoke_in_time`), and no model is asked later
//! than 5 s after the flag fell (`kill_in_time`); both are counted from the moment at which the command is entered.

#![expect(clippy::print_stdout, reason = "it measures, and says what it measured")]

use std::process::ExitCode;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_aws::clock;
use tollgate_core::time::Timestamp;
use tollgate_tests::raw::{RawRequest, chat};
use tollgate_tests::stack::Stack;
use tollgate_tests::standin::{calls, reset};

const REVOKE: Duration = Duration::from_secs(10);
const KILL: Duration = Duration::from_secs(5);

/// Keys that are revoked at the same time; each has a caller of its own.
const AT_ONCE: usize = 5;
/// Callers while the flag falls, so that several environments know the old one.
const CALLERS: usize = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// How long it is watched whether a key comes back to life.
const WATCH: Duration = Duration::from_secs(11);
/// The same for the flag.
const WATCH_FLAG: Duration = Duration::from_millis(5_500);

#[tokio::main]
async fn main() -> ExitCode {
    let tries = argument("--tries", 50);
    let stack: &'static Stack = Box::leak(Box::new(Stack::running()));
    let mut revocations = Vec::new();
    while revocations.len() < tries {
        let mut some = JoinSet::new();
        for number in 0..AT_ONCE.min(tries - revocations.len()) {
            some.spawn(revoke(stack, format!("revoked-{}-{number}", clock::now().as_secs())));
        }
        revocations.extend(some.join_all().await);
    }
    let mut stops = Vec::new();
    let key = stack.key("laws", "laws", &["--rate", "1000", "--burst", "1000"]).await;
    while stops.len() < tries {
        stops.push(stop(stack, &key).await);
    }
    let kept = [report("revoke_in_time", revocations, REVOKE), report("kill_in_time", stops, KILL)];
    if kept == [true, true] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// From the command to the last call that was admitted.
async fn revoke(stack: &Stack, user: String) -> Duration {
    let key = stack.key(&user, "laws", &["--rate", "1000", "--burst", "1000"]).await;
    assert!(is_admitted(stack, &key).await, "a new key works");
    let id = key.split('-').nth(1).expect("a key has an id").to_owned();
    let entered = clock::now();
    let command = async {
        let (said, is_done) = stack.tollgate(&["keys", "revoke", &id]).await;
        assert!(is_done, "{said}");
    };
    let watch = async {
        let mut last = entered;
        while clock::now().since(entered) < WATCH {
            let begun = clock::now();
            if is_admitted(stack, &key).await {
                last = begun;
            }
            tokio::time::sleep(PAUSE).await;
        }
        last
    };
    let ((), last) = futures_util::future::join(command, watch).await;
    last.since(entered)
}

async fn is_admitted(stack: &Stack, key: &str) -> bool {
    let authorization = format!("Bearer {key}");
    let request = RawRequest {
        method: Method::GET,
        path: "/models",
        authorization: Some(&authorization),
        body: Vec::new(),
    };
    let status = request.send(stack).await.status().as_u16();
    assert!(matches!(status, 200 | 401 | 503), "{status}");
    status == 200
}

/// From the command to the last call that reached a model.
async fn stop(stack: &'static Stack, key: &str) -> Duration {
    reset(stack).await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let key = key.to_owned();
        callers.spawn(async move {
            for call in 0_u64.. {
                let text = format!("{caller} {call} {}", clock::now().as_micros());
                let messages = json!([{"role": "user", "content": text}]);
                let body = json!({"model": "gpt-5.5", "max_completion_tokens": 20, "messages": messages});
                drop(chat(stack, &key, &body).await);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    until_asked(stack, 2 * CALLERS).await;
    let entered = clock::now();
    let (said, is_done) = stack.tollgate(&["flag", "off", "--why", "a measurement"]).await;
    assert!(is_done, "{said}");
    tokio::time::sleep(WATCH_FLAG.saturating_sub(clock::now().since(entered))).await;
    callers.shutdown().await;
    let last = calls(stack).await.iter().filter_map(asked_at).max().unwrap_or(entered);
    let (said, is_done) = stack.tollgate(&["flag", "on", "--why", "a measurement"]).await;
    assert!(is_done, "{said}");
    last.since(entered)
}

async fn until_asked(stack: &Stack, times: usize) {
    while calls(stack).await.len() < times {
        tokio::time::sleep(PAUSE).await;
    }
}

fn asked_at(call: &Value) -> Option<Timestamp> {
    call["at_us"].as_u64().map(Timestamp::from_micros)
}

/// Prints the figures, and says whether the law is kept.
fn report(law: &str, mut times: Vec<Duration>, limit: Duration) -> bool {
    times.sort_unstable();
    let slowest = times.last().copied().unwrap_or_default();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let (tries, median_ms, slowest_ms) = (times.len(), median.as_millis(), slowest.as_millis());
    println!(
        "{law}: {tries} tries, median {median_ms} ms, slowest {slowest_ms} ms of {} ms",
        limit.as_millis()
    );
    slowest <= limit
}

fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    let given = arguments.next().map(|text| text.parse().expect("a whole number"));
    given.unwrap_or(default)
}
