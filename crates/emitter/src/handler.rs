//! Rollups first, metrics last, and a checkpoint where the first of them failed.
//!
//! Rollups add a posting once however often it comes, so they may be tried again. Metrics may not, so they are put only
//! for entries whose rollups are done, and an entry whose metrics are put is never handed back. An entry that cannot be
//! read would fail for ever: it is set aside whole, and the batch goes on without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tollgate_aws::causes::Causes;
use tollgate_core::metrics::{Datum, POSTINGS_PER_PUT, ambiguous, data, set_aside};
use tollgate_core::ports::{Aside, Metrics, PutError, Rollups};
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
    aside: Arc<dyn Aside>,
    environment: String,
    clock: fn() -> Timestamp,
    /// Lost replies that could not be reported yet.
    lost_replies: AtomicU32,
    /// Entries set aside that could not be reported yet.
    set_aside: AtomicU32,
}

/// A batch as far as it goes: the postings with their numbers, how many of them come before each entry that was set aside,
/// and the number of the first entry that could not be.
#[derive(Default)]
struct Batch {
    postings: Vec<Posting>,
    numbers: Vec<String>,
    set_aside: Vec<usize>,
    stuck: Option<String>,
}

impl Handler {
    /// Over these ports.
    pub fn new(
        rollups: Arc<dyn Rollups>,
        metrics: Arc<dyn Metrics>,
        aside: Arc<dyn Aside>,
        environment: String,
        clock: fn() -> Timestamp,
    ) -> Self {
        let [lost_replies, set_aside] = [AtomicU32::new(0), AtomicU32::new(0)];
        Self { rollups, metrics, aside, environment, clock, lost_replies, set_aside }
    }

    /// Counts a batch; the answer says where it has to begin again.
    pub async fn handle(
        &self,
        event: &StreamEvent,
        deadline: Timestamp,
    ) -> Result<BatchResponse, Unnumbered> {
        let entries = event.entries.len();
        let Batch { postings, numbers, set_aside, stuck } = self.read(event, deadline).await?;
        let added = self.add(&postings, deadline).await;
        let put = self.put(&postings[..added], deadline).await;
        // What was set aside behind a posting that comes again comes again, too, and is counted then.
        let passed = set_aside.iter().filter(|before| **before <= put).count();
        self.set_aside.fetch_add(u32::try_from(passed).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.report().await;
        let failed = numbers.into_iter().nth(put).or(stuck);
        info!(
            entries,
            postings = postings.len(),
            added,
            put,
            set_aside = passed,
            is_whole = failed.is_none(),
            "batch counted"
        );
        Ok(BatchResponse::from(failed))
    }

    /// Reads all entries, sets aside what cannot be read, and ends before the first that cannot be set aside either: what
    /// comes behind that one comes again, and must not count twice.
    async fn read(&self, event: &StreamEvent, deadline: Timestamp) -> Result<Batch, Unnumbered> {
        let entries = event.entries.iter().map(|entry| read(entry)).collect::<Result<Vec<_>, _>>()?;
        let mut batch = Batch::default();
        for (entry, raw) in entries.into_iter().zip(&event.entries) {
            match entry.posting {
                Ok(None) => {}
                Ok(Some(posting)) => {
                    batch.postings.push(posting);
                    batch.numbers.push(entry.sequence_number);
                }
                Err(fault) => {
                    let number = entry.sequence_number;
                    error!(sequence_number = number, %fault, "entry of the stream cannot be read");
                    let reason = Causes(&fault).to_string();
                    if self.is_late(deadline) || !self.is_aside(&number, raw.get(), &reason).await {
                        batch.stuck = Some(number);
                        break;
                    }
                    batch.set_aside.push(batch.postings.len());
                }
            }
        }
        Ok(batch)
    }

    async fn is_aside(&self, number: &str, entry: &str, reason: &str) -> bool {
        let put = self.aside.set_aside(number, entry, reason).await;
        put.inspect_err(|failure| error!(error = %Causes(failure), "entry not set aside")).is_ok()
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
                    self.lost_replies.fetch_add(1, Ordering::Relaxed);
                }
                break;
            }
            put += group.len();
        }
        put
    }

    /// Reports what the metrics of calls do not say.
    async fn report(&self) {
        self.report_once(&self.lost_replies, ambiguous).await;
        self.report_once(&self.set_aside, set_aside).await;
    }

    /// Reports a count once: what is refused is kept for the next batch, and a lost reply ends it.
    async fn report_once(&self, count: &AtomicU32, datum: fn(&str, u32, Timestamp) -> Datum) {
        let times = count.swap(0, Ordering::Relaxed);
        if times == 0 {
            return;
        }
        let datum = datum(&self.environment, times, (self.clock)());
        let name = datum.name;
        match self.metrics.put(vec![datum]).await {
            Ok(()) => {}
            Err(PutError::Refused(_)) => {
                count.fetch_add(times, Ordering::Relaxed);
            }
            Err(failure @ PutError::Ambiguous(_)) => {
                error!(times, name, error = %Causes(&failure), "a count may be unreported");
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
