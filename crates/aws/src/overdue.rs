//! Open records that are overdue, from the sparse index of the ledger.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_core::ports::{Overdue, OverduePage, PageStart, StoreError};
use tollgate_core::record::Record;
use tollgate_core::time::Timestamp;

use crate::store::unreachable;

const STORE: &str = "ledger";

/// The index of open records.
const INDEX: &str = "open";

/// Records of a page: few enough to be closed before it grows old.
const PAGE: i32 = 50;

type Item = HashMap<String, AttributeValue>;

/// The ledger table's index of open records. It lags behind the table, so a record on a page may be closed by now.
#[derive(Clone, Debug)]
pub struct DynamoOverdue {
    client: Client,
    ledger_table: String,
}

impl DynamoOverdue {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, ledger_table: String) -> Self {
        Self { client, ledger_table }
    }
}

#[async_trait]
impl Overdue for DynamoOverdue {
    async fn page(
        &self,
        partition: &str,
        now: Timestamp,
        start: Option<PageStart>,
    ) -> Result<OverduePage, StoreError> {
        let output = self
            .client
            .query()
            .table_name(&self.ledger_table)
            .index_name(INDEX)
            .key_condition_expression("#open = :open AND #deadline < :now")
            .expression_attribute_names("#open", "open")
            .expression_attribute_names("#deadline", "deadline_us")
            .expression_attribute_values(":open", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":now", micros(now))
            .limit(PAGE)
            .set_exclusive_start_key(start.map(|start| start_key(partition, start)))
            .send()
            .await
            .map_err(unreachable(STORE))?;
        let next = output.last_evaluated_key.as_ref().map(page_start).transpose()?;
        let mut page = OverduePage { next, ..OverduePage::default() };
        for item in output.items.unwrap_or_default() {
            let id = item.get("request_id").and_then(|id| id.as_s().ok()).cloned().unwrap_or_default();
            match serde_dynamo::from_item::<_, Record>(item) {
                Ok(record) => page.records.push(record),
                Err(_) => page.unreadable.push(id),
            }
        }
        Ok(page)
    }
}

fn start_key(partition: &str, start: PageStart) -> Item {
    HashMap::from([
        ("open".to_owned(), AttributeValue::S(partition.to_owned())),
        ("deadline_us".to_owned(), micros(start.deadline_us)),
        ("request_id".to_owned(), AttributeValue::S(start.request_id)),
    ])
}

fn page_start(key: &Item) -> Result<PageStart, StoreError> {
    serde_dynamo::from_item(key.clone()).map_err(unreachable(STORE))
}

fn micros(instant: Timestamp) -> AttributeValue {
    AttributeValue::N(instant.as_micros().to_string())
}

#[cfg(test)]
mod tests;
