//! Rollups first, metrics last, and a checkpoint where the first of them failed.
//!
//! Rollups add a posting once however often it comes, so they may be tried again. Metrics may not, so they are put only
//! for entries whose rollups are done, and an entry whose metrics are put is never handed back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tollgate_aws::causes::Causes;
use tollgate_core::metrics::{POSTINGS_PER_PUT, ambiguous, data};
use tollgate_core::ports::{Metrics, PutError, Rollups};
use tollgate_core::rollup::{POSTINGS_PER_TRANSACTION, Posting};
use tollgate_core::time::Timestamp;
use tracing::{error, info, warn};

use crate::event::{BatchResponse, StreamEvent, Unnumbered, read};

/// No step begins with less time left: one that the end of the invocation cuts off would be ambiguous.
const LEAST_LEFT: Duration = Duration::from_secs(8);

/// What the emitter does with a batch.
pub struct Handler {
    rollups: Arc<dyn Rollups>,
    metrics: Arc<dyn Metrics>,
    environment: String,
    clock: fn() -> Timestamp,
    /// Lost replies that could not be reported yet.
    unreported: AtomicU32,
}

/// A batch as far as it can be read: the postings with their numbers, and the number of the first unreadable entry.
struct Batch {
    postings: Vec<Posting>,
    numbers: Vec<String>,
    unreadable: Option<String>,
}

impl Handler {
    /// Over these ports.
    pub fn new(
        rollups: Arc<dyn Rollups>,
        metrics: Arc<dyn Metrics>,
        environment: String,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self { rollups, metrics, environment, clock, unreported: AtomicU32::new(0) }
    }

    /// Counts a batch; the answer says where it has to begin again.
    pub async fn handle(
        &self,
        event: &StreamEvent,
        deadline: Timestamp,
    ) -> Result<BatchResponse, Unnumbered> {
        let entries = event.entries.len();
        let Batch { postings, numbers, unreadable } = read_batch(event)?;
        let added = self.add(&postings, deadline).await;
        let put = self.put(&postings[..added], deadline).await;
        self.report_ambiguous().await;
        let failed = numbers.into_iter().nth(put).or(unreadable);
        info!(entries, postings = postings.len(), added, put, is_whole = failed.is_none(), "batch counted");
        Ok(BatchResponse::from(failed))
    }

    /// Adds postings to the books, in their order; how many are in them.
    async fn add(&self, postings: &[Posting], deadline: Timestamp) -> usize {
        let mut added = 0;
        for group in postings.chunks(POSTINGS_PER_TRANSACTION) {
            if self.is_late(deadline) {
                break;
            }
            if let Err(failure) = self.rollups.add(group, (self.clock)()).await {
                warn!(postings = group.len(), error = %Causes(&failure), "rollups failed");
                break;
            }
            added += group.len();
        }
        added
    }

    /// Puts the metrics of postings, in their order; for how many they are put.
    async fn put(&self, postings: &[Posting], deadline: Timestamp) -> usize {
        let mut put = 0;
        for group in postings.chunks(POSTINGS_PER_PUT) {
            if self.is_late(deadline) {
                break;
            }
            if let Err(failure) = self.metrics.put(data(&self.environment, group)).await {
                warn!(postings = group.len(), error = %Causes(&failure), "metrics failed");
                if matches!(failure, PutError::Ambiguous(_)) {
                    self.unreported.fetch_add(1, Ordering::Relaxed);
                }
                break;
            }
            put += group.len();
        }
        put
    }

    /// Reports lost replies once: what is refused is kept for the next batch, and a second lost reply ends it.
    async fn report_ambiguous(&self) {
        let times = self.unreported.swap(0, Ordering::Relaxed);
        if times == 0 {
            return;
        }
        let datum = ambiguous(&self.environment, times, (self.clock)());
        match self.metrics.put(vec![datum]).await {
            Ok(()) => {}
            Err(PutError::Refused(_)) => {
                self.unreported.fetch_add(times, Ordering::Relaxed);
            }
            Err(failure @ PutError::Ambiguous(_)) => {
                error!(times, error = %Causes(&failure), "lost replies may be unreported");
            }
        }
    }

    fn is_late(&self, deadline: Timestamp) -> bool {
        let is_late = deadline.since((self.clock)()) < LEAST_LEFT;
        if is_late {
            warn!("no time is left for this batch");
        }
        is_late
    }
}

/// Reads entries up to the first that is unreadable: what comes behind it comes again, and must not count twice.
fn read_batch(event: &StreamEvent) -> Result<Batch, Unnumbered> {
    let entries = event.entries.iter().map(|entry| read(entry)).collect::<Result<Vec<_>, _>>()?;
    let mut batch = Batch { postings: Vec::new(), numbers: Vec::new(), unreadable: None };
    for entry in entries {
        match entry.posting {
            Ok(None) => {}
            Ok(Some(posting)) => {
                batch.postings.push(posting);
                batch.numbers.push(entry.sequence_number);
            }
            Err(fault) => {
                error!(sequence_number = entry.sequence_number, %fault, "entry of the stream cannot be read");
                batch.unreadable = Some(entry.sequence_number);
                break;
            }
        }
    }
    Ok(batch)
}
