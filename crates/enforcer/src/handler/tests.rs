use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::json;

use super::*;

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

/// The forecast with another id, as another notice would have.
fn forecast_as(message_id: &str) -> Value {
    let mut event = forecast();
    event["Records"][0]["Sns"]["MessageId"] = json!(message_id);
    event
}

#[derive(Default)]
struct MemoryFlags {
    written: Mutex<Option<(Flag, Option<String>)>>,
    is_down: bool,
}

#[async_trait]
impl Flags for MemoryFlags {
    async fn set(&self, flag: &Flag, message_id: Option<&str>) -> Result<FlagChange, StoreError> {
        if self.is_down {
            return Err(StoreError { store: "config", cause: "no route to host".into() });
        }
        let mut written = self.written.lock().unwrap();
        let (is_off, last_id) = match &*written {
            Some((flag, id)) => (!flag.enabled, id.clone()),
            None => (false, None),
        };
        if message_id.is_some_and(|id| is_off || last_id.as_deref() == Some(id)) {
            return Ok(FlagChange::Unchanged);
        }
        *written = Some((flag.clone(), message_id.map(str::to_owned).or(last_id)));
        Ok(FlagChange::Written)
    }
}

#[derive(Default)]
struct MemoryDeadLetters {
    kept: Mutex<Vec<(Value, String)>>,
    is_down: bool,
}

#[async_trait]
impl DeadLetters for MemoryDeadLetters {
    async fn keep(&self, letter: &str, reason: &str) -> Result<(), QueueError> {
        if self.is_down {
            return Err(QueueError { cause: "no route to host".into() });
        }
        self.kept.lock().unwrap().push((serde_json::from_str(letter).unwrap(), reason.to_owned()));
        Ok(())
    }
}

struct Desk {
    handler: Handler,
    flags: Arc<MemoryFlags>,
    dead_letters: Arc<MemoryDeadLetters>,
}

impl Desk {
    fn new(flags: MemoryFlags, dead_letters: MemoryDeadLetters) -> Self {
        let (flags, dead_letters) = (Arc::new(flags), Arc::new(dead_letters));
        let handler = Handler::new(flags.clone(), dead_letters.clone(), 100);
        Self { handler, flags, dead_letters }
    }

    fn open() -> Self {
        Self::new(MemoryFlags::default(), MemoryDeadLetters::default())
    }

    async fn hand(&self, event: &Value) -> Summary {
        self.handler.handle(event, NOON).await.unwrap()
    }

    fn flag(&self) -> Option<Flag> {
        self.flags.written.lock().unwrap().as_ref().map(|(flag, _)| flag.clone())
    }

    fn kept(&self) -> Vec<(Value, String)> {
        self.dead_letters.kept.lock().unwrap().clone()
    }
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

    let why = "the AWS budget \"test\" of 0.02 USD is forecast to spend 0.95 USD".to_owned();
    let flag = Flag { enabled: false, who: "aws-budgets".to_owned(), why, since_us: NOON };
    assert_eq!(*desk.flags.written.lock().unwrap(), Some((flag, Some(FORECAST_ID.to_owned()))));
    assert!(desk.kept().is_empty());
}

#[tokio::test]
async fn a_lower_share_changes_nothing() {
    let desk = Desk::open();

    assert_eq!(desk.hand(&eighty_percent()).await, Summary { below: 1, ..Summary::default() });

    assert_eq!(desk.flag(), None);
    assert!(desk.kept().is_empty());
}

#[tokio::test]
async fn a_lower_share_stops_where_the_setting_says_so() {
    let desk = Desk::open();
    let handler = Handler::new(desk.flags.clone(), desk.dead_letters.clone(), 80);

    assert_eq!(handler.handle(&eighty_percent(), NOON).await.unwrap(), stopped());
}

#[tokio::test]
async fn a_second_notice_keeps_the_first_reason() {
    let desk = Desk::open();
    desk.hand(&forecast()).await;
    let first = desk.flag();

    let mut second = forecast_as("m-2");
    let text = second["Records"][0]["Sns"]["Message"].as_str().unwrap().replace("$0.95", "$7.00");
    second["Records"][0]["Sns"]["Message"] = json!(text);

    assert_eq!(desk.hand(&second).await, unchanged());
    assert_eq!(desk.flag(), first);
}

#[tokio::test]
async fn a_late_duplicate_does_not_undo_a_resume() {
    let desk = Desk::open();
    desk.hand(&forecast()).await;
    let resumed = Flag { enabled: true, ..desk.flag().unwrap() };
    desk.flags.set(&resumed, None).await.unwrap();

    assert_eq!(desk.hand(&forecast()).await, unchanged());
    assert_eq!(desk.flag(), Some(resumed));

    assert_eq!(desk.hand(&forecast_as("m-2")).await, stopped());
}

