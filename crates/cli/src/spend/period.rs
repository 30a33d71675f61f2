//! Which days are summed.

use std::str::FromStr;

use tollgate_core::time::Day;

/// Days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) first: Day,
    pub(crate) last: Day,
}

/// A UTC month, kept as its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Month(Day);

/// Why a text is no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PeriodError {
    #[error("a day is written YYYY-MM-DD, such as 2026-11-22")]
    Day,
    #[error("a month is written YYYY-MM, such as 2026-11")]
    Month,
}

impl Month {
    /// All of its days.
    pub(crate) fn period(self) -> Period {
        Period { first: self.0, last: self.0.end_of_month().day().before(1) }
    }
}

impl FromStr for Month {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        parse_day(&format!("{text}-01")).map(Self).map_err(|_| PeriodError::Month)
    }
}

/// Reads a day in its one form; its parser would take others too.
pub(crate) fn parse_day(text: &str) -> Result<Day, PeriodError> {
    let day: Day = text.parse().map_err(|_| PeriodError::Day)?;
    if day.to_string() == text { Ok(day) } else { Err(PeriodError::Day) }
}
