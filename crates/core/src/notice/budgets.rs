//! AWS Budgets writes plain text, not JSON, so its lines are read by their prefix.
//!
//! <https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html>

use super::{Kind, Notice, NoticeError, Says, Source};
use crate::enforcement::Period;
use crate::money::Nanos;

pub(super) fn parse(message: &str) -> Result<Notice, NoticeError> {
    // The amounts of other types are hours and gigabytes.
    if field(message, "Budget Type:")? != "Cost" {
        return Err(NoticeError::Unreadable("Budget Type:"));
    }
    let (kind, amount) = match field(message, "Alert Type:")? {
        "ACTUAL" => (Kind::Actual, dollars(message, "ACTUAL Amount:")?),
        "FORECASTED" => (Kind::Forecast, dollars(message, "FORECASTED Amount:")?),
        _ => return Err(NoticeError::Unreadable("Alert Type:")),
    };
    let limit = dollars(message, "Budgeted Amount:")?;
    let name = field(message, "Budget Name:")?.to_owned();
    Ok(Notice {
        source: Source::Budgets,
        name,
        says: Says::Money { kind, limit, amount },
        period: period(message),
    })
}

/// The sentence above the lines says it. A budget's name is part of the sentence, so only what follows it is asked.
fn period(message: &str) -> Option<Period> {
    let (_, after) = message.split_once(" budget is greater than ")?;
    let sentence = after.lines().next().unwrap_or_default();
    if sentence.contains(" for the current month.") {
        Some(Period::Month)
    } else if sentence.contains(" per day.") {
        Some(Period::Day)
    } else {
        None
    }
}

fn field<'a>(message: &'a str, prefix: &'static str) -> Result<&'a str, NoticeError> {
    let mut values = message.lines().filter_map(|line| line.trim().strip_prefix(prefix));
    let value = values.next().ok_or(NoticeError::Missing(prefix))?.trim();
    if values.next().is_some() {
        return Err(NoticeError::Twice(prefix));
    }
    if value.is_empty() { Err(NoticeError::Unreadable(prefix)) } else { Ok(value) }
}

fn dollars(message: &str, prefix: &'static str) -> Result<Nanos, NoticeError> {
    let text = field(message, prefix)?;
    let amount = text.strip_prefix('$').ok_or(NoticeError::Currency)?;
    if amount.ends_with(char::is_alphabetic) {
        return Err(NoticeError::Currency);
    }
    if !is_grouped(amount) {
        return Err(NoticeError::Unreadable(prefix));
    }
    amount.parse().map_err(|_| NoticeError::Unreadable(prefix))
}

/// Whether commas part thousands and nothing else: in other countries they begin the decimals.
fn is_grouped(amount: &str) -> bool {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let has_commas = whole.contains(',');
    !fraction.contains(',')
        && (!has_commas || (1..=3).contains(&first.len()))
        && groups.all(|group| group.len() == 3)
}
