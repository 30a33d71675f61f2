//! When a breaker opens, and how it closes again: set per target in the catalogue.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The share of the calls that a target gets in each stage of its return, in hundredths; after them, all.
pub(super) const STAGES: [u8; 4] = [5, 10, 25, 50];

/// Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerPolicy {
    /// How far back outcomes count.
    pub window_ms: u64,
    /// With fewer calls in the window, its rates say nothing.
    pub min_calls: u64,
    /// It opens when more than this share of the calls failed, in hundredths.
    pub error_percent: u64,
    /// It opens when more than this share of the calls was throttled, in hundredths.
    pub throttled_percent: u64,
    /// It opens, however few they are, when so many failed in a row.
    pub in_a_row: u64,
    /// It opens when the slowest in twenty wait longer: to the first content of a stream, to the end of any other answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
    /// How long it stays open the first time.
    pub cool_down_ms: u64,
    /// How long it stays open at most, unless the provider says more; each time in a row is twice as long as the last.
    pub longest_ms: u64,
    /// A probe that says nothing for so long is given up.
    pub probe_ms: u64,
    /// How long each stage of its return lasts: 5, 10, 25 and 50 of 100 calls.
    pub stage_ms: u64,
    /// After so many failures in a row an environment goes past the target, whatever the others say.
    pub own_in_a_row: u32,
    /// For so long.
    pub own_skip_ms: u64,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            window_ms: 60_000,
            min_calls: 20,
            error_percent: 5,
            throttled_percent: 50,
            in_a_row: 5,
            p95_ms: None,
            cool_down_ms: 15_000,
            longest_ms: 120_000,
            probe_ms: 60_000,
            stage_ms: 15_000,
            own_in_a_row: 3,
            own_skip_ms: 5_000,
        }
    }
}

impl BreakerPolicy {
    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let Self { window_ms, min_calls, in_a_row, cool_down_ms, longest_ms, .. } = *self;
        let counts = [min_calls, in_a_row, u64::from(self.own_in_a_row)];
        let times = [window_ms, cool_down_ms, self.probe_ms, self.stage_ms, self.p95_ms.unwrap_or(1)];
        if counts.contains(&0) || times.contains(&0) {
            return Some("a count or a time of the breaker is 0");
        }
        if self.error_percent >= 100 || self.throttled_percent > 100 {
            return Some("a share of the breaker is not below 100");
        }
        if longest_ms < cool_down_ms {
            return Some("the breaker's longest_ms is shorter than its cool_down_ms");
        }
        // The buckets of a longer window are no longer there.
        (window_ms > 600_000).then_some("the breaker's window_ms is longer than ten minutes")
    }

    /// Whether it is what a target has that says nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How long it stays open, the n-th time in a row.
    pub(super) fn cool_down(&self, trips: u32) -> Duration {
        let doubled = self.cool_down_ms.saturating_mul(1 << trips.saturating_sub(1).min(32));
        Duration::from_millis(doubled.min(self.longest_ms))
    }

    /// The share of the calls that it gets so long after its probe went well.
    pub(super) fn share(&self, since_probe: Duration) -> u8 {
        let stage = since_probe.as_millis() / u128::from(self.stage_ms.max(1));
        let stage = usize::try_from(stage).unwrap_or(usize::MAX);
        STAGES.get(stage).copied().unwrap_or(100)
    }

    pub(super) const fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms)
    }
}
