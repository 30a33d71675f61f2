//! What is done for each event. An event that nobody understands is set aside whole, and so is a call that could not be counted:
//! nothing comes again by itself.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tollgate_aws::causes::Causes;
use tollgate_core::bypass::{ModelCall, Sighting};
use tollgate_core::ports::{DeadLetters, QueueError};
use tollgate_core::reconcile::Comparison;
use tollgate_core::time::Timestamp;
use tracing::error;

use crate::bypass::{PublishError, Watch};
use crate::canary::{Canary, CanaryError, Finding};
use crate::event::Event;
use crate::handler::{Handler, Incomplete, Tally};
use crate::probe::{Probed, Prober};
use crate::sight::{Bill, Sight, SightError};

/// All that the reconciler does.
pub struct Duties {
    /// Each minute.
    pub sweep: Handler,
    /// Each hour and day.
    pub sight: Sight,
    /// At each call that is told of.
    pub watch: Watch,
    /// Every five minutes, where there is one.
    pub canary: Canary,
    /// Each minute, where there is a canary.
    pub prober: Prober,
    /// For what nobody understands.
    pub letters: Arc<dyn DeadLetters>,
    /// Now.
    pub clock: fn() -> Timestamp,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// The minute's run.
    Swept(Tally),
    /// So many forecasts were made.
    Forecast(usize),
    /// Tokens were compared.
    Reconciled(Comparison),
    /// Charges were compared.
    Billed(Bill),
    /// The canary sang.
    Canary(Finding),
    /// Targets were probed.
    Probed(Probed),
    /// A call was seen that was counted.
    Bypass,
    /// A call was seen that was not counted, because it is ours or was refused.
    Passed,
    /// The event lies in the dead-letter queue, for this reason.
    SetAside(String),
}

/// What was not done.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
    /// Not all of the minute's run.
    #[error(transparent)]
    Sweep(#[from] Incomplete),
    /// A forecast or comparison.
    #[error(transparent)]
    Sight(#[from] SightError),
    /// The count of bypasses is not in the metric yet.
    #[error("calls past the gateway are not in the metric yet")]
    Publish(#[from] PublishError),
    /// The canary's.
    #[error(transparent)]
    Canary(#[from] CanaryError),
    /// An event is neither understood nor set aside; Lambda brings it again.
    #[error("the event could not be set aside")]
    Letters(#[from] QueueError),
}

impl Duties {
    /// Does what the event asks for.
    pub async fn handle(&self, event: &Value, deadline: Timestamp) -> Result<Done, DutyError> {
        let now = (self.clock)();
        match Event::read(event) {
            Ok(Event::Sweep) => self.sweep(now, deadline).await,
            Ok(Event::Forecast) => Ok(Done::Forecast(self.sight.forecast(now).await?)),
            Ok(Event::Reconcile(day)) => Ok(Done::Reconciled(self.sight.reconcile(day, now).await?)),
            Ok(Event::Costs(day)) => Ok(Done::Billed(self.sight.costs(day, now).await?)),
            Ok(Event::Canary) => Ok(Done::Canary(self.canary.sing().await?)),
            Ok(Event::Probe) => Ok(Done::Probed(self.prober.probe(deadline).await)),
            Ok(Event::Call(call)) => self.see(event, &call, now).await,
            Err(unknown) => self.set_aside(event, Causes(&unknown).to_string()).await,
        }
    }

    /// Both are done, whatever becomes of the first.
    async fn sweep(&self, now: Timestamp, deadline: Timestamp) -> Result<Done, DutyError> {
        let swept = self.sweep.handle(deadline).await;
        self.watch.publish(now).await?;
        Ok(Done::Swept(swept?))
    }

    async fn see(&self, event: &Value, call: &ModelCall, now: Timestamp) -> Result<Done, DutyError> {
        match self.watch.see(call, now).await {
            Ok(Sighting::Bypass) => Ok(Done::Bypass),
            Ok(Sighting::Ours | Sighting::Refused) => Ok(Done::Passed),
            Err(failure) => self.set_aside(event, Causes(&failure).to_string()).await,
        }
    }

    async fn set_aside(&self, event: &Value, reason: String) -> Result<Done, DutyError> {
        error!(error = reason, "event set aside");
        self.letters.keep(&event.to_string(), &reason).await?;
        Ok(Done::SetAside(reason))
    }
}
