//! Ten thousand calls of all kinds, what the ledger holds of them in the end, and the stream of their changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::cache::Sharing;
use tollgate_core::caller::{Caller, Role};
use tollgate_core::money::Nanos;
use tollgate_core::output_policy::OutputPolicy;
use tollgate_core::record::{CacheOutcome, End, Opening, Record};
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

/// The first number of the stream.
pub(crate) const FIRST: usize = 1_000;

/// The states of the call of this number, in their order. Its figures differ from those of all others.
pub(crate) fn history(number: usize, noon: Timestamp) -> Vec<Record> {
    let figure = (number as u64).wrapping_mul(7_919) % 10_007;
    let kind = number % 20;
    let cache = match kind {
        3..=6 => CacheOutcome::HitExact,
        7 => CacheOutcome::Bypass,
        _ => CacheOutcome::Miss,
    };
    let open = Record::open(&caller(number), opening(number, cache, noon));
    let end = |outcome: &str| end(outcome, figure, noon);
    let sent = open.sent("mantle-us-east-1/gpt-5.5");
    let cost = Nanos(1_000_000 + 1_003 * figure);
    match kind {
        0 => vec![open, sent.clone(), sent.expired(noon)],
        1 => vec![open, sent.clone(), sent.expired(noon), sent.expired(noon).settled(cost, end("ok"))],
        2 => vec![open, sent.clone(), sent.released(end("provider_unavailable"))],
        3..=6 => {
            let saved = End { saved_nanos: cost, saved_tokens: figure, ..end("ok") };
            vec![open.settled(Nanos::ZERO, saved)]
        }
        _ => vec![open, sent.clone(), sent.settled(cost, end("ok"))],
    }
}

fn caller(number: usize) -> Caller {
    let name = |text: String| text.parse().expect("letters, digits and a hyphen are a name");
    Caller {
        key_id: name(format!("k{}", number % 40)),
        user: name(format!("user-{}", number % 40)),
        team: name(format!("team-{}", number % 7)),
        tenant: name("default".to_owned()),
        role: Role::Caller,
        models: Vec::new(),
        output: OutputPolicy::default(),
        sharing: Sharing::default(),
        budget: Budget::default(),
        flow: FlowPolicy::default(),
    }
}

fn opening(number: usize, cache: CacheOutcome, now: Timestamp) -> Opening {
    Opening {
        request_id: format!("r-{number}"),
        model: "gpt-5.5".to_owned(),
        stream: false,
        trace_id: None,
        cache,
        bound: Nanos(200_000_000).into(),
        lane: Some(0),
        now,
        deadline: now,
        retention_days: 90,
    }
}

fn end(outcome: &str, figure: u64, noon: Timestamp) -> End {
    End {
        // Within an hour of one day, in different minutes.
        ended_us: Timestamp::from_secs(noon.as_secs() + figure % 3_600),
        outcome: outcome.to_owned(),
        provider: Some("bedrock".to_owned()),
        usage: Usage { input: 100 + figure, output: figure % 777, cached: figure % 99, ..Usage::default() },
        estimated: false,
        response_id: None,
        saved_nanos: Nanos::ZERO,
        saved_tokens: 0,
        semantic: None,
        latency_us: 250_000 + 1_013 * figure,
        first_token_us: None,
    }
}

/// The changes of these calls, each call's in their order and the calls one after the other, as a shard brings them; every
/// `poison`th is followed by one that nobody can read.
pub(crate) fn entries(calls: &[Vec<Record>], poison: usize) -> Vec<Value> {
    let mut entries = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        for (step, after) in call.iter().enumerate() {
            let before = step.checked_sub(1).map(|before| &call[before]);
            entries.push(entry(before, after));
        }
        if number % poison == poison / 2 {
            let mut unreadable = entry(None, &call[0]);
            unreadable["dynamodb"]["NewImage"]["state"] = json!({"S": "from a later release"});
            entries.push(unreadable);
        }
    }
    for (index, entry) in entries.iter_mut().enumerate() {
        entry["dynamodb"]["SequenceNumber"] = json!((FIRST + index).to_string());
    }
    entries
}

fn entry(before: Option<&Record>, after: &Record) -> Value {
    let image = |record: &Record| {
        serde_dynamo::to_item::<_, serde_dynamo::Item>(record).expect("a record is an item")
    };
    let mut change = json!({"NewImage": image(after)});
    if let Some(before) = before {
        change["OldImage"] = json!(image(before));
    }
    json!({"eventName": if before.is_some() { "MODIFY" } else { "INSERT" }, "dynamodb": change})
}

/// What the ledger itself says, by the name of the metric that should say the same; money in nano-dollars.
pub(crate) fn ledger(calls: &[Vec<Record>]) -> BTreeMap<&'static str, i128> {
    let mut sums = BTreeMap::new();
    let mut add = |name, amount: u64| *sums.entry(name).or_default() += i128::from(amount);
    for last in calls.iter().filter_map(|call| call.last()) {
        let end = last.end.as_ref().expect("the call has ended");
        let is_hit = last.cache == CacheOutcome::HitExact;
        let used = |tokens: u64| if is_hit { 0 } else { tokens };
        add("Requests.Count", 1);
        add("Tokens.Input.Total", used(end.usage.input));
        add("Tokens.Output.Total", used(end.usage.output));
        add("Tokens.Cached.Total", used(end.usage.cached));
        add("Cost.Estimate.Total", last.charged_nanos.0);
        add("Cache.Hits", is_hit.into());
        add("Cache.Misses", (last.cache == CacheOutcome::Miss).into());
        add("Cache.Saved.Total", end.saved_nanos.0);
        add("Cache.SavedTokens.Total", end.saved_tokens);
    }
    sums
}

/// What each call that nobody let expire took, in order.
pub(crate) fn latencies(calls: &[Vec<Record>]) -> Vec<u64> {
    let measured = |call: &&Vec<Record>| {
        call.iter().find_map(|record| record.end.as_ref()).is_some_and(|end| end.outcome != "expired")
    };
    let last = |call: &Vec<Record>| call.last().and_then(|record| Some(record.end.as_ref()?.latency_us));
    let mut latencies: Vec<u64> = calls.iter().filter(measured).filter_map(last).collect();
    latencies.sort_unstable();
    latencies
}
