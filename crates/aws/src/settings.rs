//! Settings in the config table, read.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use tollgate_core::ports::{Settings, StoreError};
use tollgate_core::settings::{Document, HEAD_COPIES, Head, SIGNING_ID, Tenant, head_id};
use tollgate_core::signature::SigningKey;

use crate::store::unreachable;

const STORE: &str = "config";

/// The config table.
#[derive(Clone, Debug)]
pub struct DynamoSettings {
    client: Client,
    table: String,
}

impl DynamoSettings {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    async fn item(&self, id: &str) -> Result<Option<HashMap<String, AttributeValue>>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        Ok(found.item)
    }
}

fn read<T: DeserializeOwned>(item: Option<HashMap<String, AttributeValue>>) -> Result<Option<T>, StoreError> {
    item.map(serde_dynamo::from_item).transpose().map_err(unreachable(STORE))
}

#[async_trait]
impl Settings for DynamoSettings {
    async fn head(&self) -> Result<Option<Head>, StoreError> {
        read(self.item(&head_id(fastrand::u8(0..HEAD_COPIES))).await?)
    }

    async fn document(&self, document: Document) -> Result<Option<String>, StoreError> {
        let item = self.item(document.id()).await?;
        Ok(item.and_then(|mut item| match item.remove("document") {
            Some(AttributeValue::S(text)) => Some(text),
            _ => None,
        }))
    }

    async fn tenant(&self, id: &str) -> Result<Option<Tenant>, StoreError> {
        read(self.item(&format!("tenant#{id}")).await?)
    }

    async fn signing_key(&self) -> Result<Option<SigningKey>, StoreError> {
        let item = self.item(SIGNING_ID).await?;
        Ok(item.and_then(|mut item| match item.remove("secret") {
            Some(AttributeValue::S(secret)) => Some(SigningKey::new(secret)),
            _ => None,
        }))
    }
}
