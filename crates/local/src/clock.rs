//! The supervisor's one look at the wall clock.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the local stack signs requests and dates events; it decides nothing by it"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// `2026-11-22T10:00:00Z`, to the second as EventBridge and Lambda's stream records write it.
pub(crate) fn format_seconds(time: SystemTime) -> String {
    format_date_time(&DateTime::from_secs(DateTime::from(time).secs()))
}

/// `2026-11-22T10:00:00.123Z`.
pub(crate) fn format_millis(time: SystemTime) -> String {
    let exact = DateTime::from(time);
    let millis = exact.subsec_nanos() / 1_000_000;
    let date = format_seconds(time);
    format!("{}.{millis:03}Z", date.trim_end_matches('Z'))
}

fn format_date_time(time: &DateTime) -> String {
    // The one error is a year of more than four digits, which no clock of ours shows.
    time.fmt(Format::DateTime).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn writes_seconds_and_milliseconds() {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_339_800_007);

        assert_eq!(format_seconds(time), "2026-11-22T09:30:00Z");
        assert_eq!(format_millis(time), "2026-11-22T09:30:00.007Z");
    }
}
