//! The ledger and the spend it moves, in DynamoDB.
//!
//! Money moves only in transactions that carry a `ClientRequestToken` and hold on to the record's state, so neither
//! an SDK retry after a lost reply nor a second try of ours counts twice.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use tollgate_core::budget::Budget;
use tollgate_core::idempotency::Claim;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Ledger, Reservation, StoreError, Transition};
use tollgate_core::record::{Record, spend_delta};
use tollgate_core::spend::{MONTH_ATTRIBUTE, Spent, exhausted};

use crate::claims;
use crate::contention::{is_conflict, pause, token};
use crate::store::unreachable;

const STORE: &str = "ledger";

/// How often a transaction that lost to another one is tried.
const TRIES: u32 = 8;

/// The ledger and limits tables.
#[derive(Clone, Debug)]
pub struct DynamoLedger {
    client: Client,
    ledger_table: String,
    limits_table: String,
    /// Where claims lie; without it no call can be reserved under one.
    cache_table: Option<String>,
}

/// What came of a transaction over a record and its spend item.
enum Outcome {
    Done,
    RecordMoved(Option<HashMap<String, AttributeValue>>),
    SpendRefused(Option<HashMap<String, AttributeValue>>),
    ClaimLost(Option<HashMap<String, AttributeValue>>),
    Contended,
}

impl DynamoLedger {
    /// Over these tables.
    #[must_use]
    pub const fn new(client: Client, ledger_table: String, limits_table: String) -> Self {
        Self { client, ledger_table, limits_table, cache_table: None }
    }

    /// The same, with the table in which claims lie.
    #[must_use]
    pub fn with_claims(self, cache_table: String) -> Self {
        Self { cache_table: Some(cache_table), ..self }
    }

    /// Runs a transaction; conflicts are retried with jitter, each try under its own token.
    ///
    /// A token that comes again with other contents is an error for ten minutes, in the whole account. So it follows
    /// from the contents: what is the same step counts once, and another step over the same record just loses.
    async fn transact(
        &self,
        before: Option<&Record>,
        after: &Record,
        items: Vec<TransactWriteItem>,
    ) -> Result<Outcome, StoreError> {
        let held = before.map(|before| (before.state, before.charged_nanos));
        let step = serde_json::to_string(&(&self.ledger_table, held, after)).map_err(unreachable(STORE))?;
        for attempt in 0..TRIES {
            pause(attempt).await;
            let sent = self
                .client
                .transact_write_items()
                .client_request_token(token(&[&step, &attempt.to_string()]))
                .set_transact_items(Some(items.clone()))
                .send()
                .await;
            let Err(error) = sent else { return Ok(Outcome::Done) };
            match reasons(&error) {
                [record, ..] if is_condition(record) => return Ok(Outcome::RecordMoved(record.item.clone())),
                [_, _, claim] if is_condition(claim) => return Ok(Outcome::ClaimLost(claim.item.clone())),
                [_, spend, ..] if is_condition(spend) => {
                    return Ok(Outcome::SpendRefused(spend.item.clone()));
                }
                reasons if is_conflict(reasons) => {}
                _ => return Err(unreachable(STORE)(error)),
            }
        }
        Ok(Outcome::Contended)
    }

    async fn take(
        &self,
        before: Option<&Record>,
        after: &Record,
        budget: &Budget,
        claim: Option<TransactWriteItem>,
    ) -> Result<Reservation, StoreError> {
        let charged = before.map_or(Nanos::ZERO, |before| before.charged_nanos);
        let needed = after.charged_nanos.minus(charged);
        let mut items =
            vec![self.put(before, after)?, self.add(after, i128::from(needed.0), Some((budget, needed)))?];
        items.extend(claim);
        let refusal = |spent| exhausted(&after.user_scope().to_string(), budget, spent, needed, after.day);
        if let Some(exhausted) = refusal(Spent::default()) {
            return Ok(Reservation::Refused(exhausted));
        }
        match self.transact(before, after, items).await? {
            Outcome::Done => Ok(Reservation::Granted),
            Outcome::SpendRefused(item) => {
                let spent = spent(&item.unwrap_or_default(), &after.spend_item().day_attribute);
                Ok(refusal(spent).map_or(Reservation::Contended, Reservation::Refused))
            }
            Outcome::ClaimLost(item) => {
                let standing = item.map(claims::read).transpose()?;
                Ok(standing.map_or(Reservation::Contended, |claimed| Reservation::Claimed(claimed.into())))
            }
            Outcome::RecordMoved(item) => Ok(match moved(item, after)? {
                Transition::Done => Reservation::Granted,
                Transition::Lost(_) | Transition::Missing => Reservation::Contended,
            }),
            Outcome::Contended => Ok(Reservation::Contended),
        }
    }

