//! The ledger in memory: the very writes of the real one, carried out on tables in memory.

use std::collections::HashMap;
use std::future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tollgate_core::escrow;
use tollgate_core::feedback::Rated;
use tollgate_core::idempotency::Claim;
use tollgate_core::ports::{
    Drawn, Granted, Ledger, Quotas, Ratings, Records, Reservation, StoreError, Transition,
};
use tollgate_core::quota::{Draw, Quota};
use tollgate_core::record::{self, Record};
use tollgate_core::reservation::{Next, Obstacle, Taking};
use tollgate_core::semantic::millionths::Millionths;
use tollgate_core::spend::MONTH_ATTRIBUTE;
use tollgate_core::time::Timestamp;
use tollgate_core::write::memory::Memory;
use tollgate_core::write::{Item, Table, Write, number};

use super::ports::{Mood, down};

/// The ledger, its counters and its lanes.
#[derive(Default)]
pub(crate) struct MemoryLedger {
    pub(crate) tables: Arc<Mutex<Memory>>,
    steps: Mutex<Vec<&'static str>>,
    ratings: Mutex<Vec<(String, u32)>>,
    moods: Mutex<HashMap<&'static str, Mood>>,
}

impl MemoryLedger {
    pub(crate) fn record(&self, id: &str) -> Option<Record> {
        self.tables.lock().unwrap().get(Table::Ledger, id).map(read)
    }

    /// Gives a record another id, as if Lambda had given it.
    pub(crate) fn rename(&self, id: &str, to: &str) {
        let record = Record { request_id: to.to_owned(), ..self.record(id).unwrap() };
        let mut tables = self.tables.lock().unwrap();
        tables.remove(Table::Ledger, id);
        tables.transact(&[record::write(None, &record)]).unwrap();
    }

    /// What was asked of it, in order.
    pub(crate) fn steps(&self) -> Vec<&'static str> {
        self.steps.lock().unwrap().clone()
    }

    /// Targets and their ratings, in millionths.
    pub(crate) fn ratings(&self) -> Vec<(String, u32)> {
        self.ratings.lock().unwrap().clone()
    }

    /// Makes one of its methods answer so.
    pub(crate) fn set_mood(&self, step: &'static str, mood: Mood) {
        self.moods.lock().unwrap().insert(step, mood);
    }

    fn records(&self) -> Vec<Record> {
        let tables = self.tables.lock().unwrap();
        tables.starting_with(Table::Ledger, "").map(|(_, item)| read(item.clone())).collect()
    }

    /// What the reconciler does to every open record.
    pub(crate) fn expire(&self, now: Timestamp) {
        for record in self.records().iter().filter(|record| record.open.is_some()) {
            self.tables.lock().unwrap().transact(&record::close(record, &record.expired(now))).unwrap();
        }
    }

    /// Panics unless the counters hold what the records say.
    pub(crate) fn check_balance(&self) {
        let charged: i128 = self.records().iter().map(|record| i128::from(record.charged_nanos.0)).sum();
        let tables = self.tables.lock().unwrap();
        let sum = |start: &str, attribute: &str| -> i128 {
            tables.starting_with(Table::Limits, start).map(|(_, item)| number(item, attribute)).sum()
        };
        assert_eq!(sum("spend#user#", MONTH_ATTRIBUTE), charged);
        assert_eq!(sum("lane#", "held"), charged);
        assert_eq!(sum("spend#org", MONTH_ATTRIBUTE), charged + sum("lane#", "room"));
    }

    async fn begin(&self, step: &'static str) -> Result<Mood, StoreError> {
        let mood = self.moods.lock().unwrap().get(step).copied().unwrap_or_default();
        match mood {
            Mood::Down => return Err(down("ledger")),
            Mood::Silent => future::pending().await,
            Mood::Slow => tokio::time::sleep(Duration::from_secs(1)).await,
            Mood::Well | Mood::Lossy | Mood::Contended => {}
        }
        self.steps.lock().unwrap().push(step);
        Ok(mood)
    }

    fn change(&self, writes: &[Write], after: &Record, mood: Mood) -> Result<Transition, StoreError> {
        match self.tables.lock().unwrap().transact(writes) {
            Ok(()) => lossy(mood, Transition::Done),
            Err(failed) => Ok(match failed.into_iter().next().and_then(|(_, item)| item).map(read) {
                None => Transition::Missing,
                Some(now) if now == *after => Transition::Done,
                Some(now) => Transition::Lost(Box::new(now)),
            }),
        }
    }
}

