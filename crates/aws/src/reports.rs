//! What operators read of the past: single calls from the ledger, sums of days from the rollups.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;
use serde_dynamo::aws_sdk_dynamodb_1::from_item;
use tollgate_core::ports::StoreError;
use tollgate_core::record::Record;
use tollgate_core::spend::Scope;
use tollgate_core::time::{Day, Timestamp};

use crate::unreachable;

/// Ledger and rollups, read.
#[derive(Clone, Debug)]
pub struct Reports {
    client: Client,
    ledger: String,
    rollups: String,
}

/// The sums of one scope and day. Signed: a late settlement takes back what an expiry has added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct DaySum {
    /// The UTC day.
    pub day: Day,
    /// Calls, those that failed included.
    #[serde(default)]
    pub calls: i64,
    /// Input tokens, cached ones included.
    #[serde(default)]
    pub tokens_input: i64,
    /// Output tokens.
    #[serde(default)]
    pub tokens_output: i64,
    /// Input tokens that the providers' prompt caches served.
    #[serde(default)]
    pub tokens_cached: i64,
    /// What was charged.
    #[serde(default)]
    pub cost_nanos: i64,
    /// Calls that our cache served.
    #[serde(default)]
    pub hits: i64,
    /// What those would have cost.
    #[serde(default)]
    pub saved_nanos: i64,
    /// The tokens that those would have used.
    #[serde(default)]
    pub saved_tokens: i64,
    /// Calls that failed.
    #[serde(default)]
    pub errors: i64,
    /// When the last hit ended; only of an entry of the cache.
    #[serde(default)]
    pub last_us: Option<Timestamp>,
}

impl Reports {
    /// Over the tables of those names.
    #[must_use]
    pub fn new(client: &Client, ledger: &str, rollups: &str) -> Self {
        Self { client: client.clone(), ledger: ledger.to_owned(), rollups: rollups.to_owned() }
    }

    /// One call; `None` where the ledger has none of that id.
    pub async fn record(&self, request_id: &str) -> Result<Option<Record>, StoreError> {
        let reply = self
            .client
            .get_item()
            .table_name(&self.ledger)
            .key("request_id", AttributeValue::S(request_id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable("ledger"))?;
        reply.item.map(from_item).transpose().map_err(unreachable("ledger"))
    }

    /// The days of a scope, both ends included; a day without calls is left out.
    pub async fn days(&self, scope: &Scope, first: Day, last: Day) -> Result<Vec<DaySum>, StoreError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.rollups)
            .key_condition_expression("#scope = :scope AND #day BETWEEN :first AND :last")
            .expression_attribute_names("#scope", "scope")
            .expression_attribute_names("#day", "day")
            .expression_attribute_values(":scope", AttributeValue::S(scope.to_string()))
            .expression_attribute_values(":first", AttributeValue::S(first.to_string()))
            .expression_attribute_values(":last", AttributeValue::S(last.to_string()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut days = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(unreachable("rollups"))?;
            days.push(from_item(item).map_err(unreachable("rollups"))?);
        }
        Ok(days)
    }
}
