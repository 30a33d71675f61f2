//! Instants, days and months. The wall clock is always an argument: state crosses environments that freeze.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// An instant, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The instant `micros` microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `secs` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// This instant moved later by `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// This instant moved earlier by `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// The time from `earlier` to this instant; zero where clocks are skewed the other way.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The UTC day that holds this instant.
    #[must_use]
    pub fn day(self) -> Day {
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        let instant = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
        Day(instant.to_zoned(TimeZone::UTC).date())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, such as `2026-11-22T10:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        let instant = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{instant}")
    }
}

/// A UTC day, written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(Date);

impl Day {
    /// Its month, `YYYY-MM`.
    #[must_use]
    pub fn month(self) -> String {
        format!("{:04}-{:02}", self.0.year(), self.0.month())
    }

    /// Its number within the month, two digits.
    #[must_use]
    pub fn of_month(self) -> String {
        format!("{:02}", self.0.day())
    }

    /// Its digits alone, `YYYYMMDD`, fit for the name of an attribute.
    #[must_use]
    pub fn compact(self) -> String {
        self.0.strftime("%Y%m%d").to_string()
    }

    /// The day `days` days before.
    #[must_use]
    pub fn before(self, days: i64) -> Self {
        Self(self.0.saturating_sub(jiff::Span::new().days(days)))
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.tomorrow().unwrap_or(self.0))
    }

    /// Its place within the week: Monday is 0.
    #[must_use]
    pub fn of_week(self) -> usize {
        usize::try_from(self.0.weekday().to_monday_zero_offset()).unwrap_or_default()
    }

    /// The instant at which it begins.
    #[must_use]
    pub fn begin(self) -> Timestamp {
        midnight(self.0)
    }

    /// The first day of its month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// The instant at which the next day begins.
    #[must_use]
    pub fn end(self) -> Timestamp {
        midnight(self.0.tomorrow().unwrap_or(self.0))
    }

    /// The instant at which the next month begins.
    #[must_use]
    pub fn end_of_month(self) -> Timestamp {
        midnight(self.0.last_of_month().tomorrow().unwrap_or(self.0))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::str::FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

fn midnight(date: Date) -> Timestamp {
    let secs = date.to_zoned(TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second());
    Timestamp::from_secs(u64::try_from(secs).unwrap_or(0))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The whole seconds that cover `duration`, at least one: what `Retry-After` may honestly say.
#[must_use]
pub fn whole_secs(duration: Duration) -> u64 {
    let secs = duration.as_secs();
    if duration.subsec_nanos() > 0 { secs + 1 } else { secs.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_rolls_over_at_midnight_utc() {
        let last = Timestamp::from_secs(1_795_391_999);

        assert_eq!(last.day().to_string(), "2026-11-22");
        assert_eq!(last.plus(Duration::from_secs(1)).day().to_string(), "2026-11-23");
        assert_eq!(last.day().end(), Timestamp::from_secs(1_795_392_000));
        assert_eq!(last.day().next().begin(), last.day().end());
    }

    #[test]
    fn a_week_begins_on_monday() {
        let monday: Day = "2026-11-23".parse().unwrap();

        assert_eq!((monday.of_week(), monday.before(1).of_week()), (0, 6));
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let december: Day = "2026-12-31".parse().unwrap();

        assert_eq!(december.month(), "2026-12");
        assert_eq!(december.of_month(), "31");
        assert_eq!(december.end_of_month().day().to_string(), "2027-01-01");
        assert_eq!(december.compact(), "20261231");
    }

    #[test]
    fn a_wait_is_rounded_up_and_never_zero() {
        assert_eq!(whole_secs(Duration::ZERO), 1);
        assert_eq!(whole_secs(Duration::from_millis(1001)), 2);
        assert_eq!(whole_secs(Duration::from_secs(3)), 3);
    }
}
