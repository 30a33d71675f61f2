//! Flag, restrictions and the audit trail in the config table.
//!
//! An order is one transaction: the flag's item, the restrictions' item, all copies of the head that every call reads, and
//! the action's item, whose key is the order's id, so that an order is carried out once. No copy says otherwise than the
//! others for longer than its reader may keep it, and nothing happens that the audit trail does not know.

mod writes;

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tollgate_core::enforcement::{Action, LockReport, Order, Standing, State};
use tollgate_core::ports::{Acted, Enforcement, Settings, StoreError};
use tollgate_core::settings::{ACTION_PREFIX, Document, FLAG_ID, Flag, STANDING_ID};

use crate::contention::pause;
use crate::settings::DynamoSettings;
use crate::store::unreachable;

const STORE: &str = "config";
/// How often a transaction that lost to another one is tried.
const TRIES: u32 = 8;

type Item = HashMap<String, AttributeValue>;

/// Enforcement in `DynamoDB`.
#[derive(Clone, Debug)]
pub struct DynamoEnforcement {
    client: Client,
    table: String,
}

/// Why nothing could be written although the table answers.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the config table was never seeded; run `tollgate config seed`")]
    Unseeded,
    #[error("the action cannot be written as an item")]
    Unwritable(#[from] serde_dynamo::Error),
    #[error("the transaction could not be put together")]
    Incomplete(#[from] aws_sdk_dynamodb::error::BuildError),
}

/// The restrictions' item.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StandingItem {
    /// Grows with each write.
    pub(crate) revision: u64,
    pub(crate) standing: Standing,
}

/// What a failed transaction leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Retry,
    Seed,
    GiveUp,
}

impl DynamoEnforcement {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Flag and restrictions as they were written last; `None` where nothing ever was.
    pub async fn state(&self) -> Result<Option<State>, StoreError> {
        let Some(flag) = self.read(FLAG_ID).await? else { return Ok(None) };
        Ok(Some(State { flag, standing: self.standing_item().await?.standing }))
    }

    /// The audit trail, the latest action first. It reads the whole table, which only an operator may wait for.
    pub async fn actions(&self) -> Result<Vec<Action>, StoreError> {
        let mut items = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(id, :prefix)")
            .expression_attribute_values(":prefix", AttributeValue::S(ACTION_PREFIX.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut actions: Vec<Action> = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(unreachable(STORE))?;
            actions.push(serde_dynamo::from_item(item).map_err(unreachable(STORE))?);
        }
        actions.sort_by(|a, b| (b.at_us, &b.id).cmp(&(a.at_us, &a.id)));
        Ok(actions)
    }

    async fn standing_item(&self) -> Result<StandingItem, StoreError> {
        Ok(self.read(STANDING_ID).await?.unwrap_or_default())
    }

    async fn read<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        found.item.map(serde_dynamo::from_item).transpose().map_err(unreachable(STORE))
    }
}

#[async_trait]
impl Enforcement for DynamoEnforcement {
    async fn policy(&self) -> Result<Option<String>, StoreError> {
        DynamoSettings::new(self.client.clone(), self.table.clone()).document(Document::Enforcement).await
    }

    async fn standing(&self) -> Result<Standing, StoreError> {
        Ok(self.standing_item().await?.standing)
    }

    async fn act(&self, order: &Order) -> Result<Acted, StoreError> {
        let mut attempt = 0;
        loop {
            pause(attempt).await;
            if let Some(before) = self.read(&action_id(&order.id)).await? {
                return Ok(Acted::Before(Box::new(before)));
            }
            let flag: Option<Flag> = self.read(FLAG_ID).await?;
            let flag = flag.ok_or(Fault::Unseeded).map_err(unreachable(STORE))?;
            let StandingItem { revision, standing } = self.standing_item().await?;
            let action = order.action(&State { flag, standing });
            let writes = self.writes(&action, revision).map_err(unreachable(STORE))?;
            // The client gives each of these calls a ClientRequestToken, and keeps it when it repeats one.
            let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
            let Err(error) = sent else { return Ok(Acted::Done(Box::new(action))) };
            attempt += 1;
            match error.as_service_error().map_or(Next::GiveUp, next) {
                Next::Seed => return Err(unreachable(STORE)(Fault::Unseeded)),
                Next::Retry if attempt < TRIES => {}
                Next::Retry | Next::GiveUp => return Err(unreachable(STORE)(error)),
            }
        }
    }

    async fn note(&self, id: &str, lock: Option<&LockReport>, is_pending: bool) -> Result<(), StoreError> {
        let lock = lock.map(serde_dynamo::to_attribute_value).transpose().map_err(unreachable(STORE))?;
        let set = if lock.is_some() {
            "SET is_pending = :is_pending, #lock = :lock"
        } else {
            "SET is_pending = :is_pending"
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(action_id(id)))
            .update_expression(set)
            .condition_expression("attribute_exists(id)")
            .expression_attribute_values(":is_pending", AttributeValue::Bool(is_pending));
        let update = match lock {
            // A reserved word.
            Some(lock) => {
                update.expression_attribute_names("#lock", "lock").expression_attribute_values(":lock", lock)
            }
            None => update,
        };
        update.send().await.map(drop).map_err(unreachable(STORE))
    }
}

fn action_id(id: &str) -> String {
    format!("{ACTION_PREFIX}{id}")
}

/// The first three items are those of the action, the flag and the restrictions; then come the heads.
fn next(error: &TransactWriteItemsError) -> Next {
    let canceled = match error {
        TransactWriteItemsError::TransactionCanceledException(canceled) => canceled,
        TransactWriteItemsError::TransactionInProgressException(_) => return Next::Retry,
        _ => return Next::GiveUp,
    };
    let reasons = canceled.cancellation_reasons();
    let is = |reason: &CancellationReason, code: &str| reason.code() == Some(code);
    if reasons.iter().skip(3).any(|reason| is(reason, "ConditionalCheckFailed")) {
        return Next::Seed;
    }
    let is_race = |reason: &CancellationReason| {
        is(reason, "ConditionalCheckFailed") || is(reason, "TransactionConflict")
    };
    let is_else =
        |reason: &CancellationReason| !is_race(reason) && reason.code().is_some_and(|code| code != "None");
    if reasons.iter().any(is_race) && !reasons.iter().any(is_else) { Next::Retry } else { Next::GiveUp }
}

#[cfg(test)]
mod tests;
