//! Model calls that went past the gateway: each counted once when its event comes, and put into the metric by the minute's run.

use tollgate_aws::bypasses::{Bypasses, Counted};
use tollgate_core::bypass::{ModelCall, Principals, Sighting};
use tollgate_core::metrics::Gauge;
use tollgate_core::ports::{PutError, StoreError};
use tollgate_core::time::Timestamp;
use tracing::{info, warn};

use crate::figures::Figures;

/// Who watches.
pub struct Watch {
    ours: Principals,
    bypasses: Bypasses,
    figures: Figures,
}

/// The count is not in the metric yet; the next minute's run tries again.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Nobody knows the count.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was not put.
    #[error(transparent)]
    Put(#[from] PutError),
}

impl Watch {
    /// For calls of others than these.
    pub const fn new(ours: Principals, bypasses: Bypasses, figures: Figures) -> Self {
        Self { ours, bypasses, figures }
    }

    /// Judges a call, and counts it where it went past the gateway.
    pub async fn see(&self, call: &ModelCall, now: Timestamp) -> Result<Sighting, StoreError> {
        let ModelCall { principal, account, region, operation, event_id, .. } = call;
        let model = call.model.as_deref().unwrap_or_default();
        let sighting = self.ours.judge(call);
        match sighting {
            Sighting::Ours => {}
            Sighting::Refused => {
                let error = call.refusal.as_deref().unwrap_or_default();
                info!(
                    event_id,
                    principal,
                    account,
                    region,
                    operation,
                    model.id = model,
                    error,
                    "bypass refused"
                );
            }
            Sighting::Bypass => {
                if self.bypasses.count(call, now).await? == Counted::Now {
                    warn!(event_id, principal, account, region, operation, model.id = model, "bypass seen");
                }
            }
        }
        Ok(sighting)
    }

    /// Puts what was counted since the last time into the metric; says how many calls. A crash between the metric and its
    /// note counts them twice rather than never.
    pub async fn publish(&self, now: Timestamp) -> Result<u64, PublishError> {
        let mut published = 0;
        for day in [now.day(), now.day().before(1)] {
            let count = self.bypasses.day(day).await?;
            let new = count.calls.saturating_sub(count.published);
            if new > 0 {
                self.figures.put(&[(Gauge::BypassCalls, i128::from(new))], now).await?;
                self.bypasses.note_published(day, count.calls).await?;
                published += new;
            }
        }
        Ok(published)
    }
}
