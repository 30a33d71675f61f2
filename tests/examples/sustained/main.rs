//! Calls at a steady rate on one shared budget, whether or not the last ones have been answered, against the stack of
//! `make up`: `cargo run --release -p tollgate-tests --example sustained -- --rate 50 --secs 60`
//!
//! With `--dynamodb-local` the tables are in DynamoDB Local instead of the stack's emulator (see `front.rs`); `--binaries`
//! says where the functions are then: `tools/with_oracle.py sh -c 'make up PORT=9100 && cargo run … ; make down'`.
//!
//! It fails on a false refusal, which any is: the key's rate and the budget hold a hundred times more.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and says what it measured"
)]

mod front;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_core::money::Nanos;
use tollgate_tests::raw::{chat, header};
use tollgate_tests::stack::Stack;

use crate::front::Front;

/// At half the rate, and not counted: environments start, and a JVM compiles.
const WARM_UP_SECS: u64 = 20;

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
    let (rate, secs) = (number("--rate", 50), number("--secs", 60));
    let mut stack = Stack::running();
    let is_local = std::env::args().any(|argument| argument == "--dynamodb-local");
    let binaries = PathBuf::from(argument("--binaries").unwrap_or_else(|| "target/debug".to_owned()));
    let front = if is_local { Some(Front::open(&mut stack, &binaries).await) } else { None };
    let stack: &'static Stack = Box::leak(Box::new(stack));
    let user = format!("sustained-{}", tollgate_aws::clock::now().as_secs());
    let limits = ["--rate", "10000", "--burst", "10000", "--budget-usd-day", "1000"];
    let key: &'static str = Box::leak(stack.key(&user, "sustained", &limits).await.into_boxed_str());
    let warm = load(stack, key, &format!("warming {user}"), (rate.div_ceil(2), WARM_UP_SECS)).await;

    let begun = Instant::now();
    let ended = load(stack, key, &user, (rate, secs)).await;
    let wall = begun.elapsed();

    let is_clean = report(&ended, wall);
    let cost = |ended: &[Ended]| ended.iter().map(|ended| ended.cost).fold(Nanos::ZERO, Nanos::plus);
    let spent = cost(&warm).plus(cost(&ended));
    let counted = counted(stack, &user, front).await;
    println!("cost: {spent} USD by the answers' headers, {counted} USD by the books");
    if is_clean && spent.to_string() == counted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
    // The key's rate and budget hold all of them, so every refusal is a false one.
    let refused: Vec<_> = outcomes.keys().filter(|outcome| **outcome != "200").collect();
    if !refused.is_empty() {
        println!("false refusals: {refused:?}");
    }
    refused.is_empty()
}

/// What the user has spent, once settlement has caught up.
async fn counted(stack: &Stack, user: &str, front: Option<Front>) -> String {
    let Some(front) = front else {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (said, _) = stack.tollgate(&["spend", "--user", user, "--day"]).await;
        return said["total_usd"].as_str().unwrap_or_default().to_owned();
    };
    front.settled().await;
    let balance = front.accounts.balance().await;
    let open = balance.records.values().filter(|record| record.open.is_some()).count();
    println!("{open} records are left to the reconciler");
    front.close().await;
    let charged = balance.records.values().map(|record| record.charged_nanos);
    charged.fold(Nanos::ZERO, Nanos::plus).to_string()
}

fn number(name: &str, default: u64) -> u64 {
    argument(name).map_or(default, |text| text.parse().expect("a whole number"))
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}
