//! Closes what is overdue, partition by partition, gives idle escrow back, and sweeps. One part that fails holds up no
//! other; the run then ends in an error.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::iter;
use serde::Serialize;
use tollgate_aws::causes::Causes;
use tollgate_core::ports::{Escrows, Ledger, Overdue, PageStart, Transition, Vectors};
use tollgate_core::record::{Record, State, open_partitions};
use tollgate_core::time::{Day, Timestamp};
use tracing::{error, info, warn};

use crate::sweep;

/// Partitions at a time.
const PARTITIONS_AT_ONCE: usize = 8;

/// No record is closed with less time left; the next run goes on.
const LEAST_LEFT: Duration = Duration::from_secs(10);

/// What the reconciler does each minute.
pub struct Handler {
    ledger: Arc<dyn Ledger>,
    overdue: Arc<dyn Overdue>,
    escrows: Arc<dyn Escrows>,
    vectors: Option<Arc<dyn Vectors>>,
    clock: fn() -> Timestamp,
}

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Records that never left: their reservation came back.
    pub released: u64,
    /// Records that may have been billed: charged as reserved.
    pub expired: u64,
    /// Records that somebody else closed at the same moment.
    pub lost: u64,
    /// Records, pages and lanes that failed or could not be read.
    pub failed: u64,
    /// Partitions, idle lanes and sweeps that were left to the next run.
    pub left: u64,
    /// Idle lanes whose room went back to their parents.
    pub returned: u64,
    /// Questions that were forgotten because their answers have expired.
    pub swept: u64,
}

/// Not everything could be closed or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} records, pages or lanes failed", .0.failed)]
pub struct Incomplete(pub Tally);

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.released += other.released;
        self.expired += other.expired;
        self.lost += other.lost;
        self.failed += other.failed;
        self.left += other.left;
        self.returned += other.returned;
        self.swept += other.swept;
    }
}

impl Handler {
    /// Over these ports.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        overdue: Arc<dyn Overdue>,
        escrows: Arc<dyn Escrows>,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self { ledger, overdue, escrows, vectors: None, clock }
    }

    /// Sweeps these, too.
    #[must_use]
    pub fn sweeping(self, vectors: Option<Arc<dyn Vectors>>) -> Self {
        Self { vectors, ..self }
    }

    /// Closes all that is overdue when the run begins, then gives back what is idle, and then sweeps, as far as its time
    /// allows.
    pub async fn handle(&self, deadline: Timestamp) -> Result<Tally, Incomplete> {
        let now = (self.clock)();
        let mut partitions = iter(open_partitions())
            .map(|partition| self.close_partition(partition, now, deadline))
            .buffer_unordered(PARTITIONS_AT_ONCE);
        let mut tally = Tally::default();
        while let Some(part) = partitions.next().await {
            tally += part;
        }
        // Yesterday too: calls that began before midnight have ended since.
        for day in [now.day(), now.day().before(1)] {
            tally += self.give_back(day, now, deadline).await;
        }
        if let Some(vectors) = self.vectors.as_ref().filter(|_| sweep::is_due(now)) {
            tally += sweep::sweep(vectors.as_ref(), now, || self.is_late(deadline)).await;
        }
        let Tally { released, expired, lost, failed, left, returned, swept } = tally;
        info!(released, expired, lost, failed, left, returned, swept, "books kept");
        if failed > 0 { Err(Incomplete(tally)) } else { Ok(tally) }
    }

    async fn close_partition(&self, partition: String, now: Timestamp, deadline: Timestamp) -> Tally {
        let mut tally = Tally::default();
        let mut start: Option<PageStart> = None;
        loop {
            if self.is_late(deadline) {
                return leave(&partition, tally);
            }
            let page = match self.overdue.page(&partition, now, start).await {
                Ok(page) => page,
                Err(failure) => {
                    error!(partition, error = %Causes(&failure), "page of overdue records failed");
                    return Tally { failed: tally.failed + 1, ..tally };
                }
            };
            for request_id in page.unreadable {
                error!(request_id, "overdue item is no ledger record");
                tally.failed += 1;
            }
            for record in page.records {
                if self.is_late(deadline) {
                    return leave(&partition, tally);
                }
                tally += self.close(&record, now).await;
            }
            let Some(next) = page.next else { return tally };
            start = Some(next);
        }
    }

    async fn give_back(&self, day: Day, now: Timestamp, deadline: Timestamp) -> Tally {
        let mut tally = Tally::default();
        let idle = match self.escrows.idle(day, now).await {
            Ok(idle) => idle,
            Err(failure) => {
                error!(%day, error = %Causes(&failure), "idle escrow not found");
                return Tally { failed: 1, ..tally };
            }
        };
        for (lane, item) in idle {
            if self.is_late(deadline) {
                return Tally { left: tally.left + 1, ..tally };
            }
            match self.escrows.give_back(&lane, &item).await {
                Ok(true) => tally.returned += 1,
                // A call came: the lane is not idle.
                Ok(false) => {}
                Err(failure) => {
                    error!(lane = lane.key(), error = %Causes(&failure), "idle escrow not given back");
                    tally.failed += 1;
                }
            }
        }
        tally
    }

    async fn close(&self, record: &Record, now: Timestamp) -> Tally {
        let closed = record.expired(now);
        let one = Tally::default();
        match self.ledger.close(record, &closed).await {
            Ok(Transition::Done) if closed.state == State::Expired => Tally { expired: 1, ..one },
            Ok(Transition::Done) => Tally { released: 1, ..one },
            Ok(Transition::Lost(_) | Transition::Missing) => Tally { lost: 1, ..one },
            Err(failure) => {
                let request_id = &record.request_id;
                error!(request_id, error = %Causes(&failure), "overdue record not closed");
                Tally { failed: 1, ..one }
            }
        }
    }

    fn is_late(&self, deadline: Timestamp) -> bool {
        deadline.since((self.clock)()) < LEAST_LEFT
    }
}

fn leave(partition: &str, tally: Tally) -> Tally {
    warn!(partition, "no time is left, the next run goes on");
    Tally { left: 1, ..tally }
}
