//! What nobody asks for: a call whose Lambda died, a notice that nobody can read.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_core::record::open_partition;
use tollgate_tests::books::metric;
use tollgate_tests::stack::{Stack, eventually};

use crate::answers::closed_record;

const DEAD_CALL: &str = "a-call-whose-lambda-died";

/// The reconciler comes every minute.
const RECONCILED: Duration = Duration::from_secs(100);

/// Leaves in the tables what a Lambda leaves that is killed after its request went out: an open record that is overdue, and
/// its reservation.
pub(crate) async fn a_lambda_dies_after_sending(stack: &Stack) {
    let text = |value: &str| json!({"S": value});
    let number = |value: u64| json!({"N": value.to_string()});
    let record = json!({
        "request_id": text(DEAD_CALL),
        "state": text("sent"),
        "open": text(&open_partition(DEAD_CALL)),
        "deadline_us": number(1_795_348_800_000_000),
        "created_us": number(1_795_348_700_000_000),
        "expires_at": number(4_000_000_000),
        "key_id": text("777777777777"),
        "user": text("peggy"),
        "team": text("search"),
        "tenant": text("default"),
        "model": text("gpt-5.5"),
        "stream": {"BOOL": true},
        "day": text("2026-11-22"),
        "reserved_nanos": number(123_456_789),
        "charged_nanos": number(123_456_789),
        "attempts": number(1),
        "target": text("mantle-us-east-1/gpt-5.5"),
        "cache": text("miss"),
    });
    let spend = json!({
        "scope": text("spend#user#default/peggy#2026-11"),
        "month": number(123_456_789),
        "d22": number(123_456_789),
        "expires_at": number(4_000_000_000),
    });
    for (table, item) in [("LedgerTable", record), ("LimitsTable", spend)] {
        let table = stack.stack_output(table).await;
        stack.aws("dynamodb", "put_item", &json!({"TableName": table, "Item": item})).await;
    }
}

pub(crate) async fn the_dead_call_is_charged_as_reserved(stack: &Stack) {
    let closed = eventually(RECONCILED, async || {
        let (record, _) = stack.tollgate(&["ledger", "show", DEAD_CALL]).await;
        (record["state"] == "expired").then_some(())
    });
    assert!(closed.await.is_some(), "not reconciled: {}", stack.log("reconciler"));
    let record = closed_record(stack, DEAD_CALL).await;
    assert_eq!(
        (&record["charged_usd"], &record["estimated"]),
        (&"0.123456789".into(), &true.into()),
        "{record}"
    );
}

pub(crate) async fn an_unreadable_notice_is_set_aside_whole(stack: &Stack) {
    let message = r#"{"Name":"not a budget","State":"ALARM"}"#;
    let notice = json!({"TopicArn": stack.variable("TOLLGATE_BUDGET_TOPIC_ARN"), "Message": message});
    stack.aws("sns", "publish", &notice).await;

    let queue =
        json!({"QueueUrl": stack.stack_output("DeadLetterQueueUrl").await, "MessageAttributeNames": ["All"]});
    let set_aside = eventually(Duration::from_secs(20), async || {
        let answer: Value = stack.aws("sqs", "receive_message", &queue).await;
        answer["Messages"][0]["Body"].as_str().map(str::to_owned)
    });

    let body = set_aside.await.unwrap_or_else(|| panic!("nothing is set aside\n{}", stack.log("emulator")));
    assert!(body.contains("not a budget"), "{body}");
    let (flag, _) = stack.tollgate(&["flag", "show"]).await;
    assert_eq!(flag["enabled"], true, "{flag}");
}

pub(crate) async fn an_unreadable_record_is_set_aside_whole(stack: &Stack) {
    let table = stack.stack_output("LedgerTable").await;
    let record = json!({"request_id": {"S": "unreadable"}, "state": {"S": "from a later release"}});
    stack.aws("dynamodb", "put_item", &json!({"TableName": table, "Item": record})).await;

    let kept = json!({"Bucket": stack.stack_output("FailedRecordsBucket").await, "Prefix": "unreadable/"});
    let set_aside = eventually(Duration::from_secs(20), async || {
        let found = stack.aws("s3", "list_objects_v2", &kept).await;
        let is_told = metric(stack, "Emitter.SetAside.Count", "Sum").await == [json!(1.0)];
        (found["KeyCount"] == 1 && is_told).then_some(())
    });

    assert!(set_aside.await.is_some(), "nothing is set aside\n{}", stack.log("emitter"));
    // It is no call, and the books are counted later.
    let key = json!({"TableName": table, "Key": {"request_id": {"S": "unreadable"}}});
    stack.aws("dynamodb", "delete_item", &key).await;
}
