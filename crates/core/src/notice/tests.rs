use proptest::prelude::*;
use serde_json::Value;

use super::*;

const FORECAST: &str = include_str!("../../../../events/enforcer/budgets-forecasted.txt");
const DAILY: &str = include_str!("../../../../events/enforcer/budgets-daily-actual.txt");

/// The message of an event of `events/enforcer`.
fn message(event: &str) -> String {
    let event: Value = serde_json::from_str(event).unwrap();
    event["Records"][0]["Sns"]["Message"].as_str().unwrap().to_owned()
}

fn anomaly() -> String {
    message(include_str!("../../../../events/enforcer/anomaly.json"))
}

fn alarm() -> String {
    message(include_str!("../../../../events/enforcer/alarm.json"))
}

fn own() -> String {
    message(include_str!("../../../../events/enforcer/own.json"))
}

fn money(notice: &Notice) -> (Kind, u64, u64) {
    let Says::Money { kind, limit, amount } = notice.says else { panic!("{notice:?} says no amounts") };
    (kind, limit.0, amount.0)
}

#[test]
fn every_notice_that_is_known_is_read() {
    let eighty = message(include_str!("../../../../events/enforcer/budgets-actual-80-percent.json"));
    let cases = [
        (
            FORECAST.to_owned(),
            "test",
            Some(Period::Month),
            "the AWS budget \"test\" of 0.02 USD is forecast to spend 0.95 USD",
        ),
        (
            DAILY.to_owned(),
            "killswitch",
            Some(Period::Day),
            "the AWS budget \"killswitch\" of 5 USD has spent 1.7 USD",
        ),
        (eighty, "test", Some(Period::Month), "the AWS budget \"test\" of 20 USD has spent 16 USD"),
        (
            anomaly(),
            "tollgate-models",
            None,
            "the anomaly monitor \"tollgate-models\" of 1301 USD has spent 1500.123456789 USD",
        ),
        (alarm(), "tollgate-authorizer-errors", None, "the alarm \"tollgate-authorizer-errors\" is on"),
        (own(), "search-team", Some(Period::Day), "the budget \"search-team\" of 250 USD has spent 200 USD"),
    ];
    for (text, name, period, reason) in cases {
        let notice = Notice::parse(&text).unwrap();

        assert_eq!((notice.name.as_str(), notice.period), (name, period));
        assert_eq!(notice.reason(), reason);
    }
}

#[test]
fn the_events_hold_the_captured_texts() {
    assert_eq!(message(include_str!("../../../../events/enforcer/budgets-forecasted.json")), FORECAST);
    assert_eq!(message(include_str!("../../../../events/enforcer/budgets-daily-actual.json")), DAILY);
}

#[test]
fn what_a_text_may_vary_in_changes_nothing_else() {
    let forecast = Notice::parse(FORECAST).unwrap();
    let mutations = [
        FORECAST.replace('\n', "\r\n"),
        format!("\n\n  {FORECAST}"),
        FORECAST.replace("Budget Name: test", "Budget Name:    test  "),
        FORECAST.replace("costmanagement/home", "billing/home"),
        FORECAST.replace("Alert Threshold: > $0.00", "Alert Threshold: > $1,234,567.00"),
        FORECAST.replace("Dear AWS Customer,", ""),
    ];
    for text in mutations {
        assert_eq!(Notice::parse(&text), Ok(forecast.clone()), "{text}");
    }
}

#[test]
fn amounts_with_thousands_are_read() {
    let text = DAILY
        .replace("Budgeted Amount: $5.00", "Budgeted Amount: $2,000,000.00")
        .replace("ACTUAL Amount: $1.70", "ACTUAL Amount: $1,234,567.89");

    let notice = Notice::parse(&text).unwrap();

    assert_eq!(money(&notice), (Kind::Actual, 2_000_000_000_000_000, 1_234_567_890_000_000));
    assert!(notice.reaches(61) && !notice.reaches(62));
}

#[test]
fn a_period_that_is_not_known_is_none() {
    let quarter = FORECAST.replace("the current month", "the current quarter");
    let named_so = FORECAST
        .replace("for the current month", "for the current year")
        .replace("your test budget", "your test for the current month. budget");

    assert_eq!(Notice::parse(&quarter).unwrap().period, None);
    assert_eq!(Notice::parse(&named_so).unwrap().period, None);
}

