//! Whatever fails, in whatever batches the stream comes: the books equal the ledger, and so do the metrics unless a
//! reply was lost.

use proptest::prelude::*;
use serde_json::json;
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::caller::{Caller, Role};
use tollgate_core::metrics::POSTINGS_PER_PUT;
use tollgate_core::money::Nanos;
use tollgate_core::record::{CacheOutcome, End, Opening, Record};
use tollgate_core::rollup::Counts;
use tollgate_core::usage::Usage;
use tollgate_emitter::event::StreamEvent;

use crate::memory::{Emitter, Fate, LATER, NOW};

/// How a call goes.
#[derive(Clone, Copy, Debug)]
enum Life {
    Settled,
    Released,
    Expired,
    SettledLate,
    Hit,
    Open,
}

fn life() -> impl Strategy<Value = Life> {
    use Life::{Expired, Hit, Open, Released, Settled, SettledLate};
    prop_oneof![Just(Settled), Just(Released), Just(Expired), Just(SettledLate), Just(Hit), Just(Open)]
}

/// The states of one call, in their order.
fn history(index: usize, life: Life, cost: u64) -> Vec<Record> {
    let name = |text: String| text.parse().unwrap();
    let caller = Caller {
        key_id: name(format!("k{}", index % 5)),
        user: name(format!("user-{}", index % 5)),
        team: name(format!("team-{}", index % 2)),
        tenant: name("default".to_owned()),
        role: Role::Caller,
        models: Vec::new(),
        output: tollgate_core::output_policy::OutputPolicy::default(),
        sharing: tollgate_core::cache::Sharing::default(),
        budget: Budget::default(),
        flow: FlowPolicy::default(),
    };
    let opening = Opening {
        request_id: format!("r-{index}"),
        model: "gpt-5.5".to_owned(),
        stream: false,
        trace_id: None,
        cache: if matches!(life, Life::Hit) { CacheOutcome::HitExact } else { CacheOutcome::Miss },
        bound: Nanos(2_000_000_000).into(),
        lane: Some(0),
        now: NOW,
        deadline: NOW,
        retention_days: 90,
    };
    let open = Record::open(&caller, opening);
    let sent = open.sent("t");
    let settled = |record: &Record| record.settled(Nanos(cost), end("ok", cost));
    match life {
        Life::Open => vec![open, sent],
        Life::Settled => vec![open, sent.clone(), settled(&sent)],
        Life::Released => vec![open, sent.clone(), sent.released(end("provider_unavailable", cost))],
        Life::Expired => vec![open, sent.clone(), sent.expired(NOW)],
        Life::SettledLate => vec![open, sent.clone(), sent.expired(NOW), settled(&sent.expired(NOW))],
        Life::Hit => vec![open.settled(Nanos::ZERO, End { saved_nanos: Nanos(cost), ..end("ok", cost) })],
    }
}

fn end(outcome: &str, cost: u64) -> End {
    End {
        ended_us: NOW,
        outcome: outcome.to_owned(),
        provider: None,
        usage: Usage { input: cost % 1_000, output: cost % 77, cached: cost % 11, ..Usage::default() },
        estimated: false,
        response_id: None,
        saved_nanos: Nanos::ZERO,
        saved_tokens: 0,
        semantic: None,
        latency_us: cost % 5_000,
        first_token_us: None,
    }
}

/// The stream of these calls: each call's changes in their order, the calls interleaved.
fn stream(calls: &[Vec<Record>]) -> Vec<serde_json::Value> {
    let longest = calls.iter().map(Vec::len).max().unwrap_or_default();
    let mut entries = Vec::new();
    for step in 0..longest {
        for call in calls {
            let Some(after) = call.get(step) else { continue };
            let image = |record: &Record| serde_dynamo::to_item::<_, serde_dynamo::Item>(record).unwrap();
            let mut change =
                json!({"SequenceNumber": format!("{}", 1_000 + entries.len()), "NewImage": image(after)});
            if let Some(before) = step.checked_sub(1).map(|before| &call[before]) {
                change["OldImage"] = json!(image(before));
            }
            let name = if step == 0 { "INSERT" } else { "MODIFY" };
            entries.push(json!({"eventName": name, "dynamodb": change}));
        }
    }
    entries
}

