use std::time::Duration;

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::CancellationReason;
use aws_sdk_dynamodb::types::error::{
    ConditionalCheckFailedException, InternalServerError, ResourceNotFoundException,
    TransactionCanceledException, TransactionConflictException,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::caller::Role;
use tollgate_core::rate::RatePolicy;
use tollgate_core::time::Timestamp;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn record() -> KeyRecord {
    KeyRecord {
        key_id: name("k1"),
        user: name("alice"),
        team: name("search"),
        tenant: name("default"),
        role: Role::Caller,
        status: KeyStatus::Active,
        rate: RatePolicy { interval_us: 100_000, burst: 20, requests_per_day: None },
        key_rate: None,
        plan: None,
        budget: Budget::default(),
        flow: FlowPolicy::default(),
        models: Vec::new(),
        output: tollgate_core::output_policy::OutputPolicy::default(),
        sharing: tollgate_core::cache::Sharing::default(),
        created_at: "2026-11-22T10:00:00Z".to_owned(),
        expires_at: None,
        tags: tollgate_core::key::tag::Tags::new(),
        replaces: None,
        replaced_by: None,
        suspension: None,
    }
}

/// A register whose index leads `k1` to the row `h`, which holds this record.
fn register(record: &KeyRecord, write: &Rule) -> KeyRegister {
    let query = mock!(Client::query)
        .match_requests(|request| request.index_name() == Some(BY_ID))
        .then_output(|| QueryOutput::builder().items([(HASH.to_owned(), text("h"))].into()).build());
    let row = row("h", record).unwrap();
    let get = mock!(Client::get_item)
        .match_requests(|request| request.consistent_read() == Some(true))
        .then_output(move || GetItemOutput::builder().set_item(Some(row.clone())).build());
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&query, &get, write]);
    KeyRegister::new(&client, "tollgate-keys")
}

async fn revoke(update: &Rule) -> Result<Revocation, StoreError> {
    register(&record(), update).revoke(&name("k1")).await
}

async fn suspend(update: &Rule) -> Result<Switch, StoreError> {
    let suspension = Suspension { who: "ann".to_owned(), why: "a loop".to_owned(), since: NOW.to_string() };
    register(&record(), update).suspend(&name("k1"), &suspension).await
}

async fn resume(update: &Rule) -> Result<Switch, StoreError> {
    register(&record(), update).resume(&name("k1")).await
}

async fn rotate(record: &KeyRecord, write: &Rule) -> Result<Rotation, StoreError> {
    let id = name("k2");
    let successor = Successor { id: &id, hash: "h2" };
    register(record, write).rotate(&name("k1"), successor, Duration::from_secs(60), NOW).await
}

/// The condition of an update fails on a row of this status, or on none.
fn refused(status: Option<&'static str>) -> Rule {
    mock!(Client::update_item).then_error(move || {
        let item = status.map(|status| [("status".to_owned(), text(status))].into());
        let failed = ConditionalCheckFailedException::builder().set_item(item).build();
        UpdateItemError::ConditionalCheckFailedException(failed)
    })
}

fn missing_table() -> Rule {
    mock!(Client::update_item).then_error(|| {
        UpdateItemError::ResourceNotFoundException(ResourceNotFoundException::builder().build())
    })
}

