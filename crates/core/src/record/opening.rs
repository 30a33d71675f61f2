//! What a call is about before anything has become of it.

use super::CacheOutcome;
use crate::budget::Amount;
use crate::time::Timestamp;

/// What a call is about, when it is reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Unique per invocation.
    pub request_id: String,
    /// The model that was named.
    pub model: String,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// The trace that the call belongs to.
    pub trace_id: Option<String>,
    /// Where the answer will come from.
    pub cache: CacheOutcome,
    /// The upper bound of its cost and its tokens.
    pub bound: Amount,
    /// The lane that its escrow comes from; none where it needs none.
    pub lane: Option<u16>,
    /// When it came.
    pub now: Timestamp,
    /// When it is overdue.
    pub deadline: Timestamp,
    /// How long the table keeps it.
    pub retention_days: u64,
}
