use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use serde_json::json;

use super::*;

fn reserved() -> Record {
    let record = json!({
        "request_id": "r-1", "state": "reserved", "open": "open#07", "deadline_us": 5, "created_us": 1,
        "expires_at": 9, "key_id": "k", "user": "alice", "team": "search", "tenant": "acme", "model": "gpt-5.5",
        "stream": false, "day": "2026-11-22", "reserved_nanos": 100, "charged_nanos": 100, "cache": "miss"
    });
    serde_json::from_value(record).unwrap()
}

/// A cancellation for these reasons; the record stands as `record` where it is the reason.
fn cancelled(codes: [&'static str; 2], record: Option<Record>) -> Rule {
    mock!(Client::transact_write_items).then_error(move || {
        let reason = |code| CancellationReason::builder().code(code);
        let item = record.as_ref().map(|record| item_of(record).unwrap());
        let reasons = vec![reason(codes[0]).set_item(item).build(), reason(codes[1]).build()];
        TransactWriteItemsError::TransactionCanceledException(
            TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build(),
        )
    })
}

async fn reserve(rules: &[&Rule]) -> Result<Reservation, StoreError> {
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, rules);
    let ledger = DynamoLedger::new(client, "ledger".to_owned(), "limits".to_owned());
    ledger.reserve(&reserved(), &Budget::default(), None).await
}

#[tokio::test(start_paused = true)]
async fn a_try_that_lost_to_another_is_made_again() {
    let conflict = cancelled(["None", "TransactionConflict"], None);
    let done =
        mock!(Client::transact_write_items).then_output(|| TransactWriteItemsOutput::builder().build());

    assert_eq!(reserve(&[&conflict, &done]).await.unwrap(), Reservation::Granted);
}

#[tokio::test(start_paused = true)]
async fn a_try_that_was_done_although_its_reply_spoke_of_a_conflict_is_granted() {
    let conflict = cancelled(["TransactionConflict", "None"], None);
    let ours = cancelled(["ConditionalCheckFailed", "None"], Some(reserved()));
    let others = cancelled(["ConditionalCheckFailed", "None"], Some(reserved().sent("target")));

    assert_eq!(reserve(&[&conflict, &ours]).await.unwrap(), Reservation::Granted);
    let conflict = cancelled(["TransactionConflict", "None"], None);
    assert_eq!(reserve(&[&conflict, &others]).await.unwrap(), Reservation::Contended);
}

#[tokio::test(start_paused = true)]
async fn what_is_neither_refusal_nor_conflict_is_no_answer() {
    let throttled = cancelled(["None", "ThrottlingError"], None);

    assert!(reserve(&[&throttled]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_a_third_write_in_its_own_table() {
    let claim = Claim {
        id: "idem#ab".to_owned(),
        fingerprint: "cd".to_owned(),
        request_id: "r-1".to_owned(),
        expires_at: 86_400,
    };
    let done = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let put = request.transact_items().get(2).and_then(|item| item.put());
            request.transact_items().len() == 3
                && put.is_some_and(|put| {
                    put.table_name() == "cache"
                        && put.condition_expression() == Some("attribute_not_exists(#id) OR #expires <= :now")
                })
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, &[&done]);
    let ledger = DynamoLedger::new(client, "ledger".to_owned(), "limits".to_owned());
    let record = reserved();

    let nowhere = ledger.reserve(&record, &Budget::default(), Some(&claim)).await;
    let ledger = ledger.with_claims("cache".to_owned());
    let granted = ledger.reserve(&record, &Budget::default(), Some(&claim)).await;

    assert!(nowhere.is_err(), "a claim is never left out");
    assert_eq!(granted.unwrap(), Reservation::Granted);
}
