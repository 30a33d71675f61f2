//! Calls at a steady rate on one shared budget, whether or not the last ones have been answered:
//! `cargo run --release -p tollgate-tests --example sustained -- --rate 50 --secs 60`, against the stack of `make up`.
//!
//! It fails on a false refusal: `insufficient_quota` although the budget holds a hundred times more, or any 5xx.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and says what it measured"
)]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_core::money::Nanos;
use tollgate_tests::raw::{chat, header};
use tollgate_tests::stack::Stack;

/// Calls that warm the environments up, and are not counted.
const WARM_UP: usize = 8;

/// How a call ended.
struct Ended {
    /// The status and, of a refusal, its code.
    outcome: String,
    took: Duration,
    /// What it cost, as its headers say.
    cost: Nanos,
}

#[tokio::main]
async fn main() -> ExitCode {
    let (rate, secs) = (argument("--rate", 50), argument("--secs", 60));
    let stack: &'static Stack = Box::leak(Box::new(Stack::running()));
    let user = format!("sustained-{}", tollgate_aws::clock::now().as_secs());
    let limits = ["--rate", "10000", "--burst", "10000", "--budget-usd-day", "1000"];
    let key: &'static str = Box::leak(stack.key(&user, "sustained", &limits).await.into_boxed_str());
    let mut warm = JoinSet::new();
    (0..WARM_UP).for_each(|call| drop(warm.spawn(ask(stack, key, format!("warm {user} {call}")))));
    let mut spent: Nanos =
        warm.join_all().await.iter().map(|ended| ended.cost).fold(Nanos::ZERO, Nanos::plus);

    let begun = Instant::now();
    let ended = load(stack, key, &user, (rate, secs)).await;
    let wall = begun.elapsed();

    spent = ended.iter().map(|ended| ended.cost).fold(spent, Nanos::plus);
    let is_clean = report(&ended, wall);
    println!("cost: {spent} USD by the answers' headers; the ledger says {}", settled(stack, &user).await);
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Open loop: a call begins when its time has come.
async fn load(stack: &'static Stack, key: &'static str, user: &str, (rate, secs): (u64, u64)) -> Vec<Ended> {
    let mut calls = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate).unwrap_or(u32::MAX));
    for call in 0..rate * secs {
        ticks.tick().await;
        calls.spawn(ask(stack, key, format!("call {call} of {user}")));
    }
    calls.join_all().await
}

async fn ask(stack: &'static Stack, key: &'static str, text: String) -> Ended {
    let messages = json!([{"role": "user", "content": text}]);
    let body = json!({"model": "gpt-5.5", "max_completion_tokens": 40, "messages": messages});
    let begun = Instant::now();
    let answer = chat(stack, key, &body).await;
    let cost = header(&answer, "x-tollgate-cost-usd").and_then(|usd| usd.parse().ok()).unwrap_or_default();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    let outcome = match body["error"]["code"].as_str() {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    };
    Ended { outcome, took: begun.elapsed(), cost }
}

/// Prints what happened, and says whether nothing was refused.
fn report(ended: &[Ended], wall: Duration) -> bool {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for one in ended {
        *outcomes.entry(&one.outcome).or_default() += 1;
    }
    let mut took: Vec<Duration> = ended.iter().map(|one| one.took).collect();
    took.sort_unstable();
    let at =
        |percent: usize| took.get(took.len() * percent / 100).or(took.last()).copied().unwrap_or_default();
    println!("{} calls in {} ms", ended.len(), wall.as_millis());
    println!("outcomes: {outcomes:?}");
    println!("latency: p50 {} ms, p95 {} ms", at(50).as_millis(), at(95).as_millis());
    let is_false = |outcome: &&&str| outcome.contains("insufficient_quota") || outcome.starts_with('5');
    let refused: Vec<_> = outcomes.keys().filter(is_false).collect();
    if !refused.is_empty() {
        println!("false refusals: {refused:?}");
    }
    refused.is_empty()
}

/// What the user has spent, once settlement has caught up.
async fn settled(stack: &Stack, user: &str) -> Value {
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (said, _) = stack.tollgate(&["spend", "--user", user, "--day"]).await;
    said
}

fn argument(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    let given = arguments.next().map(|text| text.parse().expect("a whole number"));
    given.unwrap_or(default)
}
