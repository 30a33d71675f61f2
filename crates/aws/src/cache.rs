//! The exact cache in DynamoDB.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Cache, Entry, StoreError};
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

use crate::store::unreachable;

const STORE: &str = "cache";

/// DynamoDB takes items of 400 KB; what is longer is not kept.
const MAX_REPLY_BYTES: usize = 380 * 1024;

/// The cache table.
#[derive(Clone, Debug)]
pub struct DynamoCache {
    client: Client,
    table: String,
}

/// An item without its reply, which is binary.
#[derive(Deserialize, Serialize)]
struct Item {
    #[serde(rename = "cacheKey")]
    key: String,
    target: String,
    usage: Usage,
    cost_nanos: Nanos,
    #[serde(rename = "expiresAt")]
    expires_at: u64,
}

impl DynamoCache {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

#[async_trait]
impl Cache for DynamoCache {
    async fn read(&self, key: &str, now: Timestamp) -> Result<Option<Entry>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("cacheKey", AttributeValue::S(key.to_owned()))
            .send()
            .await
            .map_err(unreachable(STORE))?;
        let Some(mut attributes) = found.item else { return Ok(None) };
        let Some(AttributeValue::B(reply)) = attributes.remove("reply") else { return Ok(None) };
        let item: Item = serde_dynamo::from_item(attributes).map_err(unreachable(STORE))?;
        let entry = Entry {
            reply: reply.into_inner().into(),
            target: item.target,
            usage: item.usage,
            cost: item.cost_nanos,
            expires_at: item.expires_at,
        };
        Ok((now.as_secs() < entry.expires_at).then_some(entry))
    }

    async fn write(&self, key: &str, entry: &Entry) -> Result<(), StoreError> {
        if entry.reply.len() > MAX_REPLY_BYTES {
            return Ok(());
        }
        let item = Item {
            key: key.to_owned(),
            target: entry.target.clone(),
            usage: entry.usage,
            cost_nanos: entry.cost,
            expires_at: entry.expires_at,
        };
        let attributes = serde_dynamo::to_item(item).map_err(unreachable(STORE))?;
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes))
            .item("reply", AttributeValue::B(Blob::new(entry.reply.clone())))
            .send()
            .await
            .map(drop)
            .map_err(unreachable(STORE))
    }
}
