use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::error::{
    ConditionalCheckFailedException, InternalServerError, ItemCollectionSizeLimitExceededException,
    ProvisionedThroughputExceededException, ReplicatedWriteConflictException, RequestLimitExceeded,
    ResourceNotFoundException, TransactionConflictException,
};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use tollgate_core::rate::{Never, RateRefusal, RateStanding};

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);
const POLICY: RatePolicy = RatePolicy { interval_us: 1_000_000, burst: 3, requests_per_day: None };

type Item = HashMap<String, AttributeValue>;

fn item(tat: Timestamp, today: u64, last: &str) -> Item {
    HashMap::from([
        ("tat".to_owned(), number(tat.as_micros())),
        ("d20261122".to_owned(), number(today)),
        ("last".to_owned(), AttributeValue::S(last.to_owned())),
    ])
}

fn written(tat: Timestamp) -> UpdateItemOutput {
    UpdateItemOutput::builder().set_attributes(Some(item(tat, 1, "call"))).build()
}

fn lost_to(item: Item) -> UpdateItemError {
    UpdateItemError::ConditionalCheckFailedException(
        ConditionalCheckFailedException::builder().set_item(Some(item)).build(),
    )
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn is_write_a(request: &UpdateItemInput) -> bool {
    let value = |name: &str| request.expression_attribute_values().and_then(|values| values.get(name));
    request.table_name() == Some("user-rate-limits")
        && request.key().and_then(|key| key.get("scope"))
            == Some(&AttributeValue::S("rate#acme/alice".to_owned()))
        && request.condition_expression()
            == Some(
                "(attribute_not_exists(tat) OR tat <= :now) AND \
                 (attribute_not_exists(#last) OR #last <> :id)",
            )
        && request.update_expression()
            == Some(
                "SET tat = :tat, #last = :id, expires_at = :expires_at ADD d20261122 :units \
                 REMOVE d20261121, d20261120, d20261119, d20261118, d20261117",
            )
        && value(":tat") == Some(&number(NOON.plus(secs(1)).as_micros()))
        && value(":expires_at") == Some(&number(NOON.as_secs() + 3 + 3 * 86_400))
        && request.return_values_on_condition_check_failure()
            == Some(&ReturnValuesOnConditionCheckFailure::AllOld)
}

fn is_write_b(request: &UpdateItemInput) -> bool {
    let value = |name: &str| request.expression_attribute_values().and_then(|values| values.get(name));
    request.condition_expression()
        == Some("tat > :now AND tat <= :horizon AND (attribute_not_exists(#last) OR #last <> :id)")
        && request
            .update_expression()
            .is_some_and(|update| update.starts_with("SET tat = tat + :advance, #last = :id"))
        && value(":horizon") == Some(&number(NOON.plus(secs(2)).as_micros()))
}

async fn take(client: Client, policy: &RatePolicy) -> Result<Taken, StoreError> {
    take_units(client, policy, Units::ONE).await
}

async fn take_units(client: Client, policy: &RatePolicy, units: Units) -> Result<Taken, StoreError> {
    rates(client).take("acme/alice", policy, Take { units, request_id: "call", now: NOON }).await
}

fn rates(client: Client) -> DynamoRates {
    DynamoRates::new(client, "user-rate-limits".to_owned())
}

fn admitted(tat: Timestamp) -> Taken {
    let state = RateState { tat: Some(tat), ..RateState::default() };
    Taken::Admitted(POLICY.standing(&state, NOON))
}

#[tokio::test]
async fn an_idle_user_costs_one_write() {
    let a = mock!(Client::update_item).match_requests(is_write_a).then_output(|| written(NOON.plus(secs(1))));

    let taken = take(mock_client!(aws_sdk_dynamodb, [&a]), &POLICY).await.unwrap();

    assert_eq!(taken, admitted(NOON.plus(secs(1))));
    assert_eq!(a.num_calls(), 1);
}

#[tokio::test]
async fn a_busy_user_costs_two_writes() {
    let a = mock!(Client::update_item)
        .match_requests(is_write_a)
        .then_error(|| lost_to(item(NOON.plus(secs(1)), 1, "other")));
    let b = mock!(Client::update_item).match_requests(is_write_b).then_output(|| written(NOON.plus(secs(2))));

    let taken = take(mock_client!(aws_sdk_dynamodb, [&a, &b]), &POLICY).await.unwrap();

    assert_eq!(taken, admitted(NOON.plus(secs(2))));
}

#[tokio::test]
async fn a_refused_user_costs_one_write_and_is_told_how_long() {
    let a = mock!(Client::update_item).then_error(|| lost_to(item(NOON.plus(secs(5)), 5, "other")));

    let taken = take(mock_client!(aws_sdk_dynamodb, [&a]), &POLICY).await.unwrap();

    let standing = RateStanding { limit: 3, remaining: 0, reset: secs(5) };
    assert_eq!(taken, Taken::Refused(RateRefusal::Rate { retry_after: secs(3), standing }));
    assert_eq!(a.num_calls(), 1);
}

#[tokio::test]
async fn a_write_whose_reply_was_lost_counts_once() {
    let a = mock!(Client::update_item).then_error(|| lost_to(item(NOON.plus(secs(1)), 1, "call")));

    let taken = take(mock_client!(aws_sdk_dynamodb, [&a]), &POLICY).await.unwrap();

    assert_eq!(taken, admitted(NOON.plus(secs(1))));
    assert_eq!(a.num_calls(), 1);
}

#[tokio::test]
async fn the_days_requests_are_counted_in_the_same_write() {
    let policy = RatePolicy { requests_per_day: Some(7), ..POLICY };
    let a = mock!(Client::update_item)
        .match_requests(|request| {
            let limit = request.expression_attribute_values().and_then(|values| values.get(":room"));
            request.condition_expression().is_some_and(|condition| {
                condition.ends_with(" AND (attribute_not_exists(d20261122) OR d20261122 <= :room)")
            }) && limit == Some(&number(6))
        })
        .then_error(|| lost_to(item(NOON, 7, "other")));

    let taken = take(mock_client!(aws_sdk_dynamodb, [&a]), &policy).await.unwrap();

    let retry_after = secs(43_200);
    let standing = RateStanding { limit: 7, remaining: 0, reset: retry_after };
    assert_eq!(taken, Taken::Refused(RateRefusal::Day { retry_after, standing }));
}

#[tokio::test]
async fn a_day_of_no_requests_writes_nothing() {
    let policy = RatePolicy { requests_per_day: Some(0), ..POLICY };
    let a = mock!(Client::update_item).then_output(|| written(NOON));

    let taken = take(mock_client!(aws_sdk_dynamodb, [&a]), &policy).await.unwrap();

    let never = RateRefusal::Never { units: Units::ONE, limit: Never::Day(0) };
    assert_eq!(taken, Taken::Refused(never));
    assert_eq!(a.num_calls(), 0);
}

#[tokio::test]
async fn a_dear_call_moves_the_rate_and_the_day_by_all_its_units() {
    let units = Units::new(2).unwrap();
    let value = |request: &UpdateItemInput, name: &str| {
        request.expression_attribute_values().and_then(|values| values.get(name)).cloned()
    };
    let a = mock!(Client::update_item)
        .match_requests(move |request| {
            value(request, ":tat") == Some(number(NOON.plus(secs(2)).as_micros()))
                && value(request, ":units") == Some(number(2))
        })
        .then_error(|| lost_to(item(NOON.plus(secs(1)), 1, "other")));
    let b = mock!(Client::update_item)
        .match_requests(move |request| {
            value(request, ":horizon") == Some(number(NOON.plus(secs(1)).as_micros()))
                && value(request, ":advance") == Some(number(2_000_000))
        })
        .then_output(|| written(NOON.plus(secs(3))));

    let taken = take_units(mock_client!(aws_sdk_dynamodb, [&a, &b]), &POLICY, units).await.unwrap();

    assert_eq!(taken, admitted(NOON.plus(secs(3))));
}

#[tokio::test]
async fn a_taking_is_given_back_over_its_own_mark_only() {
    let is_undo = |request: &UpdateItemInput| {
        request.condition_expression() == Some("#last = :id")
            && request.update_expression()
                == Some("SET tat = tat - :advance, d20261122 = d20261122 - :units REMOVE #last")
    };
    let done = mock!(Client::update_item).match_requests(is_undo).then_output(|| written(NOON));
    let lost = mock!(Client::update_item)
        .match_requests(is_undo)
        .then_error(|| lost_to(item(NOON.plus(secs(2)), 2, "other")));
    let take = Take { units: Units::ONE, request_id: "call", now: NOON };

    for rule in [&done, &lost] {
        let rates = rates(mock_client!(aws_sdk_dynamodb, [rule]));
        assert!(rates.give_back("key#k1", &POLICY, take).await.is_ok());
        assert_eq!(rule.num_calls(), 1);
    }
}

#[tokio::test]
async fn a_race_that_is_lost_again_and_again_is_given_up() {
    let lost = mock!(Client::update_item)
        .sequence()
        .error(|| lost_to(item(NOON.plus(secs(1)), 1, "other")))
        .times(usize::from(ROUNDS))
        .build();

    let error = take(mock_client!(aws_sdk_dynamodb, [&lost]), &POLICY).await.unwrap_err();

    assert_eq!(error.cause.to_string(), "the rate item changed in each of 5 rounds");
}

#[tokio::test]
async fn an_item_that_cannot_be_read_admits_nobody() {
    for name in ["tat", "d20261122"] {
        let mut broken = item(NOON.plus(secs(1)), 1, "other");
        broken.insert(name.to_owned(), AttributeValue::S("soon".to_owned()));
        let a = mock!(Client::update_item).then_error(move || lost_to(broken.clone()));

        let error = take(mock_client!(aws_sdk_dynamodb, [&a]), &POLICY).await.unwrap_err();

        assert_eq!(error.cause.to_string(), format!("the attribute {name} of the rate item cannot be read"));
    }
}

#[tokio::test(start_paused = true)]
async fn every_other_service_error_means_unreachable() {
    let errors: [fn() -> UpdateItemError; 8] = [
        || UpdateItemError::InternalServerError(InternalServerError::builder().build()),
        || {
            let inner = ItemCollectionSizeLimitExceededException::builder().build();
            UpdateItemError::ItemCollectionSizeLimitExceededException(inner)
        },
        || {
            let inner = ProvisionedThroughputExceededException::builder().build();
            UpdateItemError::ProvisionedThroughputExceededException(inner)
        },
        || {
            let inner = ReplicatedWriteConflictException::builder().build();
            UpdateItemError::ReplicatedWriteConflictException(inner)
        },
        || UpdateItemError::RequestLimitExceeded(RequestLimitExceeded::builder().build()),
        || UpdateItemError::ResourceNotFoundException(ResourceNotFoundException::builder().build()),
        || UpdateItemError::TransactionConflictException(TransactionConflictException::builder().build()),
        || UpdateItemError::unhandled("access denied"),
    ];
    for error in errors {
        let a = mock!(Client::update_item).then_error(error);

        let refused = take(mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&a]), &POLICY).await;

        assert_eq!(refused.unwrap_err().to_string(), "the limits table cannot be reached");
    }
}
