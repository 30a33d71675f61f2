use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::error::{
    ConditionalCheckFailedException, InternalServerError, TransactionConflictException,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use tollgate_core::caller::change::Edit;
use tollgate_core::caller::{KeyStatus, Suspension};
use tollgate_core::money::Nanos;
use tollgate_core::rate::RatePolicy;

use super::*;
use crate::key_register::row;
use crate::key_register::tests::{name, record, text};

/// A register whose row `h` is read as each of these in turn, and as the last of them from then on.
fn register(reads: &[KeyRecord], write: &Rule) -> KeyRegister {
    let query = mock!(Client::query)
        .then_output(|| QueryOutput::builder().items([(HASH.to_owned(), text("h"))].into()).build());
    let rows: Vec<Item> = reads.iter().map(|record| row("h", record).unwrap()).collect();
    let round = AtomicUsize::new(0);
    let get = mock!(Client::get_item)
        .match_requests(|request| request.consistent_read() == Some(true))
        .then_output(move || {
            let index = round.fetch_add(1, Ordering::Relaxed).min(rows.len() - 1);
            GetItemOutput::builder().set_item(Some(rows[index].clone())).build()
        });
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&query, &get, write]);
    KeyRegister::new(&client, "tollgate-keys")
}

fn day(limit: Edit<Nanos>) -> KeyChange {
    KeyChange { day: limit, ..KeyChange::default() }
}

fn written() -> UpdateItemOutput {
    UpdateItemOutput::builder().build()
}

fn lost() -> UpdateItemError {
    UpdateItemError::ConditionalCheckFailedException(ConditionalCheckFailedException::builder().build())
}

/// What the condition of a request says of an attribute.
fn condition_of(request: &UpdateItemInput, name: &str) -> Option<String> {
    let names = request.expression_attribute_names()?;
    let (place, _) = names.iter().find(|(place, found)| place.starts_with("#was") && *found == name)?;
    let mut parts = request.condition_expression()?.split(" AND ");
    let part =
        parts.find(|part| part.contains(&format!("{place})")) || part.starts_with(&format!("{place} ")))?;
    if part.starts_with("attribute_not_exists") {
        return Some("absent".to_owned());
    }
    let value = request.expression_attribute_values()?.get(&place.replace('#', ":"))?;
    Some(value.as_s().cloned().unwrap_or_else(|_| format!("{value:?}")))
}

#[tokio::test]
async fn a_change_is_one_write_of_what_is_different_over_what_was_read() {
    let write = mock!(Client::update_item)
        .match_requests(|request| {
            let values = request.expression_attribute_values().unwrap();
            request.update_expression() == Some("SET #to0 = :to0")
                && request.expression_attribute_names().unwrap()["#to0"] == "budget_day_nanos"
                && values[":to0"] == AttributeValue::N("5".to_owned())
                && condition_of(request, "status").as_deref() == Some("active")
                && condition_of(request, "user").as_deref() == Some("alice")
                && ["budget_day_nanos", "replaced_by", "suspension", "expires_at"]
                    .iter()
                    .all(|name| condition_of(request, name).as_deref() == Some("absent"))
        })
        .then_output(written);

    let update = register(&[record()], &write).update(&name("k1"), &day(Edit::Set(Nanos(5)))).await;

    let Update::Done(after) = update.unwrap() else { panic!("not changed") };
    assert_eq!(after.budget.day, Some(Nanos(5)));
    assert_eq!(write.num_calls(), 1);
}

#[tokio::test]
async fn a_limit_that_is_taken_away_is_removed() {
    let mut before = record();
    before.budget.day = Some(Nanos(5));
    before.key_rate = Some(RatePolicy { interval_us: 1, burst: 2, requests_per_day: None });
    let write = mock!(Client::update_item)
        .match_requests(|request| request.update_expression() == Some("REMOVE #to0, #to1"))
        .then_output(written);
    let change = KeyChange { key_interval_us: Edit::Clear, ..day(Edit::Clear) };

    let update = register(&[before], &write).update(&name("k1"), &change).await.unwrap();

    assert_eq!(update, Update::Done(Box::new(record())));
}

#[tokio::test]
async fn a_change_to_what_is_so_already_writes_nothing() {
    let write = mock!(Client::update_item).then_output(written);

    let update = register(&[record()], &write).update(&name("k1"), &day(Edit::Clear)).await.unwrap();

    assert_eq!(update, Update::Done(Box::new(record())));
    assert_eq!(write.num_calls(), 0);
}

/// The key is suspended, revoked or replaced between the read and the write of the change.
#[tokio::test(start_paused = true)]
async fn no_in_flight_update_resurrects_a_key() {
    let suspension = Suspension { who: "ann".to_owned(), why: "a loop".to_owned(), since: String::new() };
    let suspended = KeyRecord { status: KeyStatus::Suspended, suspension: Some(suspension), ..record() };
    let revoked = KeyRecord { status: KeyStatus::Revoked, ..record() };
    let replaced = KeyRecord { replaced_by: Some(name("k2")), expires_at: Some(7), ..record() };
    let update = async |meanwhile: &KeyRecord| {
        let write = mock!(Client::update_item)
            .match_requests(|request| {
                let names = request.expression_attribute_names().unwrap();
                let is_written =
                    |name: &str| names.iter().any(|(place, n)| place.starts_with("#to") && n == name);
                !["status", "suspension", "expires_at", "replaced_by"].into_iter().any(is_written)
            })
            .sequence()
            .error(lost)
            .output(written)
            .build();
        let register = register(&[record(), meanwhile.clone()], &write);
        (register.update(&name("k1"), &day(Edit::Set(Nanos(5)))).await.unwrap(), write.num_calls())
    };

    let (over_suspended, _) = update(&suspended).await;

    let Update::Done(after) = over_suspended else { panic!("{over_suspended:?}") };
    assert_eq!((after.status, &after.suspension), (KeyStatus::Suspended, &suspended.suspension));
    assert_eq!(update(&revoked).await, (Update::Refused(ChangeRefusal::Revoked), 1));
    let by_successor = ChangeRefusal::Replaced(name("k2"));
    assert_eq!(update(&replaced).await, (Update::Refused(by_successor), 1));
}

#[tokio::test(start_paused = true)]
async fn a_race_that_is_lost_again_and_again_is_told() {
    let conflict = || {
        let inner = TransactionConflictException::builder().build();
        UpdateItemError::TransactionConflictException(inner)
    };
    let (lost, conflict) =
        (mock!(Client::update_item).then_error(lost), mock!(Client::update_item).then_error(conflict));
    for write in [lost, conflict] {
        let update = register(&[record()], &write).update(&name("k1"), &day(Edit::Set(Nanos(5)))).await;

        assert_eq!(update.unwrap(), Update::Lost);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_race_is_an_error() {
    let broken = || UpdateItemError::InternalServerError(InternalServerError::builder().build());
    let write = mock!(Client::update_item).then_error(broken);

    let update = register(&[record()], &write).update(&name("k1"), &day(Edit::Set(Nanos(5)))).await;

    assert_eq!(update.unwrap_err().store, "keys");
}
