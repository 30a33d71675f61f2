//! The reconciler's figures, put into the metrics.

use std::sync::Arc;

use tollgate_aws::causes::Causes;
use tollgate_core::metrics::Gauge;
use tollgate_core::ports::{Metrics, PutError};
use tollgate_core::time::Timestamp;
use tracing::warn;

/// Tries of one figure that is refused.
const TRIES: u32 = 3;

/// Where figures go.
#[derive(Clone)]
pub struct Figures {
    metrics: Arc<dyn Metrics>,
    environment: String,
}

impl Figures {
    /// Of this environment.
    pub fn new(metrics: Arc<dyn Metrics>, environment: String) -> Self {
        Self { metrics, environment }
    }

    /// Puts figures. A lost reply is taken for a yes: sent again, they might count twice.
    pub async fn put(&self, figures: &[(Gauge, i128)], now: Timestamp) -> Result<(), PutError> {
        let data =
            || figures.iter().map(|(gauge, amount)| gauge.datum(&self.environment, *amount, now)).collect();
        for _ in 1..TRIES {
            match self.metrics.put(data()).await {
                Ok(()) => return Ok(()),
                Err(PutError::Refused(_)) => {}
                Err(lost @ PutError::Ambiguous(_)) => return say(&lost),
            }
        }
        match self.metrics.put(data()).await {
            Err(lost @ PutError::Ambiguous(_)) => say(&lost),
            done => done,
        }
    }
}

fn say(lost: &PutError) -> Result<(), PutError> {
    warn!(error = %Causes(lost), "a figure may not be in the metrics");
    Ok(())
}