fn read(item: Item) -> Record {
    serde_json::from_value(item.into()).unwrap()
}

fn lossy<T>(mood: Mood, outcome: T) -> Result<T, StoreError> {
    if mood == Mood::Lossy { Err(down("ledger")) } else { Ok(outcome) }
}

fn granted(taking: Taking<'_>) -> Reservation {
    let tokens = taking.standing();
    Reservation::Granted(Box::new(Granted { record: taking.into_record(), tokens }))
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn flow(&self, key: &str) -> Result<Item, StoreError> {
        Ok(self.tables.lock().unwrap().get(Table::Limits, key).unwrap_or_default())
    }

    async fn take(&self, mut taking: Taking<'_>) -> Result<Reservation, StoreError> {
        let mood = self.begin(if taking.is_extension() { "extend" } else { "reserve" }).await?;
        if mood == Mood::Contended {
            return Ok(Reservation::Contended);
        }
        let mut tables = self.tables.lock().unwrap();
        loop {
            match taking.decide() {
                Next::Refuse(refusal) => return Ok(Reservation::Refused(refusal)),
                Next::Look(dry) => {
                    let view = escrow::memory::below(&tables, &taking.record().lane().unwrap(), dry);
                    match taking.looked(dry, &view) {
                        Err(refusal) => return Ok(Reservation::Refused(refusal)),
                        Ok(recalls) => recalls.iter().for_each(|recall| tables.transact(recall).unwrap()),
                    }
                }
                Next::Try(writes) => match tables.transact(&writes) {
                    Ok(()) => return lossy(mood, granted(taking)),
                    Err(failed) => match taking.learn(failed) {
                        Ok(()) => {}
                        Err(Obstacle::Claimed(item)) => {
                            return Ok(Reservation::Claimed(Claim::of(&item).unwrap()));
                        }
                        Err(Obstacle::Moved(_)) => return Ok(Reservation::Contended),
                    },
                },
            }
        }
    }

    async fn send(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        let mood = self.begin("send").await?;
        self.change(&[record::write(Some(before), after)], after, mood)
    }

    async fn close(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        let mood = self.begin("close").await?;
        self.change(&record::close(before, after), after, mood)
    }

    async fn enter(&self, record: &Record) -> Result<(), StoreError> {
        self.begin("enter").await?;
        self.change(&[record::write(None, record)], record, Mood::Well).map(drop)
    }
}

#[async_trait]
impl Quotas for MemoryLedger {
    async fn draw(&self, draw: &Draw, quota: &Quota) -> Result<Drawn, StoreError> {
        self.begin("draw").await?;
        let mut tables = self.tables.lock().unwrap();
        let read = |tables: &Memory, key: &str| tables.get(Table::Limits, key);
        let before = read(&tables, &draw.key_before()).unwrap_or_default();
        Ok(match draw.take(quota, read(&tables, &draw.key()).as_ref(), &before) {
            Ok(write) => {
                tables.transact(&[write]).unwrap();
                Drawn::Taken
            }
            Err(retry_after) => Drawn::Refused { retry_after },
        })
    }

    async fn give_back(&self, write: Write) -> Result<(), StoreError> {
        self.tables.lock().unwrap().transact(&[write]).unwrap();
        Ok(())
    }
}

#[async_trait]
impl Ratings for MemoryLedger {
    async fn rate(&self, request_id: &str, target: &str, rating: Millionths) -> Result<Rated, StoreError> {
        self.begin("rate").await?;
        let before = self.record(request_id).unwrap();
        let after = Record { rating: Some(rating), ..before.clone() };
        self.tables.lock().unwrap().transact(&[record::write(Some(&before), &after)]).unwrap();
        self.ratings.lock().unwrap().push((target.to_owned(), rating.parts()));
        Ok(Rated::Done)
    }
}

#[async_trait]
impl Records for MemoryLedger {
    async fn find(&self, request_id: &str) -> Result<Option<Record>, StoreError> {
        self.begin("find").await?;
        Ok(self.record(request_id))
    }
}
