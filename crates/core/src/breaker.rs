//! Circuit breakers: which targets may be asked, shared over the fleet.
//!
//! A breaker never admits within its cool-down, lets at most one probe out at a time, and once a probe went well admits a
//! share of the calls that only grows, until it trips again or is closed. What it knows is a set of outcomes, so neither
//! their order nor a repetition changes what it decides.

mod own;
mod policy;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::own::Experience;
pub use self::policy::BreakerPolicy;

use crate::health::{Tally, Window};
use crate::outcome::Cause;
use crate::time::Timestamp;

/// So few calls say enough while only some are admitted.
const MIN_CALLS_HALF_OPEN: u64 = 5;

/// No provider's wish keeps a breaker open for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// The breaker of one target, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Where it stands.
    #[serde(flatten)]
    pub state: State,
    /// Since when, in microseconds.
    pub since_us: Timestamp,
    /// Requests that left before say nothing about it any more.
    pub heeds_from_us: Timestamp,
    /// How often it opened in a row.
    #[serde(default)]
    pub trips: u32,
    /// Why it opened last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What an operator wants instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
    /// How often it was written: who changes it must have seen the last.
    #[serde(default)]
    pub revision: u64,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Everybody is admitted.
    #[default]
    Closed,
    /// Nobody is, until then; after that, one probe.
    Open {
        /// In microseconds.
        until_us: Timestamp,
    },
    /// A probe is out, or has gone well.
    HalfOpen {
        /// A probe is out, and given up then; without it, a growing share is admitted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe_until_us: Option<Timestamp>,
    },
}

/// An operator's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forced {
    /// Nobody is admitted; else everybody is.
    pub is_open: bool,
    /// Who says so.
    pub who: String,
    /// Why.
    pub why: String,
    /// Since when, in microseconds.
    pub since_us: Timestamp,
}

/// Whether a target may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted,
    /// Others first: this call is not among the share that it gets.
    Spared,
    /// Only by the one call that wins the probe.
    Probe,
    /// It may not.
    Refused {
        /// For so long.
        retry_after: Duration,
    },
}

impl Breaker {
    /// Whether a call may ask the target; `draw` is in `0..100`, by chance.
    #[must_use]
    pub fn admit(&self, policy: &BreakerPolicy, now: Timestamp, draw: u8) -> Admission {
        if let Some(forced) = &self.forced {
            let retry_after = Duration::from_millis(policy.longest_ms);
            return if forced.is_open { Admission::Refused { retry_after } } else { Admission::Admitted };
        }
        match self.state {
            State::Closed => Admission::Admitted,
            State::Open { until_us } if now < until_us => {
                Admission::Refused { retry_after: until_us.since(now) }
            }
            State::HalfOpen { probe_until_us: Some(until) } if now < until => {
                Admission::Refused { retry_after: until.since(now) }
            }
            State::Open { .. } | State::HalfOpen { probe_until_us: Some(_) } => Admission::Probe,
            State::HalfOpen { probe_until_us: None } => {
                if draw < self.share(policy, now) {
                    Admission::Admitted
                } else {
                    Admission::Spared
                }
            }
        }
    }

    /// The share of the calls that it admits, in hundredths.
    #[must_use]
    pub fn share(&self, policy: &BreakerPolicy, now: Timestamp) -> u8 {
        match (&self.forced, self.state) {
            (Some(forced), _) => {
                if forced.is_open {
                    0
                } else {
                    100
                }
            }
            (None, State::Closed) => 100,
            (None, State::HalfOpen { probe_until_us: None }) => policy.share(now.since(self.since_us)),
            (None, State::Open { .. } | State::HalfOpen { .. }) => 0,
        }
    }

    /// The breaker once a call has won the probe; `None` where there is none to win.
    #[must_use]
    pub fn probing(&self, policy: &BreakerPolicy, now: Timestamp) -> Option<Self> {
        if self.admit(policy, now, 0) != Admission::Probe {
            return None;
        }
        let until = now.plus(Duration::from_millis(policy.probe_ms));
        Some(self.becoming(State::HalfOpen { probe_until_us: Some(until) }, now))
    }

