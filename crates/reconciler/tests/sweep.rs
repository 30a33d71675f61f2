//! The sweep of expired vectors, over a store in memory.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test itself")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tollgate_core::escrow::Lane;
use tollgate_core::ports::{
    Escrows, Ledger, Near, Neighbour, Overdue, OverduePage, PageStart, Point, PointPage, Reservation,
    StoreError, Transition, Vectors,
};
use tollgate_core::record::Record;
use tollgate_core::reservation::Taking;
use tollgate_core::time::{Day, Timestamp};
use tollgate_core::write::Item;
use tollgate_reconciler::Handler;
use tollgate_reconciler::handler::Tally;

/// A tenth minute.
const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);
const LATER: Timestamp = Timestamp::from_secs(1_795_348_855);

/// Books with nothing to do.
struct QuietBooks;

#[async_trait]
impl Ledger for QuietBooks {
    async fn flow(&self, _: &str) -> Result<Item, StoreError> {
        unreachable!("the reconciler looks at no flow")
    }

    async fn take(&self, _: Taking<'_>) -> Result<Reservation, StoreError> {
        unreachable!("the reconciler takes nothing")
    }

    async fn send(&self, _: &Record, _: &Record) -> Result<Transition, StoreError> {
        unreachable!("the reconciler sends nothing")
    }

    async fn close(&self, _: &Record, _: &Record) -> Result<Transition, StoreError> {
        unreachable!("nothing is overdue")
    }

    async fn enter(&self, _: &Record) -> Result<(), StoreError> {
        unreachable!("the reconciler enters nothing")
    }
}

#[async_trait]
impl Overdue for QuietBooks {
    async fn page(&self, _: &str, _: Timestamp, _: Option<PageStart>) -> Result<OverduePage, StoreError> {
        Ok(OverduePage::default())
    }
}

#[async_trait]
impl Escrows for QuietBooks {
    async fn idle(&self, _: Day, _: Timestamp) -> Result<Vec<(Lane, Item)>, StoreError> {
        Ok(Vec::new())
    }

    async fn give_back(&self, _: &Lane, _: &Item) -> Result<bool, StoreError> {
        unreachable!("nothing is idle")
    }
}

/// Vectors by their keys, each with the second at which it expires, in pages.
#[derive(Default)]
struct MemoryVectors {
    points: Mutex<BTreeMap<String, u64>>,
    page: usize,
    /// The largest deletion so far.
    widest: Mutex<usize>,
    /// The page that fails, from 1 on.
    broken_page: Option<u64>,
    pages: AtomicU64,
    cannot_forget: bool,
}

impl MemoryVectors {
    fn with(points: impl IntoIterator<Item = (String, u64)>, page: usize) -> Self {
        Self { points: Mutex::new(points.into_iter().collect()), page, ..Self::default() }
    }

    fn keys(&self) -> Vec<String> {
        self.points.lock().unwrap().keys().cloned().collect()
    }
}

fn broken() -> StoreError {
    StoreError { store: "vectors", cause: "broken".into() }
}

#[async_trait]
impl Vectors for MemoryVectors {
    async fn nearest(&self, _: &Near<'_>) -> Result<Vec<Neighbour>, StoreError> {
        unreachable!("the reconciler looks for no neighbours")
    }

    async fn put(&self, _: &Point) -> Result<(), StoreError> {
        unreachable!("the reconciler keeps nothing")
    }

    async fn page(&self, start: Option<&str>) -> Result<PointPage, StoreError> {
        if Some(self.pages.fetch_add(1, Ordering::Relaxed) + 1) == self.broken_page {
            return Err(broken());
        }
        let all = self.points.lock().unwrap().clone();
        let rest = all.into_iter().filter(|(key, _)| start.is_none_or(|start| key.as_str() > start));
        let points: Vec<_> = rest.take(self.page).collect();
        let next = (points.len() == self.page).then(|| points.last().unwrap().0.clone());
        Ok(PointPage { points, next })
    }

