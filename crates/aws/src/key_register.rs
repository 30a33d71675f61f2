//! The keys table as an operator sees it: keys are entered, listed, replaced and taken back, and never read out again.

mod rotation;
mod unchanged;
mod update;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use serde_dynamo::aws_sdk_dynamodb_1::{from_attribute_value, from_item, to_attribute_value, to_item};
use tollgate_core::caller::{KeyRecord, KeyStatus, Suspension};
use tollgate_core::name::Name;
use tollgate_core::ports::StoreError;

use crate::contention::pause;
use crate::unreachable;

pub use rotation::{Rotation, Successor};
pub use update::Update;

const STORE: &str = "keys";
const HASH: &str = "key_hash";
const BY_ID: &str = "by-id";

/// Tries against others that change the same key.
const TRIES: u32 = 5;

type Item = HashMap<String, AttributeValue>;

/// Keys, written.
#[derive(Clone, Debug)]
pub struct KeyRegister {
    client: Client,
    table: String,
}

/// What became of a key that was to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It is revoked now.
    Done,
    /// It was revoked before.
    Already,
    /// No key has this id.
    Unknown,
}

/// What became of a key that was to be suspended or resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is as was asked now.
    Done,
    /// It was so before; who suspended it first, and why, stands.
    Already,
    /// It is revoked, and stays so.
    Revoked,
    /// No key has this id.
    Unknown,
}

impl KeyRegister {
    /// Over the table of that name.
    #[must_use]
    pub fn new(client: &Client, table: &str) -> Self {
        Self { client: client.clone(), table: table.to_owned() }
    }

    /// Enters a new key under its hash; a hash that is taken is an error.
    pub async fn enter(&self, hash: &str, record: &KeyRecord) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row(hash, record)?))
            .condition_expression("attribute_not_exists(#hash)")
            .expression_attribute_names("#hash", HASH)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        Ok(())
    }

    /// The key of this id, read consistently; `None` where there is none.
    pub async fn find(&self, id: &Name) -> Result<Option<KeyRecord>, StoreError> {
        match self.hash_of(id).await? {
            Some(hash) => self.read(&hash).await,
            None => Ok(None),
        }
    }

    /// All keys, the oldest first. It reads the whole table, which only an operator may wait for.
    pub async fn list(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let mut items = self.client.scan().table_name(&self.table).into_paginator().items().send();
        let mut records: Vec<KeyRecord> = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(unreachable(STORE))?;
            records.push(from_item(item).map_err(unreachable(STORE))?);
        }
        records.sort_by(|a, b| (&a.created_at, &a.key_id).cmp(&(&b.created_at, &b.key_id)));
        Ok(records)
    }

    /// Takes a key back for good. The index by id is a moment behind the table.
    pub async fn revoke(&self, id: &Name) -> Result<Revocation, StoreError> {
        let Some(hash) = self.hash_of(id).await? else { return Ok(Revocation::Unknown) };
        let revoked = to_status(KeyStatus::Revoked)?;
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(HASH, hash)
            .update_expression("SET #status = :revoked")
            .condition_expression("attribute_exists(#hash) AND #status <> :revoked")
            .expression_attribute_names("#hash", HASH)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":revoked", revoked);
        match send(request).await {
            Ok(_) => Ok(Revocation::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Revocation::Already),
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }

    /// Stops a key until it is resumed. A revoked key stays revoked, whatever is written at the same time.
    pub async fn suspend(&self, id: &Name, suspension: &Suspension) -> Result<Switch, StoreError> {
        let Some(hash) = self.hash_of(id).await? else { return Ok(Switch::Unknown) };
        let update = self
            .switch(hash, KeyStatus::Active, KeyStatus::Suspended)?
            .update_expression("SET #status = :to, #suspension = :suspension")
            .expression_attribute_values(
                ":suspension",
                to_attribute_value(suspension).map_err(unreachable(STORE))?,
            );
        outcome(send(update).await, KeyStatus::Suspended)
    }

    /// Lets a suspended key work again, and no other: what is revoked is never brought back.
    pub async fn resume(&self, id: &Name) -> Result<Switch, StoreError> {
        let Some(hash) = self.hash_of(id).await? else { return Ok(Switch::Unknown) };
        let update = self
            .switch(hash, KeyStatus::Suspended, KeyStatus::Active)?
            .update_expression("SET #status = :to REMOVE #suspension");
        outcome(send(update).await, KeyStatus::Active)
    }

    fn switch(
        &self,
        hash: AttributeValue,
        from: KeyStatus,
        to: KeyStatus,
    ) -> Result<UpdateItemFluentBuilder, StoreError> {
        Ok(self
            .client
            .update_item()
            .table_name(&self.table)
            .key(HASH, hash)
            .condition_expression("#status = :from")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#suspension", "suspension")
            .expression_attribute_values(":from", to_status(from)?)
            .expression_attribute_values(":to", to_status(to)?)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }

    async fn read(&self, hash: &AttributeValue) -> Result<Option<KeyRecord>, StoreError> {
        self.row(hash).await?.map(from_item).transpose().map_err(unreachable(STORE))
    }

    async fn row(&self, hash: &AttributeValue) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key(HASH, hash.clone());
        Ok(get.consistent_read(true).send().await.map_err(unreachable(STORE))?.item)
    }

    async fn hash_of(&self, id: &Name) -> Result<Option<AttributeValue>, StoreError> {
        let reply = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_ID)
            .key_condition_expression("#id = :id")
            .expression_attribute_names("#id", "key_id")
            .expression_attribute_values(":id", AttributeValue::S(id.to_string()))
            .send()
            .await
            .map_err(unreachable(STORE))?;
        Ok(reply.items().first().and_then(|item| item.get(HASH)).cloned())
    }
}