    /// The record, written over `before` only.
    fn put(&self, before: Option<&Record>, after: &Record) -> Result<TransactWriteItem, StoreError> {
        let (condition, names, values) = guard(before);
        let put = Put::builder()
            .table_name(&self.ledger_table)
            .set_item(Some(item_of(after)?))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unreachable(STORE))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The spend of the record's own windows, moved by `delta`; with a budget, only if it holds what is needed.
    fn add(
        &self,
        record: &Record,
        delta: i128,
        limit: Option<(&Budget, Nanos)>,
    ) -> Result<TransactWriteItem, StoreError> {
        let item = record.spend_item();
        let mut update = Update::builder()
            .table_name(&self.limits_table)
            .key("scope", AttributeValue::S(item.key))
            .update_expression("SET #expires = :expires ADD #day :delta, #month :delta")
            .expression_attribute_names("#expires", "expires_at")
            .expression_attribute_names("#day", item.day_attribute)
            .expression_attribute_names("#month", MONTH_ATTRIBUTE)
            .expression_attribute_values(":expires", number(item.expires_at))
            .expression_attribute_values(":delta", number(delta))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some((budget, needed)) = limit {
            let windows = [("#day", ":day_room", budget.day), ("#month", ":month_room", budget.month)];
            let mut conditions = Vec::new();
            for (name, value, limit) in windows {
                let Some(limit) = limit else { continue };
                conditions.push(format!("(attribute_not_exists({name}) OR {name} <= {value})"));
                update = update.expression_attribute_values(value, number(limit.minus(needed).0));
            }
            if !conditions.is_empty() {
                update = update.condition_expression(conditions.join(" AND "));
            }
        }
        let update = update.build().map_err(unreachable(STORE))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn reserve(
        &self,
        record: &Record,
        budget: &Budget,
        claim: Option<&Claim>,
    ) -> Result<Reservation, StoreError> {
        let nowhere = || StoreError { store: STORE, cause: "no table of claims is configured".into() };
        let claim = claim.map(|claim| {
            let table = self.cache_table.as_deref().ok_or_else(nowhere)?;
            claims::put(table, claim, record.created_us)
        });
        self.take(None, record, budget, claim.transpose()?).await
    }

    async fn extend(
        &self,
        before: &Record,
        after: &Record,
        budget: &Budget,
    ) -> Result<Reservation, StoreError> {
        self.take(Some(before), after, budget, None).await
    }

    async fn send(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        let (condition, names, values) = guard(Some(before));
        let sent = self
            .client
            .put_item()
            .table_name(&self.ledger_table)
            .set_item(Some(item_of(after)?))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Transition::Done),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    moved(failed.item.clone(), after)
                }
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }

    async fn close(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        let items = vec![self.put(Some(before), after)?, self.add(after, spend_delta(before, after), None)?];
        match self.transact(Some(before), after, items).await? {
            Outcome::Done => Ok(Transition::Done),
            Outcome::RecordMoved(item) => moved(item, after),
            Outcome::SpendRefused(_) | Outcome::ClaimLost(_) | Outcome::Contended => {
                Err(StoreError { store: STORE, cause: "the spend item is contended".into() })
            }
        }
    }

    async fn enter(&self, record: &Record) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.ledger_table)
            .set_item(Some(item_of(record)?))
            .send()
            .await
            .map(drop)
            .map_err(unreachable(STORE))
    }
}

type Guard = (&'static str, HashMap<String, String>, Option<HashMap<String, AttributeValue>>);

/// The condition that a record is still `before`, or not yet there: its state, and the money that it holds.
fn guard(before: Option<&Record>) -> Guard {
    let names = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, attribute)| ((*name).to_owned(), (*attribute).to_owned())).collect()
    };
    let Some(before) = before else {
        return ("attribute_not_exists(#id)", names(&[("#id", "request_id")]), None);
    };
    let values = HashMap::from([
        (":state".to_owned(), AttributeValue::S(before.state.as_str().to_owned())),
        (":charged".to_owned(), number(before.charged_nanos.0)),
    ]);
    let names = names(&[("#state", "state"), ("#charged", "charged_nanos")]);
    ("#state = :state AND #charged = :charged", names, Some(values))
}

/// A lost race, unless what stands there is what we wrote ourselves and the reply was lost.
fn moved(item: Option<HashMap<String, AttributeValue>>, after: &Record) -> Result<Transition, StoreError> {
    let Some(item) = item else { return Ok(Transition::Missing) };
    let now: Record = serde_dynamo::from_item(item).map_err(unreachable(STORE))?;
    if now == *after { Ok(Transition::Done) } else { Ok(Transition::Lost(Box::new(now))) }
}

fn item_of(record: &Record) -> Result<HashMap<String, AttributeValue>, StoreError> {
    serde_dynamo::to_item(record).map_err(unreachable(STORE))
}

fn spent(item: &HashMap<String, AttributeValue>, day_attribute: &str) -> Spent {
    let read = |name: &str| {
        let text = item.get(name).and_then(|value| value.as_n().ok());
        Nanos(text.and_then(|text| text.parse().ok()).unwrap_or_default())
    };
    Spent { day: read(day_attribute), month: read(MONTH_ATTRIBUTE) }
}

fn number<T: ToString + Copy>(value: T) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn reasons(error: &SdkError<TransactWriteItemsError>) -> &[CancellationReason] {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}

fn is_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

#[cfg(test)]
mod tests;
