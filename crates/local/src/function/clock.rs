//! The wall clock, which deadlines and events carry.

use std::time::{Duration, SystemTime};

#[expect(clippy::disallowed_methods, reason = "the Lambda service is what tells functions the time")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Milliseconds since the epoch.
pub(crate) fn epoch_ms() -> u64 {
    now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_millis()
        .try_into()
        .unwrap_or(u64::MAX)
}
