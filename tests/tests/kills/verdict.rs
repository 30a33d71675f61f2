//! What must be true after each call, however it ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use tollgate_aws::clock;
use tollgate_core::catalogue::Prices;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Ledger, Transition};
use tollgate_core::record::{Record, State, open_partition};
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;
use tollgate_reconciler::Handler;
use tollgate_reconciler::handler::Tally;
use tollgate_tests::accounts::{Accounts, Balance};
use tollgate_tests::stack::root;

use crate::stage::Stage;

/// The records as they were found closed.
#[derive(Default)]
pub(crate) struct Verdict {
    known: BTreeMap<String, Record>,
    latest: Option<Record>,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// It left no trace, and was not made.
    Nothing,
    /// It is in the ledger.
    Record(Box<Record>),
}

impl Told {
    pub(crate) fn is_settled(&self) -> bool {
        self.name() == "settled"
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "no record",
            Self::Record(record) => record.state.as_str(),
        }
    }
}

impl Verdict {
    /// Reconciles twice and compares everything with everything.
    pub(crate) async fn check(&mut self, stage: &Stage, run: &str) -> Told {
        let calls = stage.provider_calls().await;
        reconcile(&stage.accounts).await;
        let again = reconcile(&stage.accounts).await;
        assert_eq!(again, Tally::default(), "{run}: a second run of the reconciler finds something");
        let Balance { records, .. } = stage.accounts.balance().await;
        for (id, known) in &self.known {
            assert_eq!(records.get(id), Some(known), "{run}: an earlier record has changed");
        }
        let new: Vec<&Record> =
            records.values().filter(|r| !self.known.contains_key(&r.request_id)).collect();
        assert!(new.len() <= 1, "{run}: one call was made: {new:?}");
        let record = new.first().copied().cloned();
        if let Some(record) = &record {
            self.known.insert(record.request_id.clone(), record.clone());
        }
        self.latest.clone_from(&record);
        match record {
            None => {
                assert!(calls.is_empty(), "{run}: the provider was called without a record: {calls:?}");
                Told::Nothing
            }
            Some(record) => {
                assert_just(&record, &calls, run);
                Told::Record(Box::new(record))
            }
        }
    }

    /// A settlement that comes once more changes nothing; one after an expiry only lowers the charge, and only once.
    pub(crate) async fn settle_again(&mut self, stage: &Stage, random: &mut Rng) {
        let Some(record) = self.latest.take() else { return };
        let ledger = stage.accounts.ledger_at(&stage.accounts.url);
        let before = Record {
            state: State::Sent,
            open: Some(open_partition(&record.request_id)),
            charged_nanos: record.reserved_nanos,
            charged_tokens: record.reserved_tokens,
            end: None,
            ..record.clone()
        };
        let end = record.end.clone().expect("a closed record has an end");
        let other = before.settled(record.charged_nanos.plus(Nanos(1)), end.clone());
        let answer = ledger.close(&before, &other).await.expect("the ledger answers");
        assert_eq!(answer, Transition::Lost(Box::new(record.clone())));
        let mut left = record;
        if left.state == State::Expired && random.bool() {
            let late = left.settled(Nanos(random.u64(0..2 * left.charged_nanos.0)), end);
            assert!(late.charged_nanos <= left.charged_nanos);
            for _ in 0..2 {
                let answer = ledger.close(&left, &late).await.expect("the ledger answers");
                assert_eq!(answer, Transition::Done);
            }
            left = late;
        }
        let Balance { records, .. } = stage.accounts.balance().await;
        assert_eq!(records.get(&left.request_id), Some(&left));
        self.known.insert(left.request_id.clone(), left);
    }
}

/// Closed, and charged what the provider did: its usage, or the bound where nobody could know.
fn assert_just(record: &Record, calls: &[Value], run: &str) {
    let attempts = usize::try_from(record.attempts).unwrap_or(usize::MAX);
    assert!(calls.len() <= attempts, "{run}: the ledger knows of fewer calls: {record:?} {calls:?}");
    assert!(!record.state.is_open() && record.open.is_none(), "{run}: still open: {record:?}");
    let end = record.end.as_ref().unwrap_or_else(|| panic!("{run}: it has no end: {record:?}"));
    match (record.state, calls.last()) {
        (State::Released, None) => assert_eq!(record.charged_nanos, Nanos::ZERO, "{run}"),
        // It may also have been killed before the bytes left, but after it had said so.
        (State::Expired, _) => assert_eq!(record.charged_nanos, record.reserved_nanos, "{run}"),
        (State::Settled, Some(call)) => {
            let counted = [&call["input_tokens"], &call["output_tokens"]].map(Value::as_u64);
            assert_eq!(counted, [Some(end.usage.input), Some(end.usage.output)], "{run}: {record:?}");
            assert!(record.charged_nanos > Nanos::ZERO && !end.estimated, "{run}: {record:?}");
            assert_eq!(record.charged_nanos, cost(record, calls), "{run}: {record:?} {calls:?}");
            assert!(record.charged_nanos <= record.reserved_nanos, "{run}: over its bound: {record:?}");
        }
        _ => panic!("{run}: {record:?} for {calls:?}"),
    }
}

/// What the provider's calls cost, one by one, by the prices that are shipped.
fn cost(record: &Record, calls: &[Value]) -> Nanos {
    let path = root().join("config/prices.json");
    let text = std::fs::read_to_string(path).expect("the document is shipped");
    let prices: Prices = serde_json::from_str(&text).expect("the shipped prices are ones");
    assert_eq!(record.tries.len(), calls.len(), "each call is a try: {record:?} {calls:?}");
    let costs = record.tries.iter().zip(calls).map(|(tried, call)| {
        let price = prices.at(&tried.target, clock::now()).expect("it has a price");
        let count = |name: &str| call[name].as_u64().expect("the stand-in counts");
        let usage =
            Usage { input: count("input_tokens"), output: count("output_tokens"), ..Usage::default() };
        price.cost(&usage, "default")
    });
    costs.fold(Nanos::ZERO, Nanos::plus)
}

async fn reconcile(accounts: &Accounts) -> Tally {
    let ledger = Arc::new(accounts.ledger_at(&accounts.url));
    let lanes = Arc::new(accounts.lanes_at(&accounts.url));
    let handler = Handler::new(ledger, Arc::new(accounts.overdue()), lanes, past_all_deadlines);
    let time = past_all_deadlines().plus(Duration::from_secs(60));
    handler.handle(time).await.expect("without faults nothing fails")
}

fn past_all_deadlines() -> Timestamp {
    clock::now().plus(Duration::from_secs(3_000))
}