    /// The breaker after these outcomes; it stays as it is while an operator's word stands.
    #[must_use]
    pub fn record(&self, policy: &BreakerPolicy, window: &Window, now: Timestamp) -> Self {
        if self.forced.is_some() {
            return self.clone();
        }
        let tally = window.tally(now.minus(policy.window()), self.heeds_from_us);
        match self.state {
            State::Closed if trips(policy, &tally, policy.min_calls) => self.opened(policy, &tally, now),
            State::HalfOpen { probe_until_us: Some(_) } => self.probed(policy, &tally, now),
            // A probe that was given up still says what it has found.
            State::Open { until_us } if now >= until_us => self.probed(policy, &tally, now),
            State::HalfOpen { probe_until_us: None } => {
                if trips(policy, &tally, policy.min_calls.min(MIN_CALLS_HALF_OPEN)) {
                    self.opened(policy, &tally, now)
                } else if self.share(policy, now) == 100 {
                    Self { trips: 0, ..self.becoming(State::Closed, now) }
                } else {
                    self.clone()
                }
            }
            State::Closed | State::Open { .. } => self.clone(),
        }
    }

    /// The breaker with an operator's word, or without one: then it is closed, and what was before says nothing.
    #[must_use]
    pub fn force(&self, forced: Option<Forced>, now: Timestamp) -> Self {
        let is_freed = forced.is_none();
        let breaker =
            if is_freed { self.becoming(State::Closed, now) } else { self.becoming(self.state, now) };
        let heeds_from_us = if is_freed { now } else { breaker.heeds_from_us };
        Self { forced, heeds_from_us, trips: if is_freed { 0 } else { self.trips }, ..breaker }
    }

    /// Its value as a metric: 0 closed, 1 half-open, 2 open.
    #[must_use]
    pub fn level(&self) -> u8 {
        match (&self.forced, self.state) {
            (Some(forced), _) => {
                if forced.is_open {
                    2
                } else {
                    0
                }
            }
            (None, State::Closed) => 0,
            (None, State::HalfOpen { .. }) => 1,
            (None, State::Open { .. }) => 2,
        }
    }

    /// What came of the probe, if it has said anything: no other request has left since the cool-down.
    fn probed(&self, policy: &BreakerPolicy, tally: &Tally, now: Timestamp) -> Self {
        if tally.failed + tally.throttled > 0 {
            self.opened(policy, tally, now)
        } else if tally.calls > 0 {
            let returning = self.becoming(State::HalfOpen { probe_until_us: None }, now);
            Self { heeds_from_us: now, ..returning }
        } else {
            self.clone()
        }
    }

    fn opened(&self, policy: &BreakerPolicy, tally: &Tally, now: Timestamp) -> Self {
        let trips = self.trips.saturating_add(1);
        let wished = tally.retry_at.min(now.plus(LONGEST_WAIT));
        let until_us = now.plus(policy.cool_down(trips)).max(wished);
        let open = self.becoming(State::Open { until_us }, now);
        // Nobody but a probe leaves after the cool-down: what left before it says nothing about the probe.
        Self { heeds_from_us: until_us, trips, cause: tally.cause.or(Some(Cause::Timeout)), ..open }
    }

    fn becoming(&self, state: State, now: Timestamp) -> Self {
        Self { state, since_us: now, revision: self.revision + 1, ..self.clone() }
    }
}

/// Whether a target in this condition is left alone.
fn trips(policy: &BreakerPolicy, tally: &Tally, min_calls: u64) -> bool {
    let over = |part: u64, percent: u64| part * 100 > tally.calls * percent;
    let is_slow = policy.p95_ms.is_some_and(|most| tally.p95_us > Some(most.saturating_mul(1_000)));
    let says_enough = tally.calls >= min_calls;
    let fails = over(tally.failed, policy.error_percent) || over(tally.throttled, policy.throttled_percent);
    tally.fatal > 0 || tally.last_failed >= policy.in_a_row || says_enough && (fails || is_slow)
}

#[cfg(test)]
mod tests;
