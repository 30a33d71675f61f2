//! What became of the records of one event.

use lambda_runtime::Diagnostic;
use serde::Serialize;
use tollgate_aws::causes::Causes;
use tollgate_core::enforcement::Grade;
use tollgate_core::ports::{AlertError, LockError, QueueError, StoreError};

/// How many records came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Notices of which people were told, and no more.
    pub warned: u32,
    /// Notices that lowered caps.
    pub capped: u32,
    /// Notices that stopped calls.
    pub stopped: u32,
    /// Notices that took away what could call a model.
    pub locked: u32,
    /// Notices that found all that they ask for done, or were obeyed before.
    pub unchanged: u32,
    /// Notices that reached no rule.
    pub below: u32,
    /// What could not be read, and is kept.
    pub dead_lettered: u32,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Obeyed(Grade),
    Unchanged,
    Below,
    DeadLettered,
}

/// Why a record must come again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the policy was not read, or the action not written")]
    Store(#[from] StoreError),
    #[error("not all was locked")]
    Lock(#[from] LockError),
    #[error("people were not told")]
    Alert(#[from] AlertError),
    #[error("a record that cannot be read was not kept")]
    DeadLetter(#[from] QueueError),
}

impl Summary {
    /// The sum, or why something must come again; what failed is logged.
    pub(crate) fn of(outcomes: Vec<Result<Outcome, Failure>>) -> Result<Self, Diagnostic> {
        let mut summary = Ok(Self::default());
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

    const fn count(&mut self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Obeyed(Grade::Warn) => &mut self.warned,
            Outcome::Obeyed(Grade::Cap) => &mut self.capped,
            Outcome::Obeyed(Grade::Stop) => &mut self.stopped,
            Outcome::Obeyed(Grade::Lock) => &mut self.locked,
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
            Failure::Store(_) => "action_not_written",
            Failure::Lock(_) => "not_locked",
            Failure::Alert(_) => "people_not_told",
            Failure::DeadLetter(_) => "dead_letter_not_kept",
        };
        Self { error_type: error_type.to_owned(), error_message: Causes(&failure).to_string() }
    }
}