#[tokio::test]
async fn what_is_no_notice_is_kept_whole() {
    let desk = Desk::open();

    assert_eq!(desk.hand(&alarm()).await, Summary { dead_lettered: 1, ..Summary::default() });

    let expected = (alarm()["Records"][0].clone(), "not a notice of AWS Budgets".to_owned());
    assert_eq!(desk.kept(), [expected]);
    assert_eq!(desk.flag(), None);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_hide_the_next() {
    let desk = Desk::open();
    let records = [&alarm(), &forecast(), &eighty_percent()].map(|event| event["Records"][0].clone());

    let summary = desk.hand(&json!({ "Records": records })).await;

    assert_eq!(summary, Summary { stopped: 1, below: 1, dead_lettered: 1, ..Summary::default() });
}

#[tokio::test]
async fn a_flag_that_cannot_be_written_fails_so_that_the_notice_comes_again() {
    let flags = MemoryFlags { is_down: true, ..MemoryFlags::default() };
    let desk = Desk::new(flags, MemoryDeadLetters::default());
    let records = [&forecast(), &alarm()].map(|event| event["Records"][0].clone());

    let error = desk.handler.handle(&json!({ "Records": records }), NOON).await.unwrap_err();

    assert_eq!(error.error_type, "flag_not_written");
    assert_eq!(
        error.error_message,
        "the flag was not written: the config table cannot be reached: no route to host"
    );
    assert_eq!(desk.kept().len(), 1);
}

#[tokio::test]
async fn a_letter_that_cannot_be_kept_fails_so_that_it_comes_again() {
    let dead_letters = MemoryDeadLetters { is_down: true, ..MemoryDeadLetters::default() };
    let desk = Desk::new(MemoryFlags::default(), dead_letters);

    let error = desk.handler.handle(&alarm(), NOON).await.unwrap_err();

    assert_eq!(error.error_type, "dead_letter_not_kept");
    assert_eq!(desk.flag(), None);
}

#[tokio::test]
async fn an_event_that_is_none_of_sns_is_kept_whole() {
    let events = [
        json!(null),
        json!(7),
        json!("AWS Budget Notification"),
        json!([]),
        json!({}),
        json!({ "Records": null }),
        json!({ "Records": [] }),
        json!({ "Records": { "Sns": {} } }),
        json!({ "records": [{}] }),
    ];
    for event in events {
        let desk = Desk::open();

        assert_eq!(desk.hand(&event).await.dead_lettered, 1, "{event}");

        assert_eq!(desk.kept(), [(event, "the event holds no records of SNS".to_owned())]);
        assert_eq!(desk.flag(), None);
    }
}

#[tokio::test]
async fn bad_input_is_said() {
    let text = forecast()["Records"][0]["Sns"]["Message"].as_str().unwrap().to_owned();
    let sns = |message: Value| json!({ "Sns": { "MessageId": "m-1", "Message": message } });
    let (no_id, no_message) = ("the record holds no Sns.MessageId", "the record holds no Sns.Message");
    let cases = [
        (json!(null), no_id),
        (json!([]), no_id),
        (json!({ "Sns": null }), no_id),
        (json!({ "Sns": { "Message": text } }), no_id),
        (json!({ "Sns": { "MessageId": "", "Message": text } }), no_id),
        (json!({ "Sns": { "MessageId": 7, "Message": text } }), no_id),
        (json!({ "Sns": { "MessageId": "m-1" } }), no_message),
        (sns(json!(null)), no_message),
        (sns(json!("")), no_message),
        (sns(json!({ "AlarmName": "x" })), no_message),
        (sns(json!("{\"impact\":{\"totalActualSpend\":9000}}")), "not a notice of AWS Budgets"),
        (sns(json!("\u{0}\u{ffff}")), "not a notice of AWS Budgets"),
        (sns(json!(text.replace("Budget Name: test", ""))), "the line \"Budget Name:\" is missing"),
        (
            sns(json!(text.replace("Budget Name: test", "Budget Name:"))),
            "the line \"Budget Name:\" cannot be read",
        ),
        (sns(json!(text.replace("Alert Type: FORECASTED", ""))), "the line \"Alert Type:\" is missing"),
        (
            sns(json!(text.replace("Type: FORECASTED", "Type: GUESSED"))),
            "the line \"Alert Type:\" cannot be read",
        ),
        (sns(json!(text.replace("Amount: $0.02", "Amount: €0.02"))), "the amounts are not in US dollars"),
        (
            sns(json!(text.replace("Amount: $0.02", "Amount: $-1"))),
            "the line \"Budgeted Amount:\" cannot be read",
        ),
        (
            sns(json!(text.replace("Amount: $0.95", "Amount: $1e9"))),
            "the line \"FORECASTED Amount:\" cannot be read",
        ),
        (
            sns(json!(text.replace("FORECASTED Amount: $0.95", ""))),
            "the line \"FORECASTED Amount:\" is missing",
        ),
    ];
    for (record, why) in cases {
        let desk = Desk::open();

        assert_eq!(desk.hand(&json!({ "Records": [record] })).await.dead_lettered, 1, "{record}");

        assert_eq!(desk.kept(), [(record, why.to_owned())]);
        assert_eq!(desk.flag(), None);
    }
}