    async fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        if self.cannot_forget {
            return Err(broken());
        }
        let mut widest = self.widest.lock().unwrap();
        *widest = keys.len().max(*widest);
        self.points.lock().unwrap().retain(|key, _| !keys.contains(key));
        Ok(())
    }
}

fn handler(vectors: &Arc<MemoryVectors>, clock: fn() -> Timestamp) -> Handler {
    let books = Arc::new(QuietBooks);
    let vectors: Arc<dyn Vectors> = vectors.clone();
    Handler::new(books.clone(), books.clone(), books, clock).sweeping(Some(vectors))
}

/// Every second one has expired, one at this very second.
fn mixed(count: u64) -> impl Iterator<Item = (String, u64)> {
    (0..count).map(|number| {
        let expires_at = if number % 2 == 0 { NOON.as_secs() - number } else { NOON.as_secs() + 1 };
        (format!("k-{number:04}"), expires_at)
    })
}

#[tokio::test]
async fn what_has_expired_is_forgotten_on_all_pages_and_nothing_else() {
    let vectors = Arc::new(MemoryVectors::with(mixed(1_000).chain([("unknown".to_owned(), 0)]), 7));

    let first = handler(&vectors, || NOON).handle(LATER).await.unwrap();
    let second = handler(&vectors, || NOON).handle(LATER).await.unwrap();

    assert_eq!((first, second), (Tally { swept: 501, ..Tally::default() }, Tally::default()));
    let fresh = mixed(1_000).filter(|(_, expires_at)| *expires_at > NOON.as_secs()).map(|(key, _)| key);
    assert_eq!(vectors.keys(), fresh.collect::<Vec<_>>());
}

#[tokio::test]
async fn no_more_are_forgotten_at_once_than_the_store_takes() {
    let vectors = Arc::new(MemoryVectors::with(mixed(3_000), 3_000));

    let tally = handler(&vectors, || NOON).handle(LATER).await.unwrap();

    assert_eq!((tally.swept, *vectors.widest.lock().unwrap()), (1_500, 500));
}

#[tokio::test]
async fn only_every_tenth_minute_s_run_sweeps() {
    let vectors = Arc::new(MemoryVectors::with(mixed(10), 10));
    let minutes: [fn() -> Timestamp; 3] = [
        || Timestamp::from_secs(NOON.as_secs() + 60),
        || Timestamp::from_secs(NOON.as_secs() - 1),
        || Timestamp::from_secs(NOON.as_secs() + 540),
    ];

    for clock in minutes {
        let tally =
            handler(&vectors, clock).handle(Timestamp::from_secs(NOON.as_secs() + 900)).await.unwrap();
        assert_eq!(tally, Tally::default());
    }
    assert_eq!(vectors.pages.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_page_that_fails_ends_the_sweep_and_the_run_in_an_error() {
    let vectors = Arc::new(MemoryVectors { broken_page: Some(2), ..MemoryVectors::with(mixed(10), 4) });

    let incomplete = handler(&vectors, || NOON).handle(LATER).await.unwrap_err();

    assert_eq!(incomplete.0, Tally { swept: 2, failed: 1, ..Tally::default() });
}

#[tokio::test]
async fn what_cannot_be_forgotten_is_left_and_told() {
    let vectors = Arc::new(MemoryVectors { cannot_forget: true, ..MemoryVectors::with(mixed(10), 4) });

    let incomplete = handler(&vectors, || NOON).handle(LATER).await.unwrap_err();

    assert_eq!(incomplete.0, Tally { failed: 1, ..Tally::default() });
    assert_eq!(vectors.keys().len(), 10);
}

#[tokio::test]
async fn a_run_that_is_late_leaves_the_sweep_to_a_later_one() {
    let vectors = Arc::new(MemoryVectors::with(mixed(10), 4));

    let tally = handler(&vectors, || NOON).handle(NOON).await.unwrap();

    assert_eq!((tally.left, tally.swept, vectors.keys().len()), (33, 0, 10));
}
