//! What a caller is told when no target has answered.

use std::time::Duration;

use tollgate_core::error::Error;
use tollgate_core::model::ModelError;

/// When to come back while the only target is probed by another call.
const UNTIL_PROBED: Duration = Duration::from_secs(1);

/// Why each target did not answer.
#[derive(Default)]
pub(super) struct Failures {
    causes: Vec<String>,
    retry_after: Option<Duration>,
    /// Somebody failed otherwise than by silence.
    has_spoken: bool,
}

impl Failures {
    pub(super) fn add(&mut self, target: &str, error: &ModelError) {
        self.retry_after = self.retry_after.max(match error {
            ModelError::Throttled { retry_after } => *retry_after,
            ModelError::OverQuota { retry_after } => Some(*retry_after),
            _ => None,
        });
        self.has_spoken |= !matches!(error, ModelError::TimedOut);
        self.causes.push(format!("{target}: {error}"));
    }

    /// Another call probes it.
    pub(super) fn add_probed(&mut self, target: &str) {
        self.retry_after = self.retry_after.max(Some(UNTIL_PROBED));
        self.has_spoken = true;
        self.causes.push(format!("{target}: another call probes it"));
    }

    pub(super) fn error(self, elapsed: Duration) -> Error {
        if self.has_spoken {
            Error::Unavailable { causes: self.causes, retry_after: self.retry_after }
        } else {
            Error::TimedOut(elapsed)
        }
    }
}
