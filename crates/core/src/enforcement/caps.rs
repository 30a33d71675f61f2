//! Lower caps for calls that go on.

use serde::{Deserialize, Serialize};

use crate::budget::FlowPolicy;
use crate::money::PerMillion;
use crate::output_policy::OutputPolicy;

/// What a call may take at most; nothing is lowered where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// The highest output cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// The dearest model: what a million of its output tokens may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_usd_per_million_output: Option<PerMillion>,
    /// Tokens per minute of each user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Calls of each key at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u64>,
}

/// The lower of two caps; none is higher than any.
fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Caps {
    /// The lower of each.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            max_output_tokens: lower(self.max_output_tokens, other.max_output_tokens),
            max_usd_per_million_output: lower(
                self.max_usd_per_million_output,
                other.max_usd_per_million_output,
            ),
            tokens_per_minute: lower(self.tokens_per_minute, other.tokens_per_minute),
            max_concurrent: lower(self.max_concurrent, other.max_concurrent),
        }
    }

    /// Whether nothing is lowered.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What is set about a caller's output, within these caps.
    #[must_use]
    pub fn output(&self, policy: &OutputPolicy) -> OutputPolicy {
        OutputPolicy { max_tokens: lower(policy.max_tokens, self.max_output_tokens), ..policy.clone() }
    }

    /// How much a caller may use at once, within these caps.
    #[must_use]
    pub fn flow(&self, policy: FlowPolicy) -> FlowPolicy {
        FlowPolicy {
            tokens_per_minute: lower(policy.tokens_per_minute, self.tokens_per_minute),
            max_concurrent: lower(policy.max_concurrent, self.max_concurrent),
        }
    }
}
