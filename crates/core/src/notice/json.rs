//! Notices in JSON, told apart by the members that only they have.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Kind, Notice, NoticeError, Says, Source};
use crate::enforcement::Period;
use crate::money::Nanos;

/// What of the three kinds is read; all else is theirs.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(rename = "AlarmName")]
    alarm_name: Option<String>,
    #[serde(rename = "NewStateValue")]
    new_state: Option<String>,
    #[serde(rename = "anomalyId")]
    anomaly_id: Option<String>,
    #[serde(rename = "monitorName")]
    monitor_name: Option<String>,
    #[serde(borrow)]
    impact: Option<Impact<'a>>,
    tollgate: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impact<'a> {
    #[serde(borrow)]
    total_actual_spend: Option<&'a RawValue>,
    #[serde(borrow)]
    total_expected_spend: Option<&'a RawValue>,
}

/// Our own form. Amounts are decimals in quotes, so that nobody's floats stand between.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    #[serde(rename = "tollgate")]
    _mark: String,
    budget: String,
    limit_usd: String,
    #[serde(default)]
    spent_usd: Option<String>,
    #[serde(default)]
    forecast_usd: Option<String>,
    #[serde(default)]
    period: Option<Period>,
}

pub(super) fn parse(message: &str) -> Result<Notice, NoticeError> {
    let members: Members<'_> = serde_json::from_str(message).map_err(|_| NoticeError::Foreign)?;
    match members {
        Members { tollgate: Some(mark), .. } => own(&mark, message),
        Members { anomaly_id: Some(_), monitor_name, impact, .. } => anomaly(monitor_name, impact),
        Members { alarm_name: Some(name), new_state, .. } => alarm(name, new_state.as_deref()),
        _ => Err(NoticeError::Foreign),
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html>
fn alarm(name: String, new_state: Option<&str>) -> Result<Notice, NoticeError> {
    let says = match new_state.ok_or(NoticeError::Missing("NewStateValue"))? {
        "ALARM" => Says::AlarmOn,
        "OK" | "INSUFFICIENT_DATA" => Says::AlarmOff,
        _ => return Err(NoticeError::Unreadable("NewStateValue")),
    };
    Ok(Notice { source: Source::Alarm, name: named(name, "AlarmName")?, says, period: None })
}

/// An anomaly's share is what was spent of what was expected.
fn anomaly(monitor_name: Option<String>, impact: Option<Impact<'_>>) -> Result<Notice, NoticeError> {
    let name = named(monitor_name.ok_or(NoticeError::Missing("monitorName"))?, "monitorName")?;
    let impact = impact.ok_or(NoticeError::Missing("impact"))?;
    let amount = spend(impact.total_actual_spend, "totalActualSpend")?;
    let limit = spend(impact.total_expected_spend, "totalExpectedSpend")?;
    let says = Says::Money { kind: Kind::Actual, limit, amount };
    Ok(Notice { source: Source::Anomaly, name, says, period: None })
}

fn own(mark: &str, message: &str) -> Result<Notice, NoticeError> {
    if mark != "budget-notice" {
        return Err(NoticeError::Unreadable("tollgate"));
    }
    let own: Own = serde_json::from_str(message).map_err(|_| NoticeError::Unreadable("our own notice"))?;
    let (kind, amount, line) = match (own.spent_usd, own.forecast_usd) {
        (Some(spent), None) => (Kind::Actual, spent, "spent_usd"),
        (None, Some(forecast)) => (Kind::Forecast, forecast, "forecast_usd"),
        _ => return Err(NoticeError::Missing("spent_usd or forecast_usd, one of them,")),
    };
    let usd = |text: &str, line| text.parse::<Nanos>().map_err(|_| NoticeError::Unreadable(line));
    let says = Says::Money { kind, limit: usd(&own.limit_usd, "limit_usd")?, amount: usd(&amount, line)? };
    Ok(Notice { source: Source::Own, name: named(own.budget, "budget")?, says, period: own.period })
}

fn named(name: String, line: &'static str) -> Result<String, NoticeError> {
    if name.trim().is_empty() { Err(NoticeError::Unreadable(line)) } else { Ok(name) }
}

/// A JSON number in its own digits; what is finer than a nano-dollar is cut off.
fn spend(number: Option<&RawValue>, line: &'static str) -> Result<Nanos, NoticeError> {
    let digits = number.ok_or(NoticeError::Missing(line))?.get();
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(whole) || !is_plain(fraction) {
        return Err(NoticeError::Unreadable(line));
    }
    let fraction = &fraction[..fraction.len().min(9)];
    format!("{whole}.{fraction}").parse().map_err(|_| NoticeError::Unreadable(line))
}
