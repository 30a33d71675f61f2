//! What a scope may use: money and tokens per UTC day and month, and how much of it at once.

use serde::{Deserialize, Serialize};

use crate::money::Nanos;

/// What a call takes of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// In nano-dollars.
    pub nanos: Nanos,
    /// Input and output together.
    pub tokens: u64,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: Nanos::ZERO, tokens: 0 };

    /// The sum, at most what fits.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { nanos: self.nanos.plus(other.nanos), tokens: self.tokens.saturating_add(other.tokens) }
    }

    /// What is left of each when `other` is taken away; nothing where `other` is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self { nanos: self.nanos.minus(other.nanos), tokens: self.tokens.saturating_sub(other.tokens) }
    }

    /// The greater of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { nanos: self.nanos.max(other.nanos), tokens: self.tokens.max(other.tokens) }
    }

    /// The lesser of each.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { nanos: self.nanos.min(other.nanos), tokens: self.tokens.min(other.tokens) }
    }
}

impl From<Nanos> for Amount {
    /// Money without tokens.
    fn from(nanos: Nanos) -> Self {
        Self { nanos, tokens: 0 }
    }
}

/// What a counter moves by; less than nothing when something comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// In nano-dollars.
    pub nanos: i128,
    /// In tokens.
    pub tokens: i128,
}

impl Delta {
    /// From one amount to another.
    #[must_use]
    pub fn between(before: Amount, after: Amount) -> Self {
        Self::from(after) - Self::from(before)
    }
}

impl From<Amount> for Delta {
    fn from(amount: Amount) -> Self {
        Self { nanos: amount.nanos.0.into(), tokens: amount.tokens.into() }
    }
}

impl std::ops::Sub for Delta {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { nanos: self.nanos - other.nanos, tokens: self.tokens - other.tokens }
    }
}

impl std::ops::Neg for Delta {
    type Output = Self;

    fn neg(self) -> Self {
        Self { nanos: -self.nanos, tokens: -self.tokens }
    }
}

/// Limits of one scope; none where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Nano-dollars per UTC day.
    #[serde(rename = "budget_day_nanos", default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Nanos>,
    /// Nano-dollars per UTC month.
    #[serde(rename = "budget_month_nanos", default, skip_serializing_if = "Option::is_none")]
    pub month: Option<Nanos>,
    /// Tokens per UTC day.
    #[serde(rename = "budget_day_tokens", default, skip_serializing_if = "Option::is_none")]
    pub day_tokens: Option<u64>,
    /// Tokens per UTC month.
    #[serde(rename = "budget_month_tokens", default, skip_serializing_if = "Option::is_none")]
    pub month_tokens: Option<u64>,
    /// What happens when a limit is reached.
    #[serde(rename = "budget_mode", default, skip_serializing_if = "Mode::is_hard")]
    pub mode: Mode,
}

impl Budget {
    /// No limit.
    pub const UNLIMITED: Self =
        Self { day: None, month: None, day_tokens: None, month_tokens: None, mode: Mode::Hard };
}

/// What happens when a limit is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Calls are refused.
    #[default]
    Hard,
    /// Calls go on, and the ledger says what would have been refused.
    Shadow,
}

impl Mode {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    const fn is_hard(&self) -> bool {
        matches!(self, Self::Hard)
    }
}

/// How much a key's calls may use at once; no limit where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowPolicy {
    /// Tokens per minute of its user; a minute's worth may come at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Calls of the key that run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u64>,
}
