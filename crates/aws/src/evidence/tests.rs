use std::collections::HashMap;

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::types::CancellationReason;
use aws_sdk_dynamodb::types::error::{
    InternalServerError, TransactionCanceledException, TransactionInProgressException,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use tollgate_core::semantic::evidence::Observation;
use tollgate_core::semantic::score::{Score, score};
use tollgate_core::semantic::similarity::Similarity;

use super::*;

fn observation(millionths: i32) -> Observation {
    let similarity = Similarity::from_millionths(millionths);
    let score: Score = score(0, similarity, &Histogram::default(), &Pool::default());
    Observation { similarity, apart: 0, score, is_right: true }
}

fn noting<'a>(observation: &'a Observation) -> Noting<'a> {
    Noting { token: "r-1", entry: "abc", pool: "acme/route", observation, expires_at: 77 }
}

fn evidence(rules: &[&Rule]) -> DynamoEvidence {
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, rules, |config| config
        .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled()));
    DynamoEvidence::new(client, "cache".to_owned())
}

fn cancelled(code: &'static str) -> TransactWriteItemsError {
    let reasons = [CancellationReason::builder().code("None"), CancellationReason::builder().code(code)];
    let reasons = reasons.into_iter().map(|reason| reason.build()).collect();
    TransactWriteItemsError::TransactionCanceledException(
        TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build(),
    )
}

#[tokio::test]
async fn an_observation_is_one_transaction_over_both_items() {
    let write = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let items = request.transact_items().iter().filter_map(TransactWriteItem::update);
            let said: Vec<_> = items
                .map(|update| {
                    let key = update.key()["cacheKey"].as_s().cloned().unwrap_or_default();
                    let mut names: Vec<_> =
                        update.expression_attribute_names().into_iter().flat_map(HashMap::values).collect();
                    names.sort();
                    format!("{key}: {} {names:?}", update.update_expression())
                })
                .collect();
            let counters = attributes(&observation(950_000)).unwrap();
            let [pair, grade] = &counters.pool;
            let mut pool = [pair, grade];
            pool.sort();
            let expires = ["expiresAt", &counters.entry];
            request.client_request_token() == Some(&token(&["learned", "cache", "r-1"]))
                && said
                    == [
                        format!("learned#abc: ADD #c0 :one SET #expires = :expires {expires:?}"),
                        format!("learned#pool#acme/route: ADD #c0 :one, #c1 :one {pool:?}"),
                    ]
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());

    evidence(&[&write]).note(&noting(&observation(950_000))).await.unwrap();

    assert_eq!(write.num_calls(), 1);
}

#[tokio::test]
async fn what_is_too_far_away_is_not_noted() {
    let write =
        mock!(Client::transact_write_items).then_output(|| TransactWriteItemsOutput::builder().build());

    evidence(&[&write]).note(&noting(&observation(699_999))).await.unwrap();

    assert_eq!(write.num_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_loses_to_others_tries_again() {
    let conflict = mock!(Client::transact_write_items).then_error(|| cancelled("TransactionConflict"));
    let in_progress = mock!(Client::transact_write_items).then_error(|| {
        TransactWriteItemsError::TransactionInProgressException(
            TransactionInProgressException::builder().build(),
        )
    });
    let done =
        mock!(Client::transact_write_items).then_output(|| TransactWriteItemsOutput::builder().build());

    evidence(&[&conflict, &in_progress, &done]).note(&noting(&observation(950_000))).await.unwrap();

    assert_eq!(done.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_always_loses_gives_up() {
    let conflict = mock!(Client::transact_write_items)
        .sequence()
        .error(|| cancelled("TransactionConflict"))
        .times(20)
        .build();

    let error = evidence(&[&conflict]).note(&noting(&observation(950_000))).await.unwrap_err();

    assert_eq!((error.store, conflict.num_calls()), ("cache", 6));
}

#[tokio::test]
async fn other_errors_are_told_at_once() {
    let throttled = mock!(Client::transact_write_items).then_error(|| cancelled("ThrottlingError"));
    let broken = mock!(Client::transact_write_items)
        .then_error(|| TransactWriteItemsError::InternalServerError(InternalServerError::builder().build()));

    for rule in [throttled, broken] {
        let error = evidence(&[&rule]).note(&noting(&observation(950_000))).await.unwrap_err();
        assert_eq!((error.store, rule.num_calls()), ("cache", 1));
    }
}

#[tokio::test]
async fn attributes_that_are_no_counters_are_passed_over() {
    let item = HashMap::from([
        ("cacheKey".to_owned(), AttributeValue::S("learned#abc".to_owned())),
        ("expiresAt".to_owned(), AttributeValue::N("77".to_owned())),
        ("r0".to_owned(), AttributeValue::N("3".to_owned())),
        ("r1".to_owned(), AttributeValue::N("-3".to_owned())),
        ("r2".to_owned(), AttributeValue::N("0.5".to_owned())),
        ("r3".to_owned(), AttributeValue::S("3".to_owned())),
    ]);
    let get = mock!(Client::get_item)
        .match_requests(|request| {
            let key = request.key().and_then(|key| key.get("cacheKey"));
            key == Some(&AttributeValue::S("learned#abc".to_owned()))
        })
        .then_output(move || GetItemOutput::builder().set_item(Some(item.clone())).build());

    let histogram = evidence(&[&get]).of_entry("abc").await.unwrap();

    assert_eq!(histogram, Histogram::from_attributes([("r0", 3)]));
}
