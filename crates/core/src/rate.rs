//! The request rate: GCRA and the day's requests on one item, in one write when idle and two when busy.
//!
//! The adapter tries [`Step::Idle`], then, as the item it lost to says, [`Step::Busy`]; both are conditional writes
//! whose conditions are those of [`RatePolicy::next`], so the property tests of this module are about the very decision.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{Day, Timestamp, whole_secs};

/// How often a user or a key may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatePolicy {
    /// T: microseconds between two units at the sustained rate.
    pub interval_us: u64,
    /// How many units may come at once.
    pub burst: u32,
    /// How many units a UTC day may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u64>,
}

/// What a call costs of a rate: at least one unit, which is a plain request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(NonZeroU32);

impl Units {
    /// A plain request.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    /// That many; `None` for no units at all.
    #[must_use]
    pub fn new(count: u32) -> Option<Self> {
        NonZeroU32::new(count).map(Self)
    }

    /// How many.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0.get()
    }
}

impl RatePolicy {
    /// T as a duration.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        Duration::from_micros(self.interval_us)
    }

    /// How far a call of so many units moves the theoretical arrival time.
    #[must_use]
    pub const fn advance(&self, units: Units) -> Duration {
        self.interval().saturating_mul(units.count())
    }

    /// How far the theoretical arrival time may lie ahead of a call of so many units that is admitted: τ for one, and
    /// T less for each that comes with it, so that at most a burst comes at once, whatever it is made of.
    #[must_use]
    pub const fn tolerance(&self, units: Units) -> Duration {
        self.interval().saturating_mul(self.burst.saturating_sub(units.count()))
    }

    /// What to do about a call, given what the item holds.
    #[must_use]
    pub fn next(&self, state: &RateState, units: Units, now: Timestamp, request_id: &str) -> Step {
        if state.last.as_deref() == Some(request_id) {
            return Step::AlreadyCounted;
        }
        if let Some(limit) = self.never(units) {
            return Step::Refuse(RateRefusal::Never { units, limit });
        }
        let horizon = now.plus(self.tolerance(units));
        let tat = state.tat.unwrap_or(now);
        let wait = tat.since(horizon);
        if self.requests_per_day.is_some_and(|limit| state.today.saturating_add(units.into()) > limit) {
            // Past midnight the rate has its say again.
            let retry_after = now.day().end().since(now).max(wait);
            return Step::Refuse(RateRefusal::Day { retry_after, standing: self.standing(state, now) });
        }
        if tat <= now {
            Step::Idle
        } else if tat <= horizon {
            Step::Busy
        } else {
            Step::Refuse(RateRefusal::Rate { retry_after: wait, standing: self.standing(state, now) })
        }
    }

    /// The limit that a call of so many units is above at any time, if there is one.
    fn never(&self, units: Units) -> Option<Never> {
        if units.count() > self.burst {
            return Some(Never::Burst(self.burst));
        }
        self.requests_per_day.filter(|limit| u64::from(units) > *limit).map(Never::Day)
    }

    /// What the headers say when the item holds this: of burst and day, the one that has less left.
    #[must_use]
    pub fn standing(&self, state: &RateState, now: Timestamp) -> RateStanding {
        let ahead = state.tat.map_or(Duration::ZERO, |tat| tat.since(now));
        let taken = ahead.as_micros().div_ceil(u128::from(self.interval_us.max(1)));
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        let burst = RateStanding {
            limit: self.burst.into(),
            remaining: self.burst.saturating_sub(taken).into(),
            reset: ahead,
        };
        let day = self.requests_per_day.map(|limit| RateStanding {
            limit,
            remaining: limit.saturating_sub(state.today),
            reset: now.day().end().since(now),
        });
        day.map_or(burst, |day| burst.lesser(day))
    }
}

impl From<Units> for u64 {
    fn from(units: Units) -> Self {
        units.count().into()
    }
}

/// What `rate#…` holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateState {
    /// The theoretical arrival time of the next call.
    pub tat: Option<Timestamp>,
    /// Units counted in the current UTC day.
    pub today: u64,
    /// The call that was counted last, so that a retried write counts once.
    pub last: Option<String>,
}

