//! The flag: its own item, which keeps who, why and when, and the copies of the head that every call reads.
//!
//! All are written in one transaction, so that no copy says otherwise for longer than its reader may keep it.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, TransactWriteItem, Update};
use tollgate_core::ports::{FlagChange, Flags, StoreError};
use tollgate_core::settings::{FLAG_ID, Flag, HEAD_COPIES, head_id};

use crate::contention::{is_conflict, pause};
use crate::store::unreachable;

const STORE: &str = "config";
/// How often a transaction that lost to another one is tried.
const TRIES: u32 = 8;

/// The flag in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoFlags {
    client: Client,
    table: String,
}

/// Why the flag could not be written although the table answers.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the config table was never seeded; run `tollgate config seed`")]
    Unseeded,
    #[error("the flag cannot be written as an item")]
    Unwritable(#[from] serde_dynamo::Error),
    #[error("the transaction could not be put together")]
    Incomplete(#[from] aws_sdk_dynamodb::error::BuildError),
}

/// What a failed transaction leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Leave,
    Retry,
    Seed,
    GiveUp,
}

impl DynamoFlags {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The flag as it was written last; `None` where it never was, and calls are admitted.
    pub async fn read(&self) -> Result<Option<Flag>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(FLAG_ID.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        found.item.map(serde_dynamo::from_item).transpose().map_err(unreachable(STORE))
    }

    fn writes(&self, flag: &Flag, message_id: Option<&str>) -> Result<Vec<TransactWriteItem>, Fault> {
        let value: AttributeValue = serde_dynamo::to_attribute_value(flag)?;
        let mut updates = vec![self.own_item(flag, message_id)?];
        for copy in 0..HEAD_COPIES {
            let update = self
                .update(&head_id(copy))
                .update_expression("SET flag = :flag")
                // A copy that the seed did not write would hold a flag and no versions.
                .condition_expression("attribute_exists(id)")
                .expression_attribute_values(":flag", value.clone())
                .build()?;
            updates.push(update);
        }
        Ok(updates.into_iter().map(|update| TransactWriteItem::builder().update(update).build()).collect())
    }

    /// A person's word always counts. A notice only ever stops, and only once: a late duplicate does not undo a resume,
    /// for which the id of the last notice that was obeyed is kept.
    fn own_item(&self, flag: &Flag, message_id: Option<&str>) -> Result<Update, Fault> {
        let values: HashMap<String, AttributeValue> = [
            (":enabled", AttributeValue::Bool(flag.enabled)),
            (":who", AttributeValue::S(flag.who.clone())),
            (":why", AttributeValue::S(flag.why.clone())),
            (":since_us", AttributeValue::N(flag.since_us.as_micros().to_string())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let set = "SET enabled = :enabled, who = :who, why = :why, since_us = :since_us";
        let update = self.update(FLAG_ID).set_expression_attribute_values(Some(values));
        let update = match message_id {
            None => update.update_expression(set),
            Some(id) => update
                .update_expression(format!("{set}, message_id = :message_id"))
                .condition_expression(
                    "attribute_not_exists(id) OR (enabled = :true AND \
                     (attribute_not_exists(message_id) OR message_id <> :message_id))",
                )
                .expression_attribute_values(":true", AttributeValue::Bool(true))
                .expression_attribute_values(":message_id", AttributeValue::S(id.to_owned())),
        };
        Ok(update.build()?)
    }

    fn update(&self, id: &str) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()))
    }
}

#[async_trait]
impl Flags for DynamoFlags {
    async fn set(&self, flag: &Flag, message_id: Option<&str>) -> Result<FlagChange, StoreError> {
        let writes = self.writes(flag, message_id).map_err(unreachable(STORE))?;
        let mut attempt = 0;
        loop {
            pause(attempt).await;
            // The client gives each of these calls a ClientRequestToken, and keeps it when it repeats one.
            let sent =
                self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await;
            let Err(error) = sent else { return Ok(FlagChange::Written) };
            attempt += 1;
            match error.as_service_error().map_or(Next::GiveUp, next) {
                Next::Leave => return Ok(FlagChange::Unchanged),
                Next::Seed => return Err(unreachable(STORE)(Fault::Unseeded)),
                Next::Retry if attempt < TRIES => {}
                Next::Retry | Next::GiveUp => return Err(unreachable(STORE)(error)),
            }
        }
    }
}

fn next(error: &TransactWriteItemsError) -> Next {
    let canceled = match error {
        TransactWriteItemsError::TransactionCanceledException(canceled) => canceled,
        TransactWriteItemsError::TransactionInProgressException(_) => return Next::Retry,
        _ => return Next::GiveUp,
    };
    let reasons = canceled.cancellation_reasons();
    let is_condition = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    match reasons {
        [_, heads @ ..] if heads.iter().any(is_condition) => Next::Seed,
        [own, ..] if is_condition(own) => Next::Leave,
        _ if is_conflict(reasons) => Next::Retry,
        _ => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests;