fn cancelled(codes: [&'static str; 2]) -> Rule {
    mock!(Client::transact_write_items).then_error(move || {
        let reasons = codes.map(|code| CancellationReason::builder().code(code).build());
        let cancelled = TransactionCanceledException::builder();
        let cancelled = cancelled.set_cancellation_reasons(Some(reasons.into())).build();
        TransactWriteItemsError::TransactionCanceledException(cancelled)
    })
}

#[tokio::test]
async fn a_key_is_revoked_by_its_hash() {
    let update = mock!(Client::update_item)
        .match_requests(|request| {
            request.key().and_then(|key| key.get(HASH)) == Some(&text("h"))
                && request.expression_attribute_values().and_then(|values| values.get(":revoked"))
                    == Some(&text("revoked"))
        })
        .then_output(|| UpdateItemOutput::builder().build());

    assert_eq!(revoke(&update).await.unwrap(), Revocation::Done);
}

#[tokio::test]
async fn a_condition_that_fails_says_that_it_was_revoked_before() {
    assert_eq!(revoke(&refused(None)).await.unwrap(), Revocation::Already);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_at_work_keeps_nobody_from_a_revocation() {
    let conflict = || {
        let inner = TransactionConflictException::builder().build();
        UpdateItemError::TransactionConflictException(inner)
    };
    let update = mock!(Client::update_item)
        .sequence()
        .error(conflict)
        .times(2)
        .output(|| UpdateItemOutput::builder().build())
        .build();

    assert_eq!(revoke(&update).await.unwrap(), Revocation::Done);
    assert_eq!(update.num_calls(), 3);
}

#[tokio::test]
async fn every_other_error_is_no_change() {
    assert_eq!(revoke(&missing_table()).await.unwrap_err().store, "keys");
    assert_eq!(suspend(&missing_table()).await.unwrap_err().store, "keys");
    assert_eq!(resume(&missing_table()).await.unwrap_err().store, "keys");
}

#[tokio::test]
async fn only_an_active_key_is_suspended_and_only_a_suspended_one_resumed() {
    let from = |from: &'static str, to: &'static str| {
        mock!(Client::update_item)
            .match_requests(move |request| {
                let values = request.expression_attribute_values().unwrap();
                request.condition_expression() == Some("#status = :from")
                    && (&values[":from"], &values[":to"]) == (&text(from), &text(to))
            })
            .then_output(|| UpdateItemOutput::builder().build())
    };

    assert_eq!(suspend(&from("active", "suspended")).await.unwrap(), Switch::Done);
    assert_eq!(resume(&from("suspended", "active")).await.unwrap(), Switch::Done);
}

#[tokio::test]
async fn a_switch_that_is_refused_says_what_the_key_is() {
    assert_eq!(suspend(&refused(Some("suspended"))).await.unwrap(), Switch::Already);
    assert_eq!(resume(&refused(Some("active"))).await.unwrap(), Switch::Already);
    for outcome in [suspend(&refused(Some("revoked"))).await, resume(&refused(Some("revoked"))).await] {
        assert_eq!(outcome.unwrap(), Switch::Revoked);
    }
    assert_eq!(suspend(&refused(None)).await.unwrap(), Switch::Unknown);
    assert_eq!(resume(&refused(None)).await.unwrap(), Switch::Unknown);
}

#[tokio::test]
async fn a_rotation_is_one_transaction_of_both_keys() {
    let write = mock!(Client::transact_write_items)
        .match_requests(|request: &TransactWriteItemsInput| {
            let [new, old] = request.transact_items() else { return false };
            let (put, update) = (new.put().unwrap(), old.update().unwrap());
            let values = update.expression_attribute_values().unwrap();
            request.client_request_token().is_some()
                && put.condition_expression() == Some("attribute_not_exists(#hash)")
                && put.item().get("replaces") == Some(&text("k1"))
                && put.item().get(HASH) == Some(&text("h2"))
                && values.get(":end") == Some(&AttributeValue::N((NOW.as_secs() + 60).to_string()))
                && values.get(":successor") == Some(&text("k2"))
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());

    let Rotation::Done(rotated) = rotate(&record(), &write).await.unwrap() else { panic!("not rotated") };

    assert_eq!((rotated.old.replaced_by, rotated.new.replaces), (Some(name("k2")), Some(name("k1"))));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_changes_again_and_again_after_it_was_read_is_a_lost_race() {
    for code in ["ConditionalCheckFailed", "TransactionConflict"] {
        let write = cancelled(["None", code]);

        assert_eq!(rotate(&record(), &write).await.unwrap(), Rotation::Lost);
        assert_eq!(write.num_calls(), 5, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_race_is_an_error() {
    let broken = || TransactWriteItemsError::InternalServerError(InternalServerError::builder().build());
    let broken = mock!(Client::transact_write_items).then_error(broken);
    for write in
        [cancelled(["ConditionalCheckFailed", "None"]), cancelled(["None", "ThrottlingError"]), broken]
    {
        assert_eq!(rotate(&record(), &write).await.unwrap_err().store, "keys");
        assert_eq!(write.num_calls(), 1);
    }
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_written() {
    let write = cancelled(["None", "None"]);
    let revoked = KeyRecord { status: KeyStatus::Revoked, ..record() };

    let outcome = rotate(&revoked, &write).await.unwrap();

    assert_eq!(outcome, Rotation::Refused(tollgate_core::caller::rotation::RotationRefusal::Revoked));
    assert_eq!(write.num_calls(), 0);
}
