//! The flag: its own item, which keeps who, why and when, and the copies of the head that every call reads.
//!
//! All are written in one transaction, so that no copy says otherwise for longer than its reader may keep it.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, TransactWriteItem, Update};
use sha2::{Digest, Sha256};
use tollgate_core::ports::{FlagChange, Flags, StoreError};
use tollgate_core::settings::{FLAG_ID, Flag, HEAD_COPIES, head_id};

use crate::store::unreachable;

const STORE: &str = "config";
const TRIES: u8 = 6;

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
    pub fn new(client: &Client, table: &str) -> Self {
        Self { client: client.clone(), table: table.to_owned() }
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
        let mut tried = 0;
        loop {
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(writes.clone()))
                .client_request_token(token(flag, message_id, tried))
                .send()
                .await;
            let Err(error) = sent else { return Ok(FlagChange::Written) };
            tried += 1;
            match error.as_service_error().map_or(Next::GiveUp, next) {
                Next::Leave => return Ok(FlagChange::Unchanged),
                Next::Seed => return Err(unreachable(STORE)(Fault::Unseeded)),
                Next::Retry if tried < TRIES => tokio::time::sleep(pause(tried)).await,
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
    let mut codes = canceled.cancellation_reasons().iter().map(CancellationReason::code);
    let own = codes.next().flatten();
    let heads: Vec<&str> = codes.flatten().collect();
    let is_passing = |code: &str| {
        matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    };
    if heads.contains(&"ConditionalCheckFailed") {
        Next::Seed
    } else if own == Some("ConditionalCheckFailed") {
        Next::Leave
    } else if own.into_iter().chain(heads).any(is_passing) {
        Next::Retry
    } else {
        Next::GiveUp
    }
}

/// The same for each repetition that the SDK makes of one try, so that none of them writes twice.
fn token(flag: &Flag, message_id: Option<&str>, tried: u8) -> String {
    let Flag { enabled, who, why, since_us } = flag;
    let step = format!("{enabled}\n{who}\n{why}\n{}\n{message_id:?}\n{tried}", since_us.as_micros());
    hex::encode(&Sha256::digest(step)[..16])
}

fn pause(tried: u8) -> Duration {
    let longest = 25_u64 << tried;
    Duration::from_millis(fastrand::u64(longest / 2..=longest))
}

#[cfg(test)]
mod tests;
