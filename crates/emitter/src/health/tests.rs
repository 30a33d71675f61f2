use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use tollgate_core::breaker::State;
use tollgate_core::health::Window;
use tollgate_core::metrics::Datum;
use tollgate_core::model::Cause;
use tollgate_core::ports::PutError;
use tollgate_core::routing::Pace;
use tollgate_core::settings::{Flag, Head, Tenant};

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);
const TARGET: &str = "mantle-us-east-1/gpt-5.5";

fn clock() -> Timestamp {
    NOON.plus(Duration::from_secs(2))
}

/// Everything in memory.
#[derive(Default)]
struct World {
    board: Mutex<Board>,
    outcomes: Mutex<BTreeSet<(String, Outcome)>>,
    put: Mutex<Vec<Datum>>,
    is_down: AtomicBool,
    writes: AtomicU32,
    /// Somebody else moves the breaker before each of so many writes.
    rivals: AtomicU32,
}

impl World {
    fn health(self: &Arc<Self>) -> Health {
        let (settings, breakers) = (self.clone(), self.clone());
        let ports = Ports { settings, breakers, outcomes: self.clone(), metrics: self.clone() };
        Health::new(ports, "dev".to_owned(), clock)
    }

    fn breaker(&self) -> Breaker {
        self.board.lock().unwrap().breakers.get(TARGET).cloned().unwrap_or_default()
    }

    fn check(&self) -> Result<(), StoreError> {
        let down = || StoreError { store: "rollups", cause: Cause::from("no route to host") };
        if self.is_down.load(Ordering::Relaxed) { Err(down()) } else { Ok(()) }
    }
}

#[async_trait]
impl Settings for World {
    async fn head(&self) -> Result<Option<Head>, StoreError> {
        let flag = Flag {
            enabled: true,
            who: "seed".to_owned(),
            why: "new".to_owned(),
            since_us: NOON,
            until_us: None,
        };
        Ok(Some(Head {
            flag,
            catalogue: 1,
            prices: 1,
            routing: 1,
            budgets: 0,
            purges: 0,
            enforcement: 0,
            standing: tollgate_core::enforcement::Standing::default(),
        }))
    }

    async fn document(&self, _document: Document) -> Result<Option<String>, StoreError> {
        Ok(Some(include_str!("../../../../config/catalogue.json").to_owned()))
    }

    async fn tenant(&self, _id: &str) -> Result<Option<Tenant>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl Breakers for World {
    async fn all(&self) -> Result<Board, StoreError> {
        Ok(self.board.lock().unwrap().clone())
    }

    async fn write(&self, target: &str, breaker: &Breaker) -> Result<Shift, StoreError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut board = self.board.lock().unwrap();
        let known = board.breakers.entry(target.to_owned()).or_default();
        if self.rivals.load(Ordering::Relaxed) > 0 {
            self.rivals.fetch_sub(1, Ordering::Relaxed);
            known.revision += 1;
        }
        if known.revision + 1 != breaker.revision {
            return Ok(Shift::Lost);
        }
        *known = breaker.clone();
        Ok(Shift::Done)
    }

    async fn pace(&self, target: &str, pace: &Pace) -> Result<(), StoreError> {
        self.check()?;
        self.board.lock().unwrap().paces.insert(target.to_owned(), *pace);
        Ok(())
    }
}

#[async_trait]
impl Outcomes for World {
    async fn add(&self, target: &str, outcomes: &[Outcome]) -> Result<(), StoreError> {
        self.check()?;
        let told = outcomes.iter().map(|outcome| (target.to_owned(), outcome.clone()));
        self.outcomes.lock().unwrap().extend(told);
        Ok(())
    }

    async fn window(&self, target: &str, _since: Timestamp) -> Result<Window, StoreError> {
        self.check()?;
        let all = self.outcomes.lock().unwrap().clone();
        Ok(all.into_iter().filter(|(of, _)| of == target).map(|(_, outcome)| outcome).collect())
    }
}

#[async_trait]
impl Metrics for World {
    async fn put(&self, data: Vec<Datum>) -> Result<(), PutError> {
        self.put.lock().unwrap().extend(data);
        Ok(())
    }
}

/// The ledger's change when a call's only request has ended so.
fn entry(call: usize, cause: &str) -> Value {
    let tried = json!({"M": {
        "target": {"S": TARGET}, "cause": {"S": cause}, "took_us": {"N": "1000"},
        "began_us": {"N": NOON.plus(Duration::from_millis(call as u64)).as_micros().to_string()},
    }});
    let image = |state: &str, tries: Vec<Value>| {
        json!({
            "request_id": {"S": format!("r-{call}")}, "state": {"S": state}, "deadline_us": {"N": "0"},
            "created_us": {"N": "0"}, "expires_at": {"N": "0"}, "key_id": {"S": "k"}, "user": {"S": "u"},
            "team": {"S": "t"}, "tenant": {"S": "default"}, "model": {"S": "gpt-5.5"}, "stream": {"BOOL": false},
            "day": {"S": "2026-11-22"}, "reserved_nanos": {"N": "0"}, "charged_nanos": {"N": "0"},
            "cache": {"S": "miss"}, "tries": {"L": tries},
        })
    };
    json!({"eventName": "MODIFY", "dynamodb": {
        "SequenceNumber": format!("{:021}", 1_000 + call),
        "OldImage": image("sent", vec![]), "NewImage": image("sent", vec![tried]),
    }})
}

