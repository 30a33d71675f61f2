//! The reconciler over a ledger in memory.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test itself")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::caller::{Caller, Role};
use tollgate_core::escrow::Lane;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{
    Escrows, Ledger, Overdue, OverduePage, PageStart, Reservation, StoreError, Transition,
};
use tollgate_core::record::{CacheOutcome, Opening, Record, State, spend_delta};
use tollgate_core::reservation::Taking;
use tollgate_core::time::{Day, Timestamp};
use tollgate_core::write::Item;
use tollgate_reconciler::Handler;
use tollgate_reconciler::handler::Tally;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);
const LATER: Timestamp = Timestamp::from_secs(1_795_348_855);

/// A ledger with its index, pages of two, and what is reserved and charged altogether.
#[derive(Default)]
struct MemoryLedger {
    records: Mutex<BTreeMap<String, Record>>,
    /// What the index still says of records that have gone on.
    stale: Mutex<Vec<Record>>,
    spend: Mutex<i128>,
    /// A partition whose pages fail.
    broken_partition: Option<String>,
    /// A record that cannot be closed.
    broken_record: Option<String>,
    unreadable: Option<(String, String)>,
}

impl MemoryLedger {
    fn with(records: impl IntoIterator<Item = Record>) -> Self {
        let ledger = Self::default();
        for record in records {
            *ledger.spend.lock().unwrap() += i128::from(record.charged_nanos.0);
            ledger.records.lock().unwrap().insert(record.request_id.clone(), record);
        }
        ledger
    }

    fn state(&self, id: &str) -> State {
        self.records.lock().unwrap()[id].state
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn flow(&self, _: &str) -> Result<Item, StoreError> {
        unreachable!("the reconciler looks at no flow")
    }

    async fn take(&self, _: Taking<'_>) -> Result<Reservation, StoreError> {
        unreachable!("the reconciler takes nothing")
    }

    async fn send(&self, _: &Record, _: &Record) -> Result<Transition, StoreError> {
        unreachable!("the reconciler sends nothing")
    }

    async fn close(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        if self.broken_record.as_ref() == Some(&before.request_id) {
            return Err(StoreError { store: "ledger", cause: "broken".into() });
        }
        let mut records = self.records.lock().unwrap();
        let Some(current) = records.get_mut(&before.request_id) else { return Ok(Transition::Missing) };
        if current != before {
            return Ok(Transition::Lost(Box::new(current.clone())));
        }
        *self.spend.lock().unwrap() += spend_delta(before, after);
        *current = after.clone();
        Ok(Transition::Done)
    }

    async fn enter(&self, _: &Record) -> Result<(), StoreError> {
        unreachable!("the reconciler enters nothing")
    }
}

/// Lanes in memory, all of them idle.
#[derive(Default)]
struct MemoryLanes {
    idle: Mutex<Vec<Lane>>,
    /// A call comes to this one before its room can go back.
    busy: Option<Lane>,
    /// They cannot be read.
    is_down: bool,
}

#[async_trait]
impl Escrows for MemoryLanes {
    async fn idle(&self, day: Day, _: Timestamp) -> Result<Vec<(Lane, Item)>, StoreError> {
        if self.is_down {
            return Err(StoreError { store: "limits", cause: "broken".into() });
        }
        let all = self.idle.lock().unwrap().clone();
        Ok(all.into_iter().filter(|lane| lane.day == day).map(|lane| (lane, Item::new())).collect())
    }

