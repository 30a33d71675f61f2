//! One model call for identical requests that come at once: the first takes a short lease on the key, and the others wait for
//! what it keeps there, within a bound. A leader that dies frees the lease by its end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How long a lease outlives the longest wait for it, so that whoever waits finds either the answer or nobody.
const LONGER_THAN_A_WAIT: Duration = Duration::from_secs(5);

/// Pauses between two looks; the last is repeated.
const PAUSES_MS: [u64; 5] = [40, 60, 100, 150, 250];

/// A call that gets what identical ones wait for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The request id of the call.
    pub holder: String,
    /// When it ends by itself, in microseconds.
    pub until_us: Timestamp,
}

impl Lease {
    /// The lease of a call on which others wait for at most `wait`.
    #[must_use]
    pub fn new(holder: &str, wait: Duration, now: Timestamp) -> Self {
        Self { holder: holder.to_owned(), until_us: now.plus(wait).plus(LONGER_THAN_A_WAIT) }
    }

    /// Whether it still stands.
    #[must_use]
    pub fn stands(&self, now: Timestamp) -> bool {
        now < self.until_us
    }
}

/// Whether a call leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leasing {
    /// It does: identical ones wait for it.
    Taken,
    /// Another does.
    Held(Lease),
}

/// How long to wait before look number `look` (from 0), while no more than `left` is left; `None` where waiting is over.
#[must_use]
pub fn pause(look: usize, left: Duration) -> Option<Duration> {
    let last = PAUSES_MS[PAUSES_MS.len() - 1];
    let pause = Duration::from_millis(PAUSES_MS.get(look).copied().unwrap_or(last));
    (pause <= left).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_outlives_every_wait_for_it_and_then_ends() {
        let (wait, now) = (Duration::from_secs(5), Timestamp::from_secs(100));
        let lease = Lease::new("r-1", wait, now);

        assert!(lease.stands(now.plus(wait)));
        assert!(!lease.stands(now.plus(wait).plus(LONGER_THAN_A_WAIT)));
    }

    #[test]
    fn looks_become_rarer_and_end_within_the_bound() {
        let (mut waited, mut looks) = (Duration::ZERO, 0);
        let bound = Duration::from_secs(2);

        while let Some(pause) = pause(looks, bound.saturating_sub(waited)) {
            waited += pause;
            looks += 1;
        }

        assert!(waited <= bound && bound.saturating_sub(waited) < Duration::from_millis(250));
        assert!(looks < 14, "{looks}");
    }
}
