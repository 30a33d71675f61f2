use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::error::{InternalServerError, TransactionCanceledException};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use tollgate_core::record::Record;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

fn posting(id: &str) -> Posting {
    let record: Record = serde_json::from_value(serde_json::json!({
        "request_id": id, "state": "settled", "deadline_us": 5, "created_us": 1, "expires_at": 9,
        "key_id": "k", "user": "alice", "team": "search", "tenant": "default", "model": "gpt-5.5", "stream": false,
        "day": "2026-11-22", "reserved_nanos": 100, "charged_nanos": 40, "attempts": 1, "target": "t", "cache": "miss",
        "ended_us": 4, "outcome": "ok", "provider": "bedrock", "latency_us": 3,
        "usage": {"input": 3, "cached": 1, "cache_write": 0, "output": 2, "reasoning": 0}
    }))
    .unwrap();
    Posting::of(None, record).unwrap().unwrap()
}

fn rollups(rules: &[&Rule]) -> DynamoRollups {
    DynamoRollups::new(mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, rules), "rollups".to_owned())
}

fn cancelled(codes: &'static [&'static str]) -> Rule {
    mock!(Client::transact_write_items).then_error(move || {
        let reasons = codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect();
        let error = TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build();
        TransactWriteItemsError::TransactionCanceledException(error)
    })
}

fn done(is_right: fn(&TransactWriteItemsInput) -> bool) -> Rule {
    mock!(Client::transact_write_items)
        .match_requests(is_right)
        .then_output(|| TransactWriteItemsOutput::builder().build())
}

fn markers(request: &TransactWriteItemsInput) -> Vec<String> {
    let puts = request.transact_items().iter().filter_map(TransactWriteItem::put);
    puts.map(|put| put.item()["scope"].as_s().unwrap().clone()).collect()
}

#[tokio::test]
async fn markers_and_sums_are_one_transaction() {
    let rule = done(|request| {
        let updates: Vec<&Update> =
            request.transact_items().iter().filter_map(TransactWriteItem::update).collect();
        let scope_of = |update: &&Update| update.key()["scope"].as_s().unwrap().clone();
        let scopes: Vec<String> = updates.iter().map(scope_of).collect();
        let values = updates[0].expression_attribute_values().unwrap();
        markers(request) == ["seen#a", "seen#b"]
            && request.transact_items()[0].put().unwrap().condition_expression()
                == Some("attribute_not_exists(#scope)")
            && scopes == ["user#default/alice", "team#default/search", "key#k", "model#t", "org"]
            && updates[0].key()["day"] == AttributeValue::S("2026-11-22".to_owned())
            && values[":cost_nanos"] == AttributeValue::N("80".to_owned())
            && values[":calls"] == AttributeValue::N("2".to_owned())
    });

    rollups(&[&rule]).add(&[posting("a"), posting("b")], NOW).await.unwrap();

    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn what_was_added_before_is_left_out_of_the_next_try() {
    let seen = cancelled(&["ConditionalCheckFailed", "None", "None", "None", "None", "None", "None"]);
    let rest = done(|request| markers(request) == ["seen#b"]);

    rollups(&[&seen, &rest]).add(&[posting("a"), posting("b")], NOW).await.unwrap();

    assert_eq!(rest.num_calls(), 1);
}

#[tokio::test]
async fn when_all_was_added_before_nothing_is_left_to_do() {
    let seen = cancelled(&["ConditionalCheckFailed", "None", "None", "None", "None", "None"]);

    rollups(&[&seen]).add(&[posting("a")], NOW).await.unwrap();

    assert_eq!(seen.num_calls(), 1);
}

#[tokio::test]
async fn a_lost_race_is_run_again() {
    let conflict = cancelled(&["None", "None", "None", "None", "None", "TransactionConflict"]);
    let done = done(|request| markers(request) == ["seen#a"]);

    rollups(&[&conflict, &done]).add(&[posting("a")], NOW).await.unwrap();

    assert_eq!(done.num_calls(), 1);
}

#[tokio::test]
async fn a_table_that_fails_is_unreachable() {
    let rule = mock!(Client::transact_write_items)
        .then_error(|| TransactWriteItemsError::InternalServerError(InternalServerError::builder().build()));

    let error = rollups(&[&rule]).add(&[posting("a")], NOW).await.unwrap_err();

    assert_eq!(error.to_string(), "the rollups table cannot be reached");
}
