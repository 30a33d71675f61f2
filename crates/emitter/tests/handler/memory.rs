//! The books and the metrics in memory, and how they fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tollgate_core::metrics::Datum;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Aside, Metrics, PutError, Rollups, StoreError};
use tollgate_core::rollup::{Counts, Posting, totals};
use tollgate_core::time::Timestamp;
use tollgate_emitter::Handler;

/// A time at which nothing is late.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_348_900);
/// The end of an invocation that has time.
pub(crate) const LATER: Timestamp = Timestamp::from_secs(1_795_349_000);

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// Nothing is written.
    Refused,
    /// It is written, and the reply is lost.
    ReplyLost,
    /// Nothing is written, and nobody can know.
    RequestLost,
}

#[derive(Default)]
pub(crate) struct MemoryRollups {
    pub(crate) fates: Mutex<VecDeque<Fate>>,
    seen: Mutex<BTreeSet<(String, &'static str)>>,
    books: Mutex<BTreeMap<String, Counts>>,
}

impl MemoryRollups {
    /// What the organisation's books hold, all days together.
    pub(crate) fn org(&self) -> Counts {
        let mut sum = Counts::default();
        for (scope, counts) in self.books.lock().unwrap().iter() {
            if scope.starts_with("org ") {
                sum += *counts;
            }
        }
        sum
    }

    pub(crate) fn books(&self) -> BTreeMap<String, Counts> {
        self.books.lock().unwrap().clone()
    }
}

#[async_trait]
impl Rollups for MemoryRollups {
    async fn add(&self, postings: &[Posting], _: Timestamp) -> Result<(), StoreError> {
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Done);
        if matches!(fate, Fate::Done | Fate::ReplyLost) {
            let fresh = postings.iter().filter(|posting| self.seen.lock().unwrap().insert(posting.marker()));
            for ((scope, day), counts) in totals(fresh) {
                *self.books.lock().unwrap().entry(format!("{scope} {day}")).or_default() += counts;
            }
        }
        if fate == Fate::Done { Ok(()) } else { Err(StoreError { store: "rollups", cause: "fate".into() }) }
    }
}

#[derive(Default)]
pub(crate) struct MemoryMetrics {
    pub(crate) fates: Mutex<VecDeque<Fate>>,
    pub(crate) data: Mutex<Vec<Datum>>,
}

impl MemoryMetrics {
    /// The sum of a metric over the environment, in billionths.
    pub(crate) fn sum(&self, name: &str) -> i128 {
        let data = self.data.lock().unwrap();
        let of_environment = |datum: &&Datum| datum.name == name && datum.dimensions[0].0 == "Environment";
        data.iter()
            .filter(of_environment)
            .flat_map(|datum| &datum.values)
            .map(|value| billionths(*value))
            .sum()
    }

    /// How many values a metric has over the environment.
    pub(crate) fn samples(&self, name: &str) -> i128 {
        let data = self.data.lock().unwrap();
        let of_environment = |datum: &&Datum| datum.name == name && datum.dimensions[0].0 == "Environment";
        data.iter()
            .filter(of_environment)
            .flat_map(|datum| &datum.counts)
            .map(|count| billionths(*count))
            .sum()
    }
}

fn billionths(value: f64) -> i128 {
    let text = format!("{value:.9}");
    let (text, sign) = text.strip_prefix('-').map_or((text.as_str(), 1), |text| (text, -1));
    i128::from(text.parse::<Nanos>().unwrap().0) * sign
}

#[async_trait]
impl Metrics for MemoryMetrics {
    async fn put(&self, data: Vec<Datum>) -> Result<(), PutError> {
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Done);
        if matches!(fate, Fate::Done | Fate::ReplyLost) {
            self.data.lock().unwrap().extend(data);
        }
        match fate {
            Fate::Done => Ok(()),
            Fate::Refused => Err(PutError::Refused("fate".into())),
            Fate::ReplyLost | Fate::RequestLost => Err(PutError::Ambiguous("fate".into())),
        }
    }
}

/// What was set aside, by number: the reason and the entry.
#[derive(Default)]
pub(crate) struct MemoryAside {
    pub(crate) is_down: AtomicBool,
    pub(crate) entries: Mutex<BTreeMap<String, (String, String)>>,
}

#[async_trait]
impl Aside for MemoryAside {
    async fn set_aside(&self, number: &str, entry: &str, reason: &str) -> Result<(), StoreError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(StoreError { store: "failed records", cause: "down".into() });
        }
        let kept = (reason.to_owned(), entry.to_owned());
        self.entries.lock().unwrap().insert(number.to_owned(), kept);
        Ok(())
    }
}

/// An emitter over memory.
pub(crate) struct Emitter {
    pub(crate) aside: Arc<MemoryAside>,
    pub(crate) rollups: Arc<MemoryRollups>,
    pub(crate) metrics: Arc<MemoryMetrics>,
    pub(crate) handler: Handler,
}

impl Emitter {
    /// One whose writes meet these fates first.
    pub(crate) fn new(rollups: &[Fate], metrics: &[Fate]) -> Self {
        let rollups = Arc::new(MemoryRollups {
            fates: Mutex::new(rollups.iter().copied().collect()),
            ..MemoryRollups::default()
        });
        let metrics = Arc::new(MemoryMetrics {
            fates: Mutex::new(metrics.iter().copied().collect()),
            ..MemoryMetrics::default()
        });
        let aside = Arc::new(MemoryAside::default());
        let handler =
            Handler::new(rollups.clone(), metrics.clone(), aside.clone(), "test".to_owned(), || NOW);
        Self { aside, rollups, metrics, handler }
    }
}
