use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::error::{
    IdempotentParameterMismatchException, InternalServerError, ProvisionedThroughputExceededException,
    RequestLimitExceeded, ResourceNotFoundException, TransactionCanceledException,
    TransactionInProgressException,
};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use tollgate_core::time::Timestamp;

use super::*;

fn off() -> Flag {
    Flag {
        enabled: false,
        who: "aws-budgets".to_owned(),
        why: "it is spent".to_owned(),
        since_us: Timestamp::from_secs(1_795_348_800),
    }
}

fn flags(client: Client) -> DynamoFlags {
    DynamoFlags::new(client, "tollgate-config".to_owned())
}

/// A transaction that was cancelled: the reason of the flag's own item, and that of each head.
fn canceled(own: &str, head: &str) -> TransactWriteItemsError {
    let reason = |code: &str| CancellationReason::builder().code(code).build();
    let mut canceled = TransactionCanceledException::builder().cancellation_reasons(reason(own));
    for _ in 0..HEAD_COPIES {
        canceled = canceled.cancellation_reasons(reason(head));
    }
    TransactWriteItemsError::TransactionCanceledException(canceled.build())
}

fn written() -> TransactWriteItemsOutput {
    TransactWriteItemsOutput::builder().build()
}

fn updates(request: &TransactWriteItemsInput) -> Vec<&Update> {
    request.transact_items().iter().filter_map(TransactWriteItem::update).collect()
}

fn writes_every_head(request: &TransactWriteItemsInput) -> bool {
    let updates = updates(request);
    let ids: Vec<&str> =
        updates.iter().filter_map(|update| update.key().get("id")?.as_s().ok()).map(String::as_str).collect();
    updates.len() == 17
        && ids[0] == "flag#bedrock_invoke"
        && ids[1] == "head#00"
        && ids[16] == "head#15"
        && request.client_request_token().is_some()
        && updates[1..].iter().all(|update| {
            update.table_name() == "tollgate-config"
                && update.update_expression() == "SET flag = :flag"
                && update.condition_expression() == Some("attribute_exists(id)")
        })
}

#[tokio::test]
async fn a_notice_stops_calls_in_one_transaction() {
    let write = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let own = updates(request)[0];
            writes_every_head(request)
                && own.update_expression()
                    == "SET enabled = :enabled, who = :who, why = :why, since_us = :since_us, \
                        message_id = :message_id"
                && own.condition_expression()
                    == Some(
                        "attribute_not_exists(id) OR (enabled = :true AND \
                         (attribute_not_exists(message_id) OR message_id <> :message_id))",
                    )
        })
        .then_output(written);

    let change = flags(mock_client!(aws_sdk_dynamodb, [&write])).set(&off(), Some("m-1")).await.unwrap();

    assert_eq!(change, FlagChange::Written);
}

#[tokio::test]
async fn a_persons_word_needs_no_condition_and_keeps_the_last_notice() {
    let write = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let own = updates(request)[0];
            writes_every_head(request)
                && own.condition_expression().is_none()
                && !own.update_expression().contains("message_id")
        })
        .then_output(written);

    let change = flags(mock_client!(aws_sdk_dynamodb, [&write])).set(&off(), None).await.unwrap();

    assert_eq!(change, FlagChange::Written);
}

#[tokio::test]
async fn a_flag_that_is_off_already_is_left_alone() {
    let write = mock!(Client::transact_write_items).then_error(|| canceled("ConditionalCheckFailed", "None"));

    let change = flags(mock_client!(aws_sdk_dynamodb, [&write])).set(&off(), Some("m-1")).await.unwrap();

    assert_eq!((change, write.num_calls()), (FlagChange::Unchanged, 1));
}

#[tokio::test]
async fn a_table_that_was_never_seeded_is_said() {
    for own in ["None", "ConditionalCheckFailed"] {
        let write =
            mock!(Client::transact_write_items).then_error(|| canceled(own, "ConditionalCheckFailed"));

        let error = flags(mock_client!(aws_sdk_dynamodb, [&write])).set(&off(), None).await.unwrap_err();

        assert_eq!(
            error.cause.to_string(),
            "the config table was never seeded; run `tollgate config seed`",
            "{own}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_tried_again() {
    let write = mock!(Client::transact_write_items)
        .sequence()
        .error(|| canceled("None", "TransactionConflict"))
        .error(|| {
            let inner = TransactionInProgressException::builder().build();
            TransactWriteItemsError::TransactionInProgressException(inner)
        })
        .output(written)
        .build();

    let change = flags(mock_client!(aws_sdk_dynamodb, [&write])).set(&off(), Some("m-1")).await.unwrap();

    assert_eq!((change, write.num_calls()), (FlagChange::Written, 3));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_without_end_is_an_error() {
    let write = mock!(Client::transact_write_items)
        .sequence()
        .error(|| canceled("TransactionConflict", "None"))
        .times(TRIES as usize)
        .build();

    let error = flags(mock_client!(aws_sdk_dynamodb, [&write])).set(&off(), None).await.unwrap_err();

    assert_eq!(error.store, "config");
    assert_eq!(write.num_calls(), TRIES as usize);
}

#[tokio::test(start_paused = true)]
async fn every_other_service_error_means_unreachable() {
    let errors: [fn() -> TransactWriteItemsError; 7] = [
        || {
            let inner = IdempotentParameterMismatchException::builder().build();
            TransactWriteItemsError::IdempotentParameterMismatchException(inner)
        },
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
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&write]);

        let error = flags(client).set(&off(), Some("m-1")).await.unwrap_err();

        assert_eq!(error.to_string(), "the config table cannot be reached");
    }
}

#[tokio::test]
async fn the_flag_is_read_consistently() {
    let get = mock!(Client::get_item)
        .match_requests(|request| {
            let id = request.key().and_then(|key| key.get("id"));
            id == Some(&AttributeValue::S("flag#bedrock_invoke".to_owned()))
                && request.consistent_read() == Some(true)
        })
        .then_output(|| {
            let item = serde_dynamo::to_item(off()).unwrap();
            GetItemOutput::builder()
                .set_item(Some(item))
                .item("message_id", AttributeValue::S("m-1".to_owned()))
                .build()
        });

    let flag = flags(mock_client!(aws_sdk_dynamodb, [&get])).read().await.unwrap();

    assert_eq!(flag, Some(off()));
}
