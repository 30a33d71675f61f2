//! What budgets count, read for operators.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_core::ports::StoreError;
use tollgate_core::spend::{Scope, Spent, spend_item};
use tollgate_core::time::Day;
use tollgate_core::write::{Item, Table};

use crate::store::unreachable;
use crate::writes::from_attributes;

const STORE: &str = "limits";

/// The spend items of the limits table.
#[derive(Clone, Debug)]
pub struct Counters {
    client: Client,
    table: String,
}

impl Counters {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// What a scope's budgets count in the windows of `day`: settled and reserved, and what lies in lanes.
    pub async fn spent(&self, scope: &Scope, day: Day) -> Result<Spent, StoreError> {
        let item = spend_item(scope, day);
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(Table::Limits.key(), AttributeValue::S(item.key.clone()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        let stands = found.item.map_or_else(|| Ok(Item::new()), |item| from_attributes(item, STORE))?;
        Ok(item.spent(&stands))
    }
}
