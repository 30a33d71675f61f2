//! What an environment remembers of a target by itself: it goes past one that fails it, before the others know.

use std::time::Duration;

use super::BreakerPolicy;
use crate::outcome::{Cause, Weight};
use crate::time::Timestamp;

/// No provider's wish keeps an environment away for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// An environment's own experience with a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Experience {
    failures: u32,
    skip_until: Timestamp,
    asked_to_wait_until: Timestamp,
}

impl Experience {
    /// After one more outcome.
    #[must_use]
    pub fn record(
        self,
        policy: &BreakerPolicy,
        cause: Cause,
        retry_after: Option<Duration>,
        now: Timestamp,
    ) -> Self {
        let asked = now.plus(retry_after.unwrap_or_default().min(LONGEST_WAIT));
        let failures = match cause.weight() {
            Weight::Good => return Self::default(),
            Weight::Soft => self.failures,
            Weight::Hard => self.failures.saturating_add(1),
            Weight::Fatal => policy.own_in_a_row.max(self.failures),
        };
        let skip = Duration::from_millis(policy.own_skip_ms);
        let skip_until = if failures >= policy.own_in_a_row { now.plus(skip) } else { self.skip_until };
        Self {
            failures,
            skip_until: skip_until.max(self.skip_until),
            asked_to_wait_until: asked.max(self.asked_to_wait_until),
        }
    }

    /// Whether another target should be asked instead, if there is one.
    #[must_use]
    pub fn advises_against(self, now: Timestamp) -> bool {
        now < self.skip_until
    }

    /// How long the provider still wants to be left alone.
    #[must_use]
    pub fn wait(self, now: Timestamp) -> Option<Duration> {
        (now < self.asked_to_wait_until).then(|| self.asked_to_wait_until.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

    fn after(causes: &[Cause]) -> Experience {
        let policy = BreakerPolicy::default();
        causes.iter().fold(Experience::default(), |own, cause| own.record(&policy, *cause, None, NOON))
    }

    #[test]
    fn three_failures_in_a_row_lead_past_a_target_for_a_while() {
        let own = after(&[Cause::Timeout, Cause::Capacity, Cause::Broken]);

        assert!(!after(&[Cause::Timeout, Cause::Ok, Cause::Capacity, Cause::Broken]).advises_against(NOON));
        assert!(own.advises_against(NOON));
        assert!(!own.advises_against(NOON.plus(Duration::from_secs(5))));
    }

    #[test]
    fn credentials_that_fail_once_are_not_tried_again_at_once() {
        assert!(after(&[Cause::Auth]).advises_against(NOON));
    }

    #[test]
    fn a_provider_that_wants_to_be_left_alone_is() {
        let wish = Some(Duration::from_secs(7));
        let own = Experience::default().record(&BreakerPolicy::default(), Cause::Throttle, wish, NOON);

        assert!(!own.advises_against(NOON));
        assert_eq!(own.wait(NOON), wish);
        assert_eq!(own.wait(NOON.plus(Duration::from_secs(7))), None);
        assert_eq!(after(&[Cause::Throttle; 9]).wait(NOON), None);
    }

    #[test]
    fn a_callers_mistakes_lead_past_nobody() {
        assert!(!after(&[Cause::Caller; 9]).advises_against(NOON));
    }
}
