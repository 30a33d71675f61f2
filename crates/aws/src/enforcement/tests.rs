use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::types::error::{
    InternalServerError, ProvisionedThroughputExceededException, RequestLimitExceeded,
    ResourceNotFoundException, TransactionCanceledException, TransactionInProgressException,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use tollgate_core::enforcement::Change;
use tollgate_core::time::Timestamp;

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn order() -> Order {
    Order {
        id: "m-1".to_owned(),
        at_us: NOON,
        who: "ada".to_owned(),
        why: "it is spent".to_owned(),
        change: Change::Switch { enabled: false },
        taken: Vec::new(),
        locks: Vec::new(),
    }
}

/// A table whose flag is on, and which holds nothing else.
fn reads() -> Rule {
    mock!(Client::get_item)
        .match_requests(|request| request.consistent_read() == Some(true))
        .then_compute_output(|request| {
            let id = request.key().and_then(|key| key.get("id")).and_then(|id| id.as_s().ok());
            let flag = Flag {
                enabled: true,
                who: "seed".to_owned(),
                why: "new".to_owned(),
                since_us: NOON,
                until_us: None,
            };
            let item =
                (id.map(String::as_str) == Some(FLAG_ID)).then(|| serde_dynamo::to_item(flag).unwrap());
            GetItemOutput::builder().set_item(item).build()
        })
}

async fn act(write: &Rule) -> Result<Acted, StoreError> {
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&reads(), write]);
    DynamoEnforcement::new(client, "tollgate-config".to_owned()).act(&order()).await
}

/// A transaction that was cancelled: the reason of the first items, and that of each head.
fn canceled(own: &str, head: &str) -> TransactWriteItemsError {
    let reason = |code: &str| CancellationReason::builder().code(code).build();
    let mut canceled = TransactionCanceledException::builder();
    for index in 0..19 {
        canceled = canceled.cancellation_reasons(reason(if index < 3 { own } else { head }));
    }
    TransactWriteItemsError::TransactionCanceledException(canceled.build())
}

#[tokio::test]
async fn an_order_is_one_transaction_over_action_flag_restrictions_and_every_head() {
    let write = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let items = request.transact_items();
            let puts: Vec<_> = items.iter().filter_map(|item| item.put()).collect();
            let id = |index: usize| puts[index].item().get("id").and_then(|id| id.as_s().ok()).unwrap();
            let conditions: Vec<_> = puts.iter().filter_map(|put| put.condition_expression()).collect();
            let heads: Vec<_> = items.iter().filter_map(|item| item.update()).collect();
            [id(0), id(1), id(2)] == ["action#m-1", "flag#bedrock_invoke", "standing"]
                && conditions
                    == ["attribute_not_exists(id)", "since_us = :since_us", "attribute_not_exists(id)"]
                && heads.len() == 16
                && heads.iter().all(|head| head.condition_expression() == Some("attribute_exists(id)"))
                && request.client_request_token().is_some()
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());

    let Acted::Done(action) = act(&write).await.unwrap() else { panic!("it was done before") };

    assert!(action.before.flag.enabled && !action.after.flag.enabled);
}

#[tokio::test]
async fn a_table_that_was_never_seeded_is_said() {
    let write = mock!(Client::transact_write_items).then_error(|| canceled("None", "ConditionalCheckFailed"));

    let error = act(&write).await.unwrap_err();

    assert_eq!(error.cause.to_string(), "the config table was never seeded; run `tollgate config seed`");
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_is_begun_anew() {
    let write = mock!(Client::transact_write_items)
        .sequence()
        .error(|| canceled("ConditionalCheckFailed", "None"))
        .error(|| canceled("None", "TransactionConflict"))
        .error(|| {
            let inner = TransactionInProgressException::builder().build();
            TransactWriteItemsError::TransactionInProgressException(inner)
        })
        .output(|| TransactWriteItemsOutput::builder().build())
        .build();

    assert!(matches!(act(&write).await.unwrap(), Acted::Done(_)));
    assert_eq!(write.num_calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn races_without_end_are_an_error() {
    let write = mock!(Client::transact_write_items).then_error(|| canceled("TransactionConflict", "None"));

    assert_eq!(act(&write).await.unwrap_err().store, "config");
    assert_eq!(write.num_calls(), TRIES as usize);
}

#[tokio::test(start_paused = true)]
async fn every_other_service_error_means_unreachable() {
    let errors: [fn() -> TransactWriteItemsError; 6] = [
        || TransactWriteItemsError::InternalServerError(InternalServerError::builder().build()),
        || {
            let inner = ProvisionedThroughputExceededException::builder().build();
            TransactWriteItemsError::ProvisionedThroughputExceededException(inner)
        },
        || TransactWriteItemsError::RequestLimitExceeded(RequestLimitExceeded::builder().build()),
        || TransactWriteItemsError::ResourceNotFoundException(ResourceNotFoundException::builder().build()),
        || canceled("ValidationError", "None"),
        || TransactWriteItemsError::unhandled("access denied"),
    ];
    for error in errors {
        let write = mock!(Client::transact_write_items).then_error(error);

        assert_eq!(act(&write).await.unwrap_err().to_string(), "the config table cannot be reached");
    }
}
