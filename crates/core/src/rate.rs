//! The request rate: GCRA and the day's requests on one item, in one write when idle and two when busy.
//!
//! The adapter tries [`Step::Idle`], then, as the item it lost to says, [`Step::Busy`]; both are conditional writes
//! whose conditions are those of [`RatePolicy::next`], so the property tests of this module are about the very decision.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{Day, Timestamp, whole_secs};

/// How often a user may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatePolicy {
    /// T: microseconds between two calls at the sustained rate.
    pub interval_us: u64,
    /// How many calls may come at once.
    pub burst: u32,
    /// How many calls a UTC day may have.
    pub requests_per_day: Option<u64>,
}

impl RatePolicy {
    /// T as a duration.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        Duration::from_micros(self.interval_us)
    }

    /// τ: how far the theoretical arrival time may lie ahead of a call that is admitted.
    #[must_use]
    pub fn tolerance(&self) -> Duration {
        self.interval().saturating_mul(self.burst.saturating_sub(1))
    }

    /// What to do about a call, given what the item holds.
    #[must_use]
    pub fn next(&self, state: &RateState, now: Timestamp, request_id: &str) -> Step {
        if state.last.as_deref() == Some(request_id) {
            return Step::AlreadyCounted;
        }
        if self.requests_per_day.is_some_and(|limit| state.today >= limit) {
            return Step::Refuse(RateRefusal::Day { retry_after: now.day().end().since(now) });
        }
        match state.tat {
            None => Step::Idle,
            Some(tat) if tat <= now => Step::Idle,
            Some(tat) if tat <= now.plus(self.tolerance()) => Step::Busy,
            Some(tat) => {
                Step::Refuse(RateRefusal::Rate { retry_after: tat.since(now.plus(self.tolerance())) })
            }
        }
    }

    /// What the headers say of the rate when the theoretical arrival time is `tat`.
    #[must_use]
    pub fn standing(&self, tat: Timestamp, now: Timestamp) -> RateStanding {
        let ahead = tat.since(now);
        let taken = ahead.as_micros().div_ceil(u128::from(self.interval_us.max(1)));
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        RateStanding { limit: self.burst, remaining: self.burst.saturating_sub(taken), reset: ahead }
    }
}

/// What `rate#…` holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateState {
    /// The theoretical arrival time of the next call.
    pub tat: Option<Timestamp>,
    /// Calls counted in the current UTC day.
    pub today: u64,
    /// The call that was counted last, so that a retried write counts once.
    pub last: Option<String>,
}

/// The next write, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write A: `tat = now + T`, if `tat` is absent or not after now.
    Idle,
    /// Write B: `tat = tat + T`, if now < `tat` ≤ now + τ.
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
        /// Until one more call conforms.
        retry_after: Duration,
    },
    /// The day's requests are used up.
    Day {
        /// Until the next UTC day.
        retry_after: Duration,
    },
}

impl RateRefusal {
    /// Whole seconds for `Retry-After`.
    #[must_use]
    pub fn retry_after_secs(self) -> u64 {
        match self {
            Self::Rate { retry_after } | Self::Day { retry_after } => whole_secs(retry_after),
        }
    }
}

