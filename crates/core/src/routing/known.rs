//! What is known of targets when a call comes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::money::Nanos;
use crate::semantic::millionths::Millionths;
use crate::time::Timestamp;

/// What is known of a target when a call comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its id.
    pub id: &'a str,
    /// The most that the call can cost there; `None` where it has no price.
    pub cost: Option<Nanos>,
    /// How fast it was lately.
    pub pace: Option<Pace>,
    /// How well it answers.
    pub quality: Millionths,
    /// How well it suits.
    pub compliance: Millionths,
}

/// How fast a target was lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// 95 of 100 callers waited no longer for the first content, in microseconds.
    pub p95_us: u64,
    /// Answers that this rests on.
    pub samples: u64,
    /// When it was found, in microseconds.
    #[serde(default)]
    pub at_us: Timestamp,
}

/// What callers said of a target's answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rating {
    /// All ratings added, each from 0 to 1,000,000.
    pub sum: u64,
    /// How many there are.
    pub count: u64,
}

/// A pace that was found so long ago says nothing of now.
const STALE: Duration = Duration::from_secs(600);

/// What the catalogue says of a target's quality counts as so many ratings.
const PRIOR_RATINGS: u64 = 20;

impl Pace {
    /// Whether it still says something.
    #[must_use]
    pub fn is_recent(&self, now: Timestamp) -> bool {
        now.since(self.at_us) < STALE
    }
}

impl Rating {
    /// The quality that the catalogue says, moved by what callers said.
    #[must_use]
    pub fn quality(self, prior: Millionths) -> Millionths {
        let sum = u128::from(prior.parts()) * u128::from(PRIOR_RATINGS) + u128::from(self.sum);
        let mean = sum / (u128::from(PRIOR_RATINGS) + u128::from(self.count));
        Millionths::new(u32::try_from(mean).unwrap_or(u32::MAX))
    }
}