fn batch(entries: impl IntoIterator<Item = Value>) -> StreamEvent {
    let entries: Vec<Value> = entries.into_iter().collect();
    serde_json::from_value(json!({"Records": entries})).unwrap()
}

#[tokio::test]
async fn failures_open_a_breaker_and_show_it_once() {
    let world = Arc::new(World::default());
    let health = world.health();

    let answer = health.handle(&batch((0..6).map(|call| entry(call, "timeout")))).await.unwrap();

    assert_eq!(answer, BatchResponse::default());
    assert!(matches!(world.breaker().state, State::Open { .. }));
    let put = world.put.lock().unwrap().clone();
    let shown = put.iter().find(|datum| datum.dimensions.last().unwrap().1 == "gpt-5.5").unwrap();
    assert_eq!((shown.name, &shown.values), ("Breaker.State", &vec![2.0]));
    health.handle(&batch([entry(9, "timeout")])).await.unwrap();
    assert_eq!(world.put.lock().unwrap().len(), put.len());
}

#[tokio::test]
async fn a_replayed_batch_changes_nothing_however_it_is_cut() {
    let world = Arc::new(World::default());
    let health = world.health();
    // Four failures in a row: with any of them counted twice, there would be five.
    let told = || (0..20).map(|call| entry(call, "ok")).chain((20..24).map(|call| entry(call, "timeout")));
    let entries: Vec<Value> = (0..80).map(|call| entry(100 + call, "ok")).chain(told()).collect();
    health.handle(&batch(entries.clone())).await.unwrap();
    let (breaker, outcomes) = (world.breaker(), world.outcomes.lock().unwrap().clone());

    for size in [104, 52, 7, 1] {
        for part in entries.chunks(size) {
            health.handle(&batch(part.to_vec())).await.unwrap();
        }
    }

    assert_eq!(outcomes.len(), 104);
    assert_eq!((world.breaker(), world.outcomes.lock().unwrap().clone()), (breaker, outcomes));
    assert_eq!(world.writes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_batch_that_cannot_be_kept_comes_again_whole() {
    let world = Arc::new(World::default());
    let health = world.health();
    world.is_down.store(true, Ordering::Relaxed);

    let answer = health.handle(&batch((0..6).map(|call| entry(call, "timeout")))).await.unwrap();

    assert_eq!(answer, BatchResponse::from(Some(format!("{:021}", 1_000))));
    world.is_down.store(false, Ordering::Relaxed);
    health.handle(&batch((0..6).map(|call| entry(call, "timeout")))).await.unwrap();
    assert_eq!(world.breaker().level(), 2);
}

#[tokio::test]
async fn a_breaker_that_somebody_else_has_moved_is_read_again() {
    let world = Arc::new(World::default());
    world.rivals.store(2, Ordering::Relaxed);

    world.health().handle(&batch((0..6).map(|call| entry(call, "timeout")))).await.unwrap();

    assert_eq!((world.breaker().level(), world.breaker().revision), (2, 3));
    assert_eq!(world.writes.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn what_is_old_or_unreadable_or_of_an_unknown_target_moves_nothing() {
    let world = Arc::new(World::default());
    let old = |call| {
        let mut entry = entry(call, "timeout");
        entry["dynamodb"]["NewImage"]["tries"]["L"][0]["M"]["began_us"]["N"] = "1".into();
        entry
    };
    let unknown = |call| {
        let mut entry = entry(call, "timeout");
        entry["dynamodb"]["NewImage"]["tries"]["L"][0]["M"]["target"]["S"] = "gone".into();
        entry
    };
    let garbled =
        json!({"eventName": "MODIFY", "dynamodb": {"SequenceNumber": "1", "NewImage": {"x": {"S": "y"}}}});

    let entries = (0..6).map(old).chain((6..12).map(unknown)).chain([garbled]);
    let answer = world.health().handle(&batch(entries)).await.unwrap();

    assert_eq!(answer, BatchResponse::default());
    assert!(world.outcomes.lock().unwrap().is_empty());
    assert!(world.board.lock().unwrap().breakers.is_empty());
}

#[tokio::test]
async fn an_entry_without_a_number_is_refused() {
    let world = Arc::new(World::default());

    assert_eq!(world.health().handle(&batch([json!({})])).await, Err(Unnumbered));
}
