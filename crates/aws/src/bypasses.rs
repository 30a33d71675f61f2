//! Model calls that went past the gateway, counted in the rollups table.
//!
//! A call and the marker of its event are written together or not at all, because `EventBridge` delivers at least once. What of
//! the count is not yet in the metric follows from the day's item, so a metric that could not be put is put later.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use serde::Deserialize;
use serde_dynamo::aws_sdk_dynamodb_1::from_item;
use tollgate_core::bypass::ModelCall;
use tollgate_core::ports::StoreError;
use tollgate_core::rollup::{expires_at, marker_expires_at};
use tollgate_core::time::{Day, Timestamp};

use crate::contention::{is_conflict, pause};
use crate::store::unreachable;

const STORE: &str = "rollups";

/// The item of each day's count.
const ALL: &str = "bypass";

/// How often a transaction is tried that lost to another one.
const TRIES: u32 = 8;

/// The counts of such calls.
#[derive(Clone, Debug)]
pub struct Bypasses {
    client: Client,
    table: String,
}

/// Whether a call was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It was.
    Now,
    /// It had been before: its event came again.
    Before,
}

/// The calls of a principal on a day.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PrincipalCalls {
    /// Who called.
    #[serde(rename = "day")]
    pub principal: String,
    /// How often.
    pub calls: u64,
}

/// A day's count, and what of it is in the metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DayCount {
    /// Calls.
    pub calls: u64,
    /// Those that are in the metric.
    pub published: u64,
}

impl Bypasses {
    /// In the rollups table of that name.
    #[must_use]
    pub fn new(client: &Client, table: &str) -> Self {
        Self { client: client.clone(), table: table.to_owned() }
    }

    /// Counts a call on the day of its arrival, once.
    pub async fn count(&self, call: &ModelCall, now: Timestamp) -> Result<Counted, StoreError> {
        for attempt in 0..TRIES {
            pause(attempt).await;
            let items = self.writes(call, now).map_err(unreachable(STORE))?;
            let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
            let Err(error) = sent else { return Ok(Counted::Now) };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled.cancellation_reasons()
                }
                _ => &[],
            };
            // Only the marker has a condition.
            if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
                return Ok(Counted::Before);
            }
            if !is_conflict(reasons) {
                return Err(unreachable(STORE)(error));
            }
        }
        Err(StoreError { store: STORE, cause: "others were faster, again and again".into() })
    }

    /// The count of a day.
    pub async fn day(&self, day: Day) -> Result<DayCount, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("scope", text(ALL))
            .key("day", text(day.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        found.item.map_or_else(|| Ok(DayCount::default()), from_item).map_err(unreachable(STORE))
    }

    /// Who made the calls of a day.
    pub async fn principals(&self, day: Day) -> Result<Vec<PrincipalCalls>, StoreError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#scope = :scope")
            .expression_attribute_names("#scope", "scope")
            .expression_attribute_values(":scope", text(by_principal(day)))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut principals = Vec::new();
        while let Some(item) = items.next().await {
            principals.push(from_item(item.map_err(unreachable(STORE))?).map_err(unreachable(STORE))?);
        }
        Ok(principals)
    }

    /// Notes that so many calls of a day are in the metric.
    pub async fn note_published(&self, day: Day, calls: u64) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("scope", text(ALL))
            .key("day", text(day.to_string()))
            .update_expression("SET #published = :calls")
            .expression_attribute_names("#published", "published")
            .expression_attribute_values(":calls", AttributeValue::N(calls.to_string()))
            .send()
            .await
            .map_err(unreachable(STORE))?;
        Ok(())
    }

    fn writes(&self, call: &ModelCall, now: Timestamp) -> Result<Vec<TransactWriteItem>, BuildError> {
        let day = now.day();
        let marker = Put::builder()
            .table_name(&self.table)
            .item("scope", text(format!("seen#bypass#{}", call.event_id)))
            .item("day", text(ALL))
            .item("expires_at", AttributeValue::N(marker_expires_at(now).to_string()))
            .condition_expression("attribute_not_exists(#scope)")
            .expression_attribute_names("#scope", "scope")
            .build()?;
        Ok(vec![
            TransactWriteItem::builder().put(marker).build(),
            self.add_one(ALL.to_owned(), day.to_string(), day)?,
            self.add_one(by_principal(day), call.principal.clone(), day)?,
        ])
    }

    fn add_one(&self, scope: String, range: String, day: Day) -> Result<TransactWriteItem, BuildError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("scope", text(scope))
            .key("day", text(range))
            .update_expression("SET #expires_at = :expires_at ADD #calls :one")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_names("#calls", "calls")
            .expression_attribute_values(":expires_at", AttributeValue::N(expires_at(day).to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn by_principal(day: Day) -> String {
    format!("{ALL}#{day}")
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

    fn call() -> ModelCall {
        ModelCall {
            event_id: "e-1".to_owned(),
            principal: "arn:aws:iam::1:user/eve".to_owned(),
            account: "1".to_owned(),
            region: "us-east-1".to_owned(),
            operation: "Converse".to_owned(),
            model: None,
            refusal: None,
        }
    }

    fn cancelled(code: &'static str) -> Rule {
        mock!(Client::transact_write_items).then_error(move || {
            let reason = CancellationReason::builder().code(code).build();
            let error = TransactionCanceledException::builder().cancellation_reasons(reason).build();
            TransactWriteItemsError::TransactionCanceledException(error)
        })
    }

    fn done() -> Rule {
        mock!(Client::transact_write_items)
            .match_requests(|request| {
                let [marker, all, principal] = request.transact_items() else { return false };
                let key = |item: &TransactWriteItem| {
                    let key = item.update().unwrap().key();
                    (key["scope"].clone(), key["day"].clone())
                };
                marker.put().unwrap().item()["scope"] == text("seen#bypass#e-1")
                    && marker.put().unwrap().condition_expression().is_some()
                    && key(all) == (text("bypass"), text("2026-11-22"))
                    && key(principal) == (text("bypass#2026-11-22"), text("arn:aws:iam::1:user/eve"))
            })
            .then_output(|| TransactWriteItemsOutput::builder().build())
    }

    fn bypasses(rules: &[&Rule]) -> Bypasses {
        Bypasses::new(&mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, rules), "rollups")
    }

    #[tokio::test]
    async fn a_call_is_counted_with_the_marker_of_its_event() {
        assert_eq!(bypasses(&[&done()]).count(&call(), NOW).await.unwrap(), Counted::Now);
    }

    #[tokio::test]
    async fn an_event_that_comes_again_counts_nothing() {
        let seen = cancelled("ConditionalCheckFailed");

        assert_eq!(bypasses(&[&seen]).count(&call(), NOW).await.unwrap(), Counted::Before);
    }

    #[tokio::test]
    async fn a_lost_race_is_run_again() {
        let (conflict, done) = (cancelled("TransactionConflict"), done());

        assert_eq!(bypasses(&[&conflict, &done]).count(&call(), NOW).await.unwrap(), Counted::Now);
    }

    #[tokio::test]
    async fn a_table_that_fails_is_unreachable() {
        let error = bypasses(&[&cancelled("ThrottlingError")]).count(&call(), NOW).await.unwrap_err();

        assert_eq!(error.to_string(), "the rollups table cannot be reached");
    }

    #[tokio::test]
    async fn a_day_without_such_calls_has_none() {
        let get = mock!(Client::get_item).then_output(|| GetItemOutput::builder().build());

        assert_eq!(bypasses(&[&get]).day(NOW.day()).await.unwrap(), DayCount::default());
    }
}
