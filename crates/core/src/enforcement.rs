//! What notices do: a policy turns each into grades, and grades become restrictions that stand until they end.
//!
//! Restrictions only ever add up: merged in any order, and however often, they leave the strictest state that any of
//! them asked for. Only an operator takes one away, and only time ends one.

mod action;
mod caps;
mod policy;
mod scope;
mod standing;
mod state;

pub use action::{Action, Change, LockReport, Order, Rethrottled, Taken, Wish};
pub use caps::Caps;
pub use policy::{Lock, On, Policy, Rule, Throttle, Until};
pub use scope::{Scope, ScopeError};
pub use standing::{Effect, MOST_RESTRICTIONS, Restriction, Standing};
pub use state::{Lift, State};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The longest reason, in bytes: it is part of the head, which every call reads.
pub const MOST_WHY_BYTES: usize = 160;

/// How much is done about a notice; each grade is stricter than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// People are told.
    Warn,
    /// Calls go on within lower caps.
    Cap,
    /// No model is called.
    Stop,
    /// Besides, what could call a model is taken away: permissions, keys, throughput.
    Lock,
}

impl Grade {
    /// Its name in policies, lists and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Cap => "cap",
            Self::Stop => "stop",
            Self::Lock => "lock",
        }
    }
}

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// A UTC day.
    Day,
    /// A calendar month in UTC.
    Month,
}

impl Period {
    /// When the one that holds `now` is over.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Day => now.day().end(),
            Self::Month => now.day().end_of_month(),
        }
    }
}

/// The words, cut where they would take more room than a reason has.
#[must_use]
pub fn brief(words: &str) -> String {
    let mut end = words.len().min(MOST_WHY_BYTES);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words[..end].to_owned()
}