#[test]
fn what_could_have_two_meanings_is_refused() {
    let limit =
        |amount: &str| FORECAST.replace("Budgeted Amount: $0.02", &format!("Budgeted Amount: {amount}"));
    let unreadable = NoticeError::Unreadable("Budgeted Amount:");
    let cases = [
        (limit("€0.02"), NoticeError::Currency),
        (limit("0.02"), NoticeError::Currency),
        (limit("US$0.02"), NoticeError::Currency),
        (limit("A$0.02"), NoticeError::Currency),
        (limit("¥20"), NoticeError::Currency),
        (limit("0.02 EUR"), NoticeError::Currency),
        (limit("$0.02 CAD"), NoticeError::Currency),
        // A thousand and more elsewhere; a little over one here.
        (limit("$1.234,50"), unreadable.clone()),
        (limit("$1,23"), unreadable.clone()),
        (limit("$1234,567.00"), unreadable.clone()),
        (limit("$,100"), unreadable.clone()),
        (limit("$-1"), unreadable.clone()),
        (limit("$1e9"), NoticeError::Unreadable("Budgeted Amount:")),
        (limit("$"), unreadable.clone()),
        (limit("$99999999999999999999"), unreadable),
        (
            FORECAST.replace("Budget Type: Cost", "Budget Type: Usage"),
            NoticeError::Unreadable("Budget Type:"),
        ),
        (FORECAST.replace("Type: FORECASTED", "Type: GUESSED"), NoticeError::Unreadable("Alert Type:")),
        (FORECAST.replace("Budget Name: test", "Budget Name:"), NoticeError::Unreadable("Budget Name:")),
        (
            FORECAST.replace("Alert Type:", "Budget Name: other\nAlert Type:"),
            NoticeError::Twice("Budget Name:"),
        ),
        (format!("{FORECAST}\nFORECASTED Amount: $0.00"), NoticeError::Twice("FORECASTED Amount:")),
    ];
    for (text, error) in cases {
        assert_eq!(Notice::parse(&text), Err(error), "{text}");
    }
}

#[test]
fn a_line_that_is_missing_is_named() {
    for (text, line) in [
        (FORECAST, "Budget Name:"),
        (FORECAST, "Budget Type:"),
        (FORECAST, "Budgeted Amount:"),
        (FORECAST, "Alert Type:"),
        (FORECAST, "FORECASTED Amount:"),
        (DAILY, "ACTUAL Amount:"),
    ] {
        let without: Vec<&str> = text.lines().filter(|found| !found.starts_with(line)).collect();

        assert_eq!(Notice::parse(&without.join("\n")), Err(NoticeError::Missing(line)));
    }
}

#[test]
fn json_that_says_nothing_clear_is_refused() {
    let spend = |digits: &str| anomaly().replace("1500.123456789012", digits);
    let actual = NoticeError::Unreadable("totalActualSpend");
    let cases = [
        (spend("1.5e3"), actual.clone()),
        (spend("-3"), actual.clone()),
        (spend("\"1500\""), actual.clone()),
        (spend("99999999999999999999"), actual),
        (anomaly().replace("totalActualSpend", "other"), NoticeError::Missing("totalActualSpend")),
        (
            anomaly().replace("\"monitorName\":\"tollgate-models\"", "\"x\":1"),
            NoticeError::Missing("monitorName"),
        ),
        (
            alarm().replace("\"NewStateValue\":\"ALARM\"", "\"NewStateValue\":\"MAYBE\""),
            NoticeError::Unreadable("NewStateValue"),
        ),
        (alarm().replace("NewStateValue", "Other"), NoticeError::Missing("NewStateValue")),
        (own().replace("budget-notice", "other"), NoticeError::Unreadable("tollgate")),
        (own().replace("\"200.00\"", "200.00"), NoticeError::Unreadable("our own notice")),
        (own().replace("period", "extra"), NoticeError::Unreadable("our own notice")),
        (own().replace("200.00", "much"), NoticeError::Unreadable("spent_usd")),
        (
            own().replace("spent_usd", "forecast_usd").replace("250.00", "-1"),
            NoticeError::Unreadable("limit_usd"),
        ),
        (own().replace("search-team", " "), NoticeError::Unreadable("budget")),
        ("{}".to_owned(), NoticeError::Foreign),
        ("{\"AlarmName\":7}".to_owned(), NoticeError::Foreign),
        ("{".to_owned(), NoticeError::Foreign),
        (String::new(), NoticeError::Foreign),
        ("You have chosen to subscribe to the topic".to_owned(), NoticeError::Foreign),
    ];
    for (text, error) in cases {
        assert_eq!(Notice::parse(&text), Err(error), "{text}");
    }
}

#[test]
fn an_alarm_that_is_not_on_reaches_nothing() {
    for state in ["OK", "INSUFFICIENT_DATA"] {
        let text = alarm().replace("\"NewStateValue\":\"ALARM\"", &format!("\"NewStateValue\":\"{state}\""));

        let notice = Notice::parse(&text).unwrap();

        assert_eq!(notice.says, Says::AlarmOff);
        assert!(!notice.reaches(0));
    }
    let on = Notice::parse(&alarm()).unwrap();
    assert!(on.reaches(100) && !on.reaches(101));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(AWS Budget Notification|\\{\"anomalyId\":\"a\")?[ -~\n]{0,200}") {
        prop_assert!(Notice::parse(&text).is_err());
    }

    /// A text that is cut or damaged anywhere says what it said, or nothing: never another amount.
    #[test]
    fn a_damaged_text_is_never_read_as_less(at in 0..FORECAST.len(), to in proptest::char::range(' ', '~')) {
        let mut text = FORECAST.to_owned();
        text.replace_range(at..=at, &to.to_string());
        let line = FORECAST[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let is_in_amount = ["Budgeted Amount", "FORECASTED Amount"].iter().any(|name| FORECAST[line..].starts_with(name));
        prop_assume!(!is_in_amount);

        if let Ok(notice) = Notice::parse(&text) {
            prop_assert_eq!(money(&notice), (Kind::Forecast, 20_000_000, 950_000_000));
        }
    }
}
