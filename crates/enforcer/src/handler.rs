//! One invocation: each record of SNS by itself.

use std::sync::Arc;

use lambda_runtime::Diagnostic;
use serde_json::Value;
use tollgate_aws::causes::Causes;
use tollgate_core::metrics::{Datum, Unit};
use tollgate_core::ports::{Alerts, DeadLetters, Enforcement, Locks, Metrics};
use tollgate_core::time::Timestamp;

use crate::record::{Delivery, Unreadable, records};
pub use crate::summary::Summary;
use crate::summary::{Failure, Outcome};

/// What counts notices that nobody could read.
const UNREADABLE: &str = "Enforcer.Unreadable.Count";

/// The function's handler.
pub struct Handler {
    pub(crate) enforcement: Arc<dyn Enforcement>,
    pub(crate) locks: Arc<dyn Locks>,
    pub(crate) alerts: Arc<dyn Alerts>,
    pub(crate) stop_at_percent: u64,
    dead_letters: Arc<dyn DeadLetters>,
    metrics: Arc<dyn Metrics>,
    environment: String,
}

/// What the handler needs from the world.
pub struct Ports {
    /// Policy, flag, restrictions and the audit trail.
    pub enforcement: Arc<dyn Enforcement>,
    /// Permissions, keys and throughput.
    pub locks: Arc<dyn Locks>,
    /// People.
    pub alerts: Arc<dyn Alerts>,
    /// Where a notice goes that cannot be read.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Where such notices are counted.
    pub metrics: Arc<dyn Metrics>,
}

impl Handler {
    /// Over these ports. A budget that no policy knows stops calls at this share.
    #[must_use]
    pub fn new(ports: Ports, stop_at_percent: u64, environment: String) -> Self {
        let Ports { enforcement, locks, alerts, dead_letters, metrics } = ports;
        Self { enforcement, locks, alerts, stop_at_percent, dead_letters, metrics, environment }
    }

    /// One invocation. It fails when any record must come again; those that are done then change nothing more.
    pub async fn handle(&self, event: &Value, now: Timestamp) -> Result<Summary, Diagnostic> {
        let mut outcomes = Vec::new();
        match records(event) {
            Ok(records) => {
                for record in records {
                    outcomes.push(self.handle_record(record, now).await);
                }
            }
            Err(why) => outcomes.push(self.keep(event, &why, now).await),
        }
        Summary::of(outcomes)
    }

    async fn handle_record(&self, record: &Value, now: Timestamp) -> Result<Outcome, Failure> {
        match Delivery::read(record) {
            Ok(delivery) => self.obey(&delivery, now).await,
            Err(why) => self.keep(record, &why, now).await,
        }
    }

    /// Keeps what cannot be read, whole, and counts it. That it is kept matters more: an alarm watches the queue, too.
    async fn keep(&self, letter: &Value, why: &Unreadable, now: Timestamp) -> Result<Outcome, Failure> {
        let reason = why.to_string();
        tracing::error!(reason, message.id = letter["Sns"]["MessageId"].as_str(), "notice.unreadable");
        self.dead_letters.keep(&letter.to_string(), &reason).await?;
        let datum = Datum {
            name: UNREADABLE,
            dimensions: vec![("environment", self.environment.clone())],
            minute: now,
            unit: Unit::Count,
            values: vec![1.0],
            counts: vec![1.0],
        };
        if let Err(error) = self.metrics.put(vec![datum]).await {
            tracing::error!(error = %Causes(&error), "unreadable.uncounted");
        }
        Ok(Outcome::DeadLettered)
    }
}

#[cfg(test)]
mod tests;
