//! The one clock, and the time that an invocation has.

use std::time::Duration;

use tollgate_core::time::Timestamp;

/// Now, by the wall clock.
#[must_use]
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "everything else takes the time as an argument")]
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
}

/// What an invocation has where its runtime names no time.
const UNTOLD: Duration = Duration::from_secs(60);

/// When an invocation that came at `now` ends, of the milliseconds since the epoch that its context names. A time that is
/// over already is none: `cargo lambda watch` names ten minutes after the epoch.
#[must_use]
pub fn deadline(context_millis: u64, now: Timestamp) -> Timestamp {
    let told = Timestamp::from_micros(context_millis.saturating_mul(1_000));
    if told > now { told } else { now.plus(UNTOLD) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_is_over_is_none() {
        let now = Timestamp::from_secs(1_000);

        assert_eq!(deadline(1_000_500, now), Timestamp::from_micros(1_000_500_000));
        assert_eq!(deadline(600_000, now), Timestamp::from_secs(1_060));
    }
}
