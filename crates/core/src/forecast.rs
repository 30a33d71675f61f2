//! What a scope will have spent when the month ends: what is settled, and what is to be expected of the days that are left.
//!
//! A day that is left is expected to cost the mean of its weekday in the last four weeks. A scope that is younger than two
//! weeks has too few of each weekday: then every day costs the mean of its complete days; and on its first day, what that
//! day will come to at its pace so far. Integers throughout; each day's expectation is rounded up to the nano-dollar.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::money::Nanos;
use crate::time::{Day, Timestamp};

/// Days before today that are looked at: each weekday four times.
const LOOK_BACK_DAYS: i64 = 28;

/// From so many days on each weekday has come twice at least.
const WEEKDAYS_FROM_DAYS: u64 = 14;

/// The pace of a first day is that of an hour at least: the first minute of a batch job is no measure.
const LEAST_PACE_SECS: u64 = 3_600;

const DAY_SECS: u64 = 86_400;

/// How the days that are left were judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Each by the mean of its weekday.
    Weekdays,
    /// Each by the mean of all complete days.
    RecentDays,
    /// Each as today, at its pace so far.
    Pace,
    /// Nothing was spent lately.
    Nothing,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Weekdays => "weekdays",
            Self::RecentDays => "recent-days",
            Self::Pace => "pace",
            Self::Nothing => "nothing",
        })
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// What this month's calls cost so far.
    pub settled: Nanos,
    /// What they will have cost when the month ends.
    pub month_end: Nanos,
    /// How the days that are left were judged.
    pub method: Method,
    /// The complete days that were looked at.
    pub days: u64,
}

/// The first day whose sum a forecast needs.
#[must_use]
pub fn first_day(today: Day) -> Day {
    today.first_of_month().min(today.before(LOOK_BACK_DAYS))
}

/// The forecast at `now` of the sums of days, in nano-dollars, from [`first_day`] to today. A day that is left out cost
/// nothing; so did one whose sum is below zero, which a correction makes for a moment.
#[must_use]
pub fn forecast(sums: &BTreeMap<Day, i64>, now: Timestamp) -> Forecast {
    let today = now.day();
    let settled = sums.range(today.first_of_month()..=today).map(|(_, sum)| i128::from(*sum)).sum::<i128>();
    let settled = u128::try_from(settled).unwrap_or_default();
    let past = Past::of(sums, now);
    let rest_of_today = past.expected(today).saturating_sub(spent(sums, today));
    let later: u128 = days_after(today).map(|day| past.expected(day)).sum();
    Forecast {
        settled: nanos(settled),
        month_end: nanos(settled + rest_of_today + later),
        method: past.method,
        days: past.days,
    }
}

/// What is known of the days before.
struct Past {
    method: Method,
    days: u64,
    /// Sum and number of days, by weekday.
    weekdays: [(u128, u128); 7],
    pace: u128,
}

impl Past {
    fn of(sums: &BTreeMap<Day, i64>, now: Timestamp) -> Self {
        let today = now.day();
        let mut past =
            Self { method: Method::Nothing, days: 0, weekdays: [(0, 0); 7], pace: pace(sums, now) };
        let first = sums.range(today.before(LOOK_BACK_DAYS)..today).map(|(day, _)| *day).next();
        let mut day = first.unwrap_or(today);
        while day < today {
            let (sum, count) = &mut past.weekdays[day.of_week()];
            *sum += spent(sums, day);
            *count += 1;
            past.days += 1;
            day = day.next();
        }
        past.method = match past.days {
            0 if past.pace == 0 => Method::Nothing,
            0 => Method::Pace,
            days if days < WEEKDAYS_FROM_DAYS => Method::RecentDays,
            _ => Method::Weekdays,
        };
        past
    }

    /// What a whole day is expected to cost.
    fn expected(&self, day: Day) -> u128 {
        let (sum, count) = match self.method {
            Method::Nothing => return 0,
            Method::Pace => return self.pace,
            Method::Weekdays => self.weekdays[day.of_week()],
            Method::RecentDays => {
                self.weekdays.iter().fold((0, 0), |(sum, count), one| (sum + one.0, count + one.1))
            }
        };
        sum.div_ceil(count.max(1))
    }
}

/// What today comes to at its pace so far.
fn pace(sums: &BTreeMap<Day, i64>, now: Timestamp) -> u128 {
    let today = now.day();
    let elapsed = now.since(today.begin()).as_secs().max(LEAST_PACE_SECS);
    (spent(sums, today) * u128::from(DAY_SECS)).div_ceil(u128::from(elapsed))
}

fn spent(sums: &BTreeMap<Day, i64>, day: Day) -> u128 {
    sums.get(&day).map_or(0, |sum| u128::try_from(*sum).unwrap_or_default())
}

fn days_after(today: Day) -> impl Iterator<Item = Day> {
    let first_of_next = today.end_of_month().day();
    std::iter::successors(Some(today.next()), |day| Some(day.next()))
        .take_while(move |day| *day < first_of_next)
}

fn nanos(sum: u128) -> Nanos {
    Nanos(u64::try_from(sum).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
