//! What became of each request to a target: the ledger's stream carries it to the breakers.

use serde::{Deserialize, Serialize};

use super::Record;
use crate::outcome::Cause;
use crate::time::Timestamp;

/// One request to a target, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// Which target.
    pub target: String,
    /// How it ended; of a stream, how the stream ended.
    pub cause: Cause,
    /// When it left, in microseconds.
    pub began_us: Timestamp,
    /// From there to its end.
    pub took_us: u64,
    /// From there to the first content; only where the target was asked for a stream, and said any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_us: Option<u64>,
    /// When the provider wants to be asked again, in seconds from the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_secs: Option<u64>,
    /// It ran in a tenant's own account, whose rights and quota are nobody else's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_apart: bool,
}

impl Try {
    /// When it ended.
    #[must_use]
    pub const fn ended(&self) -> Timestamp {
        Timestamp::from_micros(self.began_us.as_micros().saturating_add(self.took_us))
    }

    /// How long its caller waited: a long answer is no slow one.
    #[must_use]
    pub fn latency_us(&self) -> u64 {
        self.first_us.unwrap_or(self.took_us)
    }
}

impl Record {
    /// A request to a target is over.
    #[must_use]
    pub fn tried(mut self, tried: Option<Try>) -> Self {
        self.tries.extend(tried);
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(is: &bool) -> bool {
    !*is
}