/// The figures of the `x-ratelimit-*-requests` headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStanding {
    /// Calls that may come at once.
    pub limit: u32,
    /// Calls that may come right now.
    pub remaining: u32,
    /// Time until all of them may come again.
    pub reset: Duration,
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

    /// Applies a step as the conditional writes do.
    fn apply(policy: &RatePolicy, state: &mut RateState, now: Timestamp, id: &str) -> Step {
        let step = policy.next(state, now, id);
        let tat = match step {
            Step::Idle => now.plus(policy.interval()),
            Step::Busy => state.tat.expect("busy has a tat").plus(policy.interval()),
            Step::AlreadyCounted | Step::Refuse(_) => return step,
        };
        *state = RateState { tat: Some(tat), today: state.today + 1, last: Some(id.to_owned()) };
        step
    }

    fn policy(interval_us: u64, burst: u32) -> RatePolicy {
        RatePolicy { interval_us, burst, requests_per_day: None }
    }

    #[test]
    fn a_new_user_is_admitted() {
        let step = policy(1_000_000, 1).next(&RateState::default(), NOON, "a");

        assert_eq!(step, Step::Idle);
    }

    #[test]
    fn a_retried_write_counts_once() {
        let policy = policy(1_000_000, 5);
        let mut state = RateState::default();

        apply(&policy, &mut state, NOON, "a");

        assert_eq!(apply(&policy, &mut state, NOON, "a"), Step::AlreadyCounted);
        assert_eq!(state.today, 1);
    }

    #[test]
    fn the_day_ends_at_midnight() {
        let policy = RatePolicy { requests_per_day: Some(1), ..policy(1, 10) };
        let mut state = RateState::default();

        apply(&policy, &mut state, NOON, "a");
        let step = apply(&policy, &mut state, NOON, "b");

        let retry_after = Duration::from_secs(43_200);
        assert_eq!(step, Step::Refuse(RateRefusal::Day { retry_after }));
    }

    #[test]
    fn resets_read_as_openai_writes_them() {
        assert_eq!(reset_text(Duration::from_millis(20)), "20ms");
        assert_eq!(reset_text(Duration::from_millis(1500)), "1s");
        assert_eq!(reset_text(Duration::from_secs(360)), "6m0s");
        assert_eq!(reset_text(Duration::from_secs(3723)), "1h2m3s");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn never_admits_more_than_burst_and_rate_in_any_window(
            interval_us in 1_000..2_000_000_u64,
            burst in 1..20_u32,
            gaps in proptest::collection::vec(0..3_000_000_u64, 1..60),
        ) {
            let policy = policy(interval_us, burst);
            let (mut state, mut now, mut admitted) = (RateState::default(), NOON, Vec::new());
            for (call, gap) in gaps.into_iter().enumerate() {
                now = now.plus(Duration::from_micros(gap));
                if matches!(apply(&policy, &mut state, now, &call.to_string()), Step::Idle | Step::Busy) {
                    admitted.push(now);
                }
            }
            for (index, start) in admitted.iter().enumerate() {
                for (count, end) in admitted[index..].iter().enumerate() {
                    let window = end.since(*start).as_micros();
                    let allowed = u128::from(burst) + window / u128::from(interval_us);
                    prop_assert!(u128::try_from(count + 1).unwrap() <= allowed);
                }
            }
        }

        #[test]
        fn a_call_that_waits_as_told_is_admitted(
            interval_us in 1_000..5_000_000_u64,
            burst in 1..20_u32,
            gaps in proptest::collection::vec(0..100_000_u64, 1..80),
        ) {
            let policy = policy(interval_us, burst);
            let (mut state, mut now) = (RateState::default(), NOON);
            for (call, gap) in gaps.into_iter().enumerate() {
                now = now.plus(Duration::from_micros(gap));
                if let Step::Refuse(refusal) = apply(&policy, &mut state, now, &call.to_string()) {
                    now = now.plus(Duration::from_secs(refusal.retry_after_secs()));
                    let again = apply(&policy, &mut state, now, &format!("again {call}"));
                    prop_assert!(matches!(again, Step::Idle | Step::Busy));
                }
            }
        }

        #[test]
        fn remaining_is_what_would_be_admitted_at_once(
            interval_us in 1_000..2_000_000_u64, burst in 1..20_u32, taken in 1..20_u32,
        ) {
            let policy = policy(interval_us, burst);
            let mut state = RateState::default();
            for call in 0..taken {
                apply(&policy, &mut state, NOON, &call.to_string());
            }
            let standing = policy.standing(state.tat.unwrap(), NOON);
            let mut more = 0;
            while !matches!(apply(&policy, &mut state, NOON, &format!("x{more}")), Step::Refuse(_)) {
                more += 1;
            }
            prop_assert_eq!(standing.remaining, more);
        }
    }
}