/// Hands the stream over as Lambda does: in batches, again from the first entry that is named as failed.
async fn pump(emitter: &Emitter, entries: &[serde_json::Value], sizes: &[usize]) {
    let mut sizes = sizes.iter().cycle();
    let mut done = 0;
    while done < entries.len() {
        let batch = &entries[done..entries.len().min(done + sizes.next().unwrap())];
        let event: StreamEvent = serde_json::from_value(json!({"Records": batch})).unwrap();
        let response = emitter.handler.handle(&event, LATER).await.unwrap();
        done = match response.batch_item_failures.first() {
            None => done + batch.len(),
            Some(failure) => failure.item_identifier.parse::<usize>().unwrap() - 1_000,
        };
    }
}

/// What the ledger itself says.
fn ledger(calls: &[Vec<Record>]) -> Counts {
    let mut sum = Counts::default();
    for last in calls.iter().filter_map(|call| call.last()) {
        let Some(end) = &last.end else { continue };
        let is_hit = last.cache == CacheOutcome::HitExact;
        let usage = if is_hit { Usage::default() } else { end.usage };
        sum += Counts {
            calls: 1,
            tokens_input: usage.input.into(),
            tokens_output: usage.output.into(),
            tokens_cached: usage.cached.into(),
            cost_nanos: last.charged_nanos.0.into(),
            hits: is_hit.into(),
            saved_nanos: end.saved_nanos.0.into(),
            saved_tokens: end.saved_tokens.into(),
            errors: (end.outcome != "ok").into(),
        };
    }
    sum
}

fn calls() -> impl Strategy<Value = Vec<Vec<Record>>> {
    proptest::collection::vec((life(), 0..2_000_000_000_u64), 0..120).prop_map(|lives| {
        lives.into_iter().enumerate().map(|(index, (life, cost))| history(index, life, cost)).collect()
    })
}

fn fates(bad: &'static [Fate]) -> impl Strategy<Value = Vec<Fate>> {
    proptest::collection::vec(prop_oneof![2 => Just(Fate::Done), 1 => proptest::sample::select(bad)], 0..20)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

const BILLION: i128 = 1_000_000_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn definite_failures_lose_and_double_nothing(
        calls in calls(),
        sizes in proptest::collection::vec(1..100_usize, 1..6),
        rollup_fates in fates(&[Fate::Refused, Fate::ReplyLost, Fate::RequestLost]),
        metric_fates in fates(&[Fate::Refused]),
    ) {
        let emitter = Emitter::new(&rollup_fates, &metric_fates);

        run(pump(&emitter, &stream(&calls), &sizes));

        let ledger = ledger(&calls);
        prop_assert_eq!(emitter.rollups.org(), ledger);
        let metrics = &emitter.metrics;
        prop_assert_eq!(metrics.sum("Cost.Estimate.Total"), ledger.cost_nanos);
        prop_assert_eq!(metrics.sum("Requests.Count"), ledger.calls * BILLION);
        prop_assert_eq!(metrics.sum("Tokens.Input.Total"), ledger.tokens_input * BILLION);
        prop_assert_eq!(metrics.sum("Tokens.Output.Total"), ledger.tokens_output * BILLION);
        prop_assert_eq!(metrics.sum("Tokens.Cached.Total"), ledger.tokens_cached * BILLION);
        prop_assert_eq!(metrics.sum("Cache.Hits"), ledger.hits * BILLION);
        prop_assert_eq!(metrics.sum("Cache.Saved.Total"), ledger.saved_nanos);
        prop_assert_eq!(metrics.sum("Emitter.Ambiguous.Count"), 0);
    }

    #[test]
    fn lost_replies_double_at_most_what_is_counted(
        calls in calls(),
        sizes in proptest::collection::vec(1..100_usize, 1..6),
        metric_fates in fates(&[Fate::ReplyLost]),
    ) {
        let emitter = Emitter::new(&[], &metric_fates);

        run(pump(&emitter, &stream(&calls), &sizes));

        let ledger = ledger(&calls);
        let metrics = &emitter.metrics;
        let lost = metric_fates.iter().filter(|fate| **fate == Fate::ReplyLost).count();
        let doubled = metrics.sum("Requests.Count") - ledger.calls * BILLION;
        prop_assert_eq!(emitter.rollups.org(), ledger);
        prop_assert!(doubled >= 0);
        prop_assert!(doubled <= i128::try_from(lost * POSTINGS_PER_PUT).unwrap() * BILLION);
        let is_doubled = doubled > 0;
        prop_assert!(!is_doubled || metrics.sum("Emitter.Ambiguous.Count") > 0);
    }
}
