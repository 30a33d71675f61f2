//! Tenants as an operator sees them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use tollgate_core::name::Name;
use tollgate_core::ports::StoreError;
use tollgate_core::settings::{Tenant, tenant_id};

use crate::unreachable;

const STORE: &str = "config";

/// Tenants, written and listed.
#[derive(Clone, Debug)]
pub struct Tenants {
    client: Client,
    table: String,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    #[serde(flatten)]
    tenant: Tenant,
}

impl Tenants {
    /// Over the config table of that name.
    #[must_use]
    pub fn new(client: &Client, table: &str) -> Self {
        Self { client: client.clone(), table: table.to_owned() }
    }

    /// Writes a tenant, new or known.
    pub async fn put(&self, id: &Name, tenant: &Tenant) -> Result<(), StoreError> {
        let item = to_item(tenant).map_err(unreachable(STORE))?;
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .item("id", AttributeValue::S(tenant_id(id)))
            .send()
            .await
            .map_err(unreachable(STORE))?;
        Ok(())
    }

    /// All tenants by name. It reads the whole config table, which is small.
    pub async fn list(&self) -> Result<BTreeMap<String, Tenant>, StoreError> {
        let prefix = "tenant#";
        let mut items = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("begins_with(#id, :prefix)")
            .expression_attribute_names("#id", "id")
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut tenants = BTreeMap::new();
        while let Some(item) = items.next().await {
            let row: Row = from_item(item.map_err(unreachable(STORE))?).map_err(unreachable(STORE))?;
            let id = row.id.strip_prefix(prefix).unwrap_or(&row.id);
            tenants.insert(id.to_owned(), row.tenant);
        }
        Ok(tenants)
    }
}