    async fn give_back(&self, lane: &Lane, _: &Item) -> Result<bool, StoreError> {
        let is_idle = self.busy.as_ref() != Some(lane);
        self.idle.lock().unwrap().retain(|other| other != lane || !is_idle);
        Ok(is_idle)
    }
}

fn lane(number: u16, day: &str) -> Lane {
    let name = |text: &str| text.parse().unwrap();
    Lane { tenant: name("acme"), team: name("search"), number, day: day.parse().unwrap() }
}

#[async_trait]
impl Overdue for MemoryLedger {
    async fn page(
        &self,
        partition: &str,
        now: Timestamp,
        start: Option<PageStart>,
    ) -> Result<OverduePage, StoreError> {
        if self.broken_partition.as_deref() == Some(partition) {
            return Err(StoreError { store: "ledger", cause: "broken".into() });
        }
        let mut found: Vec<Record> = self.stale.lock().unwrap().clone();
        found.extend(self.records.lock().unwrap().values().cloned());
        found.retain(|record| record.open.as_deref() == Some(partition) && record.deadline_us < now);
        found.sort_by(|one, other| one.request_id.cmp(&other.request_id));
        found.retain(|record| start.as_ref().is_none_or(|start| record.request_id > start.request_id));
        let is_last = found.len() <= 2;
        found.truncate(2);
        let next = found
            .last()
            .filter(|_| !is_last)
            .map(|last| PageStart { request_id: last.request_id.clone(), deadline_us: last.deadline_us });
        let bad = self.unreadable.iter().filter(|(broken, _)| broken == partition);
        Ok(OverduePage { records: found, unreadable: bad.map(|(_, id)| id.clone()).collect(), next })
    }
}

fn record(id: &str, deadline: Timestamp) -> Record {
    let name = |text: &str| text.parse().unwrap();
    let caller = Caller {
        key_id: name("k"),
        user: name("alice"),
        team: name("search"),
        tenant: name("default"),
        role: Role::Caller,
        models: Vec::new(),
        output: tollgate_core::output_policy::OutputPolicy::default(),
        sharing: tollgate_core::cache::Sharing::default(),
        budget: Budget::default(),
        flow: FlowPolicy::default(),
    };
    let opening = Opening {
        request_id: id.to_owned(),
        model: "gpt-5.5".to_owned(),
        stream: false,
        trace_id: None,
        cache: CacheOutcome::Miss,
        bound: Nanos(100).into(),
        lane: Some(0),
        now: Timestamp::from_secs(1_795_348_000),
        deadline,
        retention_days: 90,
    };
    Record::open(&caller, opening)
}

fn overdue(id: &str) -> Record {
    record(id, Timestamp::from_secs(1_795_348_799))
}

fn reconciler(ledger: &Arc<MemoryLedger>) -> Handler {
    Handler::new(ledger.clone(), ledger.clone(), Arc::new(MemoryLanes::default()), || NOW)
}

#[tokio::test]
async fn unsent_records_are_released_and_sent_ones_charged_as_reserved() {
    let sent = overdue("b").sent("t");
    let ledger = Arc::new(MemoryLedger::with([overdue("a"), sent, record("c", NOW)]));

    let tally = reconciler(&ledger).handle(LATER).await.unwrap();

    assert_eq!(tally, Tally { released: 1, expired: 1, ..Tally::default() });
    let states = ["a", "b", "c"].map(|id| ledger.state(id));
    assert_eq!(states, [State::Released, State::Expired, State::Reserved]);
    assert_eq!(*ledger.spend.lock().unwrap(), 200);
}

#[tokio::test]
async fn all_pages_of_all_partitions_are_closed_and_only_once() {
    let ids = || (0..300).map(|index| format!("r-{index:03}"));
    let ledger = Arc::new(MemoryLedger::with(ids().map(|id| overdue(&id))));

    let first = reconciler(&ledger).handle(LATER).await.unwrap();
    let second = reconciler(&ledger).handle(LATER).await.unwrap();

    assert_eq!((first.released, second), (300, Tally::default()));
    assert_eq!(*ledger.spend.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_record_that_went_on_meanwhile_is_left_alone() {
    let ledger =
        MemoryLedger::with([overdue("a").sent("t").released(overdue("a").expired(NOW).end.unwrap())]);
    ledger.stale.lock().unwrap().extend([overdue("a"), overdue("forgotten")]);
    let ledger = Arc::new(ledger);

    let tally = reconciler(&ledger).handle(LATER).await.unwrap();

    assert_eq!(tally, Tally { lost: 2, ..Tally::default() });
    assert_eq!(*ledger.spend.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_page_that_fails_holds_up_no_other_and_fails_the_run() {
    let ids: Vec<String> = (0..100).map(|index| format!("r-{index}")).collect();
    let ledger = MemoryLedger::with(ids.iter().map(|id| overdue(id)));
    let broken = overdue("r-0").open;
    let in_it = ids.iter().filter(|id| overdue(id).open == broken).count();
    let ledger = Arc::new(MemoryLedger { broken_partition: broken, ..ledger });

    let incomplete = reconciler(&ledger).handle(LATER).await.unwrap_err();

    let released = u64::try_from(100 - in_it).unwrap();
    assert_eq!(incomplete.0, Tally { released, failed: 1, ..Tally::default() });
    assert_eq!(incomplete.to_string(), "1 records, pages or lanes failed");
}

#[tokio::test]
async fn a_record_that_fails_or_cannot_be_read_holds_up_no_other() {
    let neighbours =
        (0..200).map(|index| overdue(&format!("r-{index}"))).filter(|other| other.open == overdue("a").open);
    let ledger = MemoryLedger::with(neighbours.chain([overdue("a")]));
    let total = ledger.records.lock().unwrap().len();
    let partition = overdue("a").open.unwrap();
    let ledger = Arc::new(MemoryLedger {
        broken_record: Some("a".to_owned()),
        unreadable: Some((partition, "bad".to_owned())),
        ..ledger
    });

    let incomplete = reconciler(&ledger).handle(LATER).await.unwrap_err();

    assert!(total > 1);
    assert_eq!(incomplete.0.released, u64::try_from(total - 1).unwrap());
    assert_eq!(ledger.state("a"), State::Reserved);
    assert!(incomplete.0.failed >= 2);
}

#[tokio::test]
async fn a_run_without_time_leaves_everything_to_the_next() {
    let ledger = Arc::new(MemoryLedger::with([overdue("a")]));

    let tally = reconciler(&ledger).handle(NOW).await.unwrap();

    assert_eq!(tally, Tally { left: 32, ..Tally::default() });
    assert_eq!(ledger.state("a"), State::Reserved);
}

#[tokio::test]
async fn idle_escrow_of_today_and_yesterday_goes_back_unless_a_call_comes() {
    let lanes = ["2026-11-22", "2026-11-21", "2026-11-20"].map(|day| lane(0, day));
    let busy = lane(1, "2026-11-22");
    let idle = Mutex::new(lanes.into_iter().chain([busy.clone()]).collect());
    let lanes = Arc::new(MemoryLanes { idle, busy: Some(busy.clone()), is_down: false });
    let ledger = Arc::new(MemoryLedger::default());

    let tally = Handler::new(ledger.clone(), ledger, lanes.clone(), || NOW).handle(LATER).await.unwrap();

    assert_eq!(tally, Tally { returned: 2, ..Tally::default() });
    assert_eq!(*lanes.idle.lock().unwrap(), [lane(0, "2026-11-20"), busy]);
}

#[tokio::test]
async fn lanes_that_cannot_be_read_hold_up_no_record_and_fail_the_run() {
    let ledger = Arc::new(MemoryLedger::with([overdue("a")]));
    let lanes = Arc::new(MemoryLanes { is_down: true, ..MemoryLanes::default() });

    let incomplete =
        Handler::new(ledger.clone(), ledger.clone(), lanes, || NOW).handle(LATER).await.unwrap_err();

    assert_eq!(incomplete.0, Tally { released: 1, failed: 2, ..Tally::default() });
}

#[test]
fn the_schedule_s_event_is_taken_whatever_it_says() {
    let schedule = include_str!("../../../events/reconciler/schedule.json");

    for event in [schedule, "{}", "null", "[1]"] {
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(event).is_ok());
    }
}