impl RateState {
    /// After a call that was admitted, as the conditional writes leave it; as it was after any other step.
    #[must_use]
    pub fn after(&self, step: Step, policy: &RatePolicy, take: Take<'_>) -> Self {
        let from = match step {
            Step::Idle => take.now,
            Step::Busy => self.tat.unwrap_or(take.now),
            Step::AlreadyCounted | Step::Refuse(_) => return self.clone(),
        };
        Self {
            tat: Some(from.plus(policy.advance(take.units))),
            today: self.today.saturating_add(take.units.into()),
            last: Some(take.request_id.to_owned()),
        }
    }

    /// After a taking was given back: nothing changes unless it was the last one.
    ///
    /// The mark goes with it, so that a repeated write of it does nothing.
    #[must_use]
    pub fn given_back(&self, policy: &RatePolicy, take: Take<'_>) -> Self {
        if self.last.as_deref() != Some(take.request_id) {
            return self.clone();
        }
        Self {
            tat: self.tat.map(|tat| tat.minus(policy.advance(take.units))),
            today: self.today.saturating_sub(take.units.into()),
            last: None,
        }
    }
}

/// One call that takes of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Take<'a> {
    /// What it costs.
    pub units: Units,
    /// Its mark: it is counted once.
    pub request_id: &'a str,
    /// When it came.
    pub now: Timestamp,
}

/// The next write, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write A: `tat = now + T × units`, if `tat` is absent or not after now.
    Idle,
    /// Write B: `tat = tat + T × units`, if now < `tat` ≤ now + τ − T × (units − 1).
    Busy,
    /// The write was applied before, and its reply was lost.
    AlreadyCounted,
    /// Nothing is written.
    Refuse(RateRefusal),
}

/// Which limit refuses, and after how long the call would be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateRefusal {
    /// Too fast.
    Rate {
        /// Until the call conforms.
        retry_after: Duration,
        /// What is left for cheaper calls.
        standing: RateStanding,
    },
    /// The day's requests are used up.
    Day {
        /// Until the call conforms, in the next UTC day.
        retry_after: Duration,
        /// What is left for cheaper calls.
        standing: RateStanding,
    },
    /// The call costs more than may ever come at once: waiting does not help.
    Never {
        /// What it costs.
        units: Units,
        /// What it is above.
        limit: Never,
    },
}

/// A limit that one call is above by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// Units that may come at once.
    Burst(u32),
    /// Units of a UTC day.
    Day(u64),
}

impl RateRefusal {
    /// Whole seconds for `Retry-After`; `None` where no time is enough.
    #[must_use]
    pub fn retry_after_secs(self) -> Option<u64> {
        match self {
            Self::Rate { retry_after, .. } | Self::Day { retry_after, .. } => Some(whole_secs(retry_after)),
            Self::Never { .. } => None,
        }
    }
}

/// The figures of the `x-ratelimit-*-requests` headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStanding {
    /// Units that may come at once, or in a day.
    pub limit: u64,
    /// Units that may come right now.
    pub remaining: u64,
    /// Time until all of them may come again.
    pub reset: Duration,
}

impl RateStanding {
    /// The one that has less left: it is what the caller will meet first.
    #[must_use]
    pub const fn lesser(self, other: Self) -> Self {
        if other.remaining < self.remaining { other } else { self }
    }
}

/// A time until all calls may come again, in OpenAI's form, such as `20ms`, `1s`, `6m0s` or `1h2m3s`.
#[must_use]
pub fn reset_text(reset: Duration) -> String {
    let millis = reset.as_millis();
    let secs = millis / 1000;
    match secs {
        0 => format!("{millis}ms"),
        1..60 => format!("{secs}s"),
        60..3600 => format!("{}m{}s", secs / 60, secs % 60),
        _ => format!("{}h{}m{}s", secs / 3600, secs / 60 % 60, secs % 60),
    }
}

/// The name of the attribute that counts the requests of `day`.
#[must_use]
pub fn day_attribute(day: Day) -> String {
    format!("d{}", day.compact())
}

#[cfg(test)]
mod tests;
