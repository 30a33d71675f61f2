use serde_json::{Value, json};

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn policy(value: &Value) -> Policy {
    serde_json::from_value(value.clone()).unwrap()
}

fn faults(value: &Value) -> Vec<String> {
    policy(value).check().err().map(|Faults(faults)| faults).unwrap_or_default()
}

fn own(budget: &str, member: &str, usd: u64) -> Notice {
    let text = json!({"tollgate": "budget-notice", "budget": budget, "limit_usd": "100", member: usd.to_string(), "period": "month"});
    Notice::parse(&text.to_string()).unwrap()
}

fn spent(usd: u64) -> Notice {
    own("team", "spent_usd", usd)
}

fn graded() -> Policy {
    policy(&json!({"budgets": {"team": [
        {"at_percent": 50, "grade": "warn"},
        {"at_percent": 80, "grade": "cap", "scope": "team:default/search", "caps": {"max_output_tokens": 100}, "until": "period_end"},
        {"at_percent": 100, "on": "actual", "grade": "stop", "until": "period_end"},
        {"at_percent": 120, "grade": "lock", "lock": {"deny_models": true, "suspend_keys": true, "throttle": {"rate": 1, "burst": 1}}},
    ]}}))
}

fn grades(policy: &Policy, notice: &Notice) -> Vec<Grade> {
    policy.reached(notice, 100).iter().map(|rule| rule.grade).collect()
}

#[test]
fn each_share_reaches_its_grade_and_all_below() {
    let all = [Grade::Warn, Grade::Cap, Grade::Stop, Grade::Lock];
    for (usd, reached) in [(49, 0), (50, 1), (79, 1), (80, 2), (100, 3), (120, 4), (9_000, 4)] {
        assert_eq!(grades(&graded(), &spent(usd)), all[..reached], "{usd} %");
    }
    assert!(graded().check().is_ok());
}

#[test]
fn a_rule_for_what_is_spent_does_not_count_forecasts() {
    assert_eq!(grades(&graded(), &own("team", "forecast_usd", 110)), [Grade::Warn, Grade::Cap]);
}

#[test]
fn a_budget_that_nobody_named_stops_calls_at_the_functions_own_share() {
    let stop = |policy: &Policy, usd, percent| policy.reached(&own("other", "spent_usd", usd), percent).len();

    assert_eq!((stop(&graded(), 99, 100), stop(&graded(), 100, 100), stop(&graded(), 80, 80)), (0, 1, 1));
    let silent = policy(&json!({"default": []}));
    assert_eq!(stop(&silent, 500, 100), 0);
}

#[test]
fn an_alarm_that_nobody_named_warns() {
    let alarm = Notice::parse(r#"{"AlarmName":"tokens","NewStateValue":"ALARM"}"#).unwrap();
    let named = policy(&json!({"alarms": {"tokens": [{"grade": "stop"}]}}));

    assert_eq!(grades(&Policy::default(), &alarm), [Grade::Warn]);
    assert_eq!(grades(&named, &alarm), [Grade::Stop]);
}

#[test]
fn a_restriction_says_who_why_and_until_when() {
    let rules = graded().reached(&spent(100), 100);

    let cap = rules[1].restriction(&spent(100), "m-1", NOON).unwrap();

    assert_eq!(rules[0].restriction(&spent(100), "m-1", NOON), None);
    assert_eq!((cap.scope.to_string().as_str(), cap.origin.as_str()), ("team:default/search", "m-1"));
    assert_eq!(cap.until_us, Some(NOON.day().end_of_month()));
    assert_eq!(cap.why, "the budget \"team\" of 100 USD has spent 100 USD");
    let unknown = Notice { period: None, ..spent(100) };
    assert_eq!(rules[1].restriction(&unknown, "m-1", NOON).unwrap().until_us, None);
}

#[test]
fn a_long_reason_is_cut_at_a_character() {
    assert_eq!(brief(&"é".repeat(200)).len(), 160);
    assert_eq!(brief(&format!("x{}", "é".repeat(200))).len(), 159);
}

#[test]
fn all_that_cannot_be_meant_is_listed() {
    let rule = |rule: Value| faults(&json!({"budgets": {"b": [rule]}}));
    let cases = [
        (json!({"at_percent": 0, "grade": "warn"}), "at_percent is from 1 to 10000"),
        (json!({"grade": "cap"}), "caps belong to the grade cap, and it needs one"),
        (
            json!({"grade": "stop", "caps": {"max_concurrent": 1}}),
            "caps belong to the grade cap, and it needs one",
        ),
        (
            json!({"grade": "cap", "caps": {"max_output_tokens": 0}}),
            "a cap is at least 1: to let nothing through, stop",
        ),
        (
            json!({"grade": "lock"}),
            "lock belongs to the grade lock, and it needs deny_models, suspend_keys or throttle",
        ),
        (
            json!({"grade": "lock", "lock": {}}),
            "lock belongs to the grade lock, and it needs deny_models, suspend_keys or throttle",
        ),
        (
            json!({"grade": "lock", "scope": "tenant:acme", "lock": {"deny_models": true}}),
            "deny_models and throttle are for everyone; for some, suspend_keys",
        ),
        (
            json!({"grade": "lock", "until": "period_end", "lock": {"suspend_keys": true}}),
            "a lock does not end by itself: leave until away",
        ),
    ];
    for (value, fault) in cases {
        assert_eq!(rule(value), [format!("budgets.b[0]: {fault}")]);
    }
    let alarm = json!({"alarms": {"a": [{"at_percent": 80, "grade": "warn"}]}});
    assert_eq!(faults(&alarm), ["alarms.a[0]: an alarm has no share: leave at_percent away"]);
    let many: Vec<Value> =
        (0..7).map(|team| json!({"grade": "stop", "scope": format!("team:a/t{team}")})).collect();
    assert_eq!(
        faults(&json!({"default": many})),
        ["7 different caps, stops and locks, but at most 6 can stand at once"]
    );
}

#[test]
fn what_nobody_knows_is_refused() {
    for value in [
        json!({"budget": {}}),
        json!({"default": [{"grade": "stop", "at": 3}]}),
        json!({"default": [{"grade": "halt"}]}),
        json!({"default": [{"grade": "cap", "caps": {"max_tokens": 3}}]}),
        json!({"default": [{"grade": "stop", "scope": "team:search"}]}),
    ] {
        assert!(serde_json::from_value::<Policy>(value.clone()).is_err(), "{value}");
    }
}
