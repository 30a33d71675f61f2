//! One invocation: each record of SNS by itself.

use std::sync::Arc;

use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::Value;
use tollgate_aws::causes::Causes;
use tollgate_core::ports::{DeadLetters, FlagChange, Flags, QueueError, StoreError};
use tollgate_core::settings::Flag;
use tollgate_core::time::Timestamp;

use crate::record::{Delivery, Unreadable, records};

/// Who the flag names, next to the budget in its reason.
const WHO: &str = "aws-budgets";

/// The function's handler.
pub struct Handler {
    flags: Arc<dyn Flags>,
    dead_letters: Arc<dyn DeadLetters>,
    stop_at_percent: u64,
}

/// What became of the records of one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Notices that stopped calls.
    pub stopped: u32,
    /// Notices that found calls stopped, or were obeyed before.
    pub unchanged: u32,
    /// Notices of a lower share of their budget.
    pub below: u32,
    /// What could not be read, and is kept.
    pub dead_lettered: u32,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Stopped,
    Unchanged,
    Below,
    DeadLettered,
}

/// Why a record must come again.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the flag was not written")]
    Flag(#[from] StoreError),
    #[error("a record that cannot be read was not kept")]
    DeadLetter(#[from] QueueError),
}

impl Handler {
    /// Over these stores.
    #[must_use]
    pub fn new(flags: Arc<dyn Flags>, dead_letters: Arc<dyn DeadLetters>, stop_at_percent: u64) -> Self {
        Self { flags, dead_letters, stop_at_percent }
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
            Err(why) => outcomes.push(self.keep(event, &why).await),
        }
        summarize(outcomes)
    }

    async fn handle_record(&self, record: &Value, now: Timestamp) -> Result<Outcome, Failure> {
        let Delivery { message_id, notice } = match Delivery::read(record) {
            Ok(delivery) => delivery,
            Err(why) => return self.keep(record, &why).await,
        };
        let why = notice.reason();
        if !notice.reaches(self.stop_at_percent) {
            tracing::warn!(message.id = message_id, budget = notice.budget, reason = why, "notice.below");
            return Ok(Outcome::Below);
        }
        let flag = Flag { enabled: false, who: WHO.to_owned(), why, since_us: now };
        let change = self.flags.set(&flag, Some(message_id)).await?;
        let outcome = match change {
            FlagChange::Written => Outcome::Stopped,
            FlagChange::Unchanged => Outcome::Unchanged,
        };
        tracing::warn!(
            ?outcome,
            message.id = message_id,
            budget = notice.budget,
            reason = flag.why,
            "notice.obeyed"
        );
        Ok(outcome)
    }

    /// Keeps what cannot be read, whole.
    async fn keep(&self, letter: &Value, why: &Unreadable) -> Result<Outcome, Failure> {
        let reason = why.to_string();
        self.dead_letters.keep(&letter.to_string(), &reason).await?;
        tracing::error!(reason, message.id = letter["Sns"]["MessageId"].as_str(), "notice.unreadable");
        Ok(Outcome::DeadLettered)
    }
}

fn summarize(outcomes: Vec<Result<Outcome, Failure>>) -> Result<Summary, Diagnostic> {
    let mut summary = Ok(Summary::default());
    for outcome in outcomes {
        match (outcome, &mut summary) {
            (Ok(outcome), Ok(summary)) => summary.count(outcome),
            (Ok(_), Err(_)) => {}
            (Err(failure), _) => {
                tracing::error!(error = %Causes(&failure), "notice.failed");
                summary = Err(failure.into());
            }
        }
    }
    summary
}

impl Summary {
    const fn count(&mut self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Stopped => &mut self.stopped,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Below => &mut self.below,
            Outcome::DeadLettered => &mut self.dead_lettered,
        };
        *counter += 1;
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_type = match failure {
            Failure::Flag(_) => "flag_not_written",
            Failure::DeadLetter(_) => "dead_letter_not_kept",
        };
        Self { error_type: error_type.to_owned(), error_message: Causes(&failure).to_string() }
    }
}

#[cfg(test)]
mod tests;