/// Sends an update past transactions that are at work on the same key: no rotation keeps an operator from a revocation.
async fn send(request: UpdateItemFluentBuilder) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
    for attempt in 0..TRIES {
        pause(attempt).await;
        let sent = request.clone().send().await;
        let is_conflict = |error: &SdkError<UpdateItemError>| {
            error.as_service_error().is_some_and(UpdateItemError::is_transaction_conflict_exception)
        };
        if !sent.as_ref().is_err_and(is_conflict) {
            return sent;
        }
    }
    request.send().await
}

/// A key's item. What is absent is left out, as an index takes no NULL.
fn row(hash: &str, record: &KeyRecord) -> Result<Item, StoreError> {
    let mut item = attributes(record)?;
    item.insert(HASH.to_owned(), AttributeValue::S(hash.to_owned()));
    Ok(item)
}

/// What a record says, without what is absent.
fn attributes(record: &KeyRecord) -> Result<Item, StoreError> {
    let mut item: Item = to_item(record).map_err(unreachable(STORE))?;
    item.retain(|_, value| !value.is_null());
    Ok(item)
}

/// Reads what the row was where the condition did not hold.
fn outcome(
    sent: Result<UpdateItemOutput, SdkError<UpdateItemError>>,
    wanted: KeyStatus,
) -> Result<Switch, StoreError> {
    let Err(error) = sent else { return Ok(Switch::Done) };
    let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
        return Err(unreachable(STORE)(error));
    };
    let Some(status) = failed.item().and_then(|item| item.get("status")) else { return Ok(Switch::Unknown) };
    let was = from_attribute_value::<KeyStatus>(status.clone()).map_err(unreachable(STORE))?;
    Ok(if was == wanted { Switch::Already } else { Switch::Revoked })
}

fn to_status(status: KeyStatus) -> Result<AttributeValue, StoreError> {
    to_attribute_value(status).map_err(unreachable(STORE))
}

#[cfg(test)]
mod tests;
