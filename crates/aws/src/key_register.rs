//! The keys table as an operator sees it: keys are entered, listed and taken back, and never read out again.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use tollgate_core::caller::{KeyRecord, KeyStatus};
use tollgate_core::name::Name;
use tollgate_core::ports::StoreError;

use crate::unreachable;

const STORE: &str = "keys";
const HASH: &str = "key_hash";
const BY_ID: &str = "by-id";

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

impl KeyRegister {
    /// Over the table of that name.
    #[must_use]
    pub fn new(client: &Client, table: &str) -> Self {
        Self { client: client.clone(), table: table.to_owned() }
    }

    /// Enters a new key under its hash; a hash that is taken is an error.
    pub async fn enter(&self, hash: &str, record: &KeyRecord) -> Result<(), StoreError> {
        let mut item: std::collections::HashMap<String, AttributeValue> =
            to_item(record).map_err(unreachable(STORE))?;
        item.retain(|_, value| !value.is_null());
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .item(HASH, AttributeValue::S(hash.to_owned()))
            .condition_expression("attribute_not_exists(#hash)")
            .expression_attribute_names("#hash", HASH)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        Ok(())
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
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(HASH, hash)
            .update_expression("SET #status = :revoked")
            .condition_expression("attribute_exists(#hash) AND #status <> :revoked")
            .expression_attribute_names("#hash", HASH)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":revoked", revoked)
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(Revocation::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Revocation::Already),
                _ => Err(unreachable(STORE)(error)),
            },
        }
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

fn to_status(status: KeyStatus) -> Result<AttributeValue, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(status).map_err(unreachable(STORE))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::query::QueryOutput;
    use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
    use aws_sdk_dynamodb::types::error::{ConditionalCheckFailedException, ResourceNotFoundException};
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    use super::*;

    async fn revoke(update: &Rule) -> Result<Revocation, StoreError> {
        let query = mock!(Client::query)
            .match_requests(|request| request.index_name() == Some("by-id"))
            .then_output(|| {
                let item = [(HASH.to_owned(), AttributeValue::S("h".to_owned()))].into();
                QueryOutput::builder().items(item).build()
            });
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&query, update]);
        KeyRegister::new(&client, "tollgate-keys").revoke(&"k1".parse().unwrap()).await
    }

    #[tokio::test]
    async fn a_key_is_revoked_by_its_hash() {
        let update = mock!(Client::update_item)
            .match_requests(|request| {
                request.key().and_then(|key| key.get(HASH)) == Some(&AttributeValue::S("h".to_owned()))
                    && request.expression_attribute_values().and_then(|values| values.get(":revoked"))
                        == Some(&AttributeValue::S("revoked".to_owned()))
            })
            .then_output(|| UpdateItemOutput::builder().build());

        assert_eq!(revoke(&update).await.unwrap(), Revocation::Done);
    }

    #[tokio::test]
    async fn a_condition_that_fails_says_that_it_was_revoked_before() {
        let update = mock!(Client::update_item).then_error(|| {
            let failed = ConditionalCheckFailedException::builder().build();
            UpdateItemError::ConditionalCheckFailedException(failed)
        });

        assert_eq!(revoke(&update).await.unwrap(), Revocation::Already);
    }

    #[tokio::test]
    async fn every_other_error_is_no_revocation() {
        let update = mock!(Client::update_item).then_error(|| {
            UpdateItemError::ResourceNotFoundException(ResourceNotFoundException::builder().build())
        });

        assert_eq!(revoke(&update).await.unwrap_err().store, "keys");
    }
}
