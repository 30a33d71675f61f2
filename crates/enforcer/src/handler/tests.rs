mod desk;
mod unreadable;

use serde_json::json;
use tollgate_core::enforcement::{Change, Lift, Order, Scope};

use super::*;
use desk::{Desk, MemoryDeadLetters, MemoryEnforcement, MemoryMetrics};

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);
const FORECAST_ID: &str = "95df01b4-ee98-5cb9-9903-4c221d41eb5e";

fn event(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn forecast() -> Value {
    event(include_str!("../../../../events/enforcer/budgets-forecasted.json"))
}

fn eighty_percent() -> Value {
    event(include_str!("../../../../events/enforcer/budgets-actual-80-percent.json"))
}

fn alarm() -> Value {
    event(include_str!("../../../../events/enforcer/alarm.json"))
}

/// A message that nobody can read.
fn nonsense() -> Value {
    let mut event = alarm();
    event["Records"][0]["Sns"]["Message"] = json!("what a day");
    event
}

/// The forecast with another id, as another notice would have.
fn forecast_as(message_id: &str) -> Value {
    let mut event = forecast();
    event["Records"][0]["Sns"]["MessageId"] = json!(message_id);
    event
}

/// Our own notice that a budget has spent so much of 100 dollars.
fn own(message_id: &str, budget: &str, usd: u64) -> Value {
    let mut event = forecast_as(message_id);
    let notice = json!({"tollgate": "budget-notice", "budget": budget, "limit_usd": "100", "spent_usd": usd.to_string(), "period": "day"});
    event["Records"][0]["Sns"]["Message"] = json!(notice.to_string());
    event
}

fn graded() -> Value {
    json!({"budgets": {"team": [
        {"at_percent": 50, "grade": "warn"},
        {"at_percent": 80, "grade": "cap", "scope": "team:default/search", "caps": {"max_output_tokens": 100}, "until": "period_end"},
        {"at_percent": 100, "grade": "stop", "until": "period_end"},
        {"at_percent": 120, "grade": "lock", "lock": {"deny_models": true, "suspend_keys": true}},
    ]}})
}

fn stopped() -> Summary {
    Summary { stopped: 1, ..Summary::default() }
}

fn unchanged() -> Summary {
    Summary { unchanged: 1, ..Summary::default() }
}

#[tokio::test]
async fn the_captured_text_stops_calls_with_who_why_and_when() {
    let desk = Desk::open();

    assert_eq!(desk.hand(&forecast()).await, stopped());

    let flag = desk.state().flag;
    assert_eq!((flag.enabled, flag.who.as_str(), flag.since_us), (false, "aws-budgets", NOON));
    assert_eq!(flag.why, "the AWS budget \"test\" of 0.02 USD is forecast to spend 0.95 USD");
    let action = desk.action(FORECAST_ID);
    assert_eq!((action.before.flag.enabled, action.after.flag, action.is_pending), (true, flag, false));
    assert_eq!(
        desk.told()[0].0,
        "Tollgate stop: the AWS budget \"test\" of 0.02 USD is forecast to spend 0.95 USD"
    );
}

#[tokio::test]
async fn a_lower_share_changes_nothing() {
    let desk = Desk::open();

    assert_eq!(desk.hand(&eighty_percent()).await, Summary { below: 1, ..Summary::default() });

    assert!(desk.state().flag.enabled && desk.told().is_empty() && desk.kept().is_empty());
}

#[tokio::test]
async fn each_grade_does_what_the_policy_says() {
    let desk = Desk::under(&graded());
    let grades = |summary: Summary| [summary.warned, summary.capped, summary.stopped, summary.locked];

    assert_eq!(grades(desk.hand(&own("m-1", "team", 50)).await), [1, 0, 0, 0]);
    assert!(desk.state().flag.enabled && desk.state().standing.is_empty());

    assert_eq!(grades(desk.hand(&own("m-2", "team", 80)).await), [0, 1, 0, 0]);
    let cap = desk.state().standing.0[0].clone();
    assert_eq!((cap.scope.to_string().as_str(), cap.origin.as_str()), ("team:default/search", "m-2"));
    assert_eq!(cap.until_us, Some(NOON.day().end()));

    assert_eq!(grades(desk.hand(&own("m-3", "team", 100)).await), [0, 0, 1, 0]);
    assert_eq!(desk.state().flag.until_us, Some(NOON.day().end()));
    assert!(desk.locks.locked.lock().unwrap().is_empty());

    assert_eq!(grades(desk.hand(&own("m-4", "team", 120)).await), [0, 0, 0, 1]);
    assert_eq!(desk.state().flag.until_us, None);
    assert_eq!(desk.locks.locked.lock().unwrap()[0].scope, Scope::Everyone);
    assert_eq!(desk.action("m-4").lock.unwrap().keys, ["k1"]);
    assert_eq!(desk.told().len(), 4);
}

#[tokio::test]
async fn a_message_that_comes_twice_is_obeyed_and_told_once() {
    let desk = Desk::under(&graded());
    for _ in 0..2 {
        desk.hand(&own("m-1", "team", 130)).await;
    }

    assert_eq!(desk.hand(&own("m-1", "team", 130)).await, unchanged());
    assert_eq!((desk.told().len(), desk.locks.locked.lock().unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_late_notice_of_a_lower_grade_loosens_nothing() {
    let desk = Desk::under(&graded());
    desk.hand(&own("m-2", "team", 100)).await;
    let strict = desk.state();

    desk.hand(&own("m-1", "team", 50)).await;
    assert_eq!(desk.hand(&own("m-3", "team", 80)).await, unchanged());

    assert_eq!(desk.state(), strict);
}

#[tokio::test]
async fn a_late_duplicate_does_not_undo_a_resume() {
    let desk = Desk::open();
    desk.hand(&forecast()).await;
    let resume = Order {
        id: "operator-1".to_owned(),
        at_us: NOON,
        who: "ada".to_owned(),
        why: "looked at".to_owned(),
        change: Change::Lift(Lift::default()),
        taken: Vec::new(),
        locks: Vec::new(),
    };
    desk.enforcement.act(&resume).await.unwrap();

    assert_eq!(desk.hand(&forecast()).await, unchanged());
    assert!(desk.state().flag.enabled);

    assert_eq!(desk.hand(&forecast_as("m-2")).await, stopped());
}

#[tokio::test]
async fn an_alarm_warns_and_one_that_is_over_changes_nothing() {
    let desk = Desk::open();
    let mut over = alarm();
    let text = over["Records"][0]["Sns"]["Message"].as_str().unwrap().replace(":\"ALARM\"", ":\"OK\"");
    over["Records"][0]["Sns"]["Message"] = json!(text);

    assert_eq!(desk.hand(&over).await, Summary { below: 1, ..Summary::default() });
    assert_eq!(desk.hand(&alarm()).await, Summary { warned: 1, ..Summary::default() });

    assert!(desk.state().flag.enabled);
}

#[tokio::test]
async fn a_lock_that_fails_stops_calls_all_the_same_and_comes_again() {
    let desk = Desk::under(&graded());
    *desk.locks.is_down.lock().unwrap() = true;

    let error = desk.handler.handle(&own("m-1", "team", 120), NOON).await.unwrap_err();

    assert_eq!(error.error_type, "not_locked");
    assert!(!desk.state().flag.enabled && desk.action("m-1").is_pending);

    *desk.locks.is_down.lock().unwrap() = false;
    assert_eq!(desk.hand(&own("m-1", "team", 120)).await.locked, 1);
    assert!(!desk.action("m-1").is_pending);
}

#[tokio::test]
async fn what_an_operator_resumed_meanwhile_is_not_locked_again() {
    let desk = Desk::under(&graded());
    *desk.alerts.is_down.lock().unwrap() = true;
    let error = desk.handler.handle(&own("m-1", "team", 120), NOON).await.unwrap_err();
    assert_eq!(error.error_type, "people_not_told");
    desk.enforcement.state.lock().unwrap().standing = Default::default();

    *desk.alerts.is_down.lock().unwrap() = false;
    desk.hand(&own("m-1", "team", 120)).await;

    assert_eq!((desk.locks.locked.lock().unwrap().len(), desk.told().len()), (1, 1));
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_leaves_the_functions_own_share() {
    let desk = Desk::under(&json!({"budgets": "all"}));

    assert_eq!(desk.hand(&forecast()).await, stopped());
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_hide_the_next() {
    let desk = Desk::open();
    let records = [&nonsense(), &forecast(), &eighty_percent()].map(|event| event["Records"][0].clone());

    let summary = desk.hand(&json!({ "Records": records })).await;

    assert_eq!(summary, Summary { stopped: 1, below: 1, dead_lettered: 1, ..Summary::default() });
}

#[tokio::test]
async fn a_state_that_cannot_be_written_fails_so_that_the_notice_comes_again() {
    let down = MemoryEnforcement { is_down: true, ..MemoryEnforcement::default() };
    let desk = Desk::new(down, MemoryDeadLetters::default(), MemoryMetrics::default());
    let records = [&forecast(), &nonsense()].map(|event| event["Records"][0].clone());

    let error = desk.handler.handle(&json!({ "Records": records }), NOON).await.unwrap_err();

    assert_eq!(error.error_type, "action_not_written");
    assert_eq!(desk.kept().len(), 1);
}
