//! Entries of the cache as operators see them: everything but what was answered.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_dynamo::from_item;
use tollgate_core::cache::About;
use tollgate_core::ports::StoreError;

use crate::store::unreachable;

const STORE: &str = "cache";

/// What is read of an entry: an operator may read no reply.
const ATTRIBUTES: [&str; 11] = [
    "asked_us",
    "cost_nanos",
    "expiresAt",
    "form",
    "include_usage",
    "model",
    "request_id",
    "tags",
    "target",
    "template",
    "tenant",
];

/// The cache table, without its replies.
#[derive(Clone, Debug)]
pub struct Entries {
    client: Client,
    table: String,
}

impl Entries {
    /// Over the table of that name.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// What is known of the entry under a key, whether or not it has expired; `None` where there is none.
    pub async fn about(&self, key: &str) -> Result<Option<About>, StoreError> {
        let mut read = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("cacheKey", AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .expression_attribute_names("#usage", "usage");
        let mut names = vec!["#usage".to_owned()];
        for attribute in ATTRIBUTES {
            read = read.expression_attribute_names(format!("#{attribute}"), attribute);
            names.push(format!("#{attribute}"));
        }
        let found = read.projection_expression(names.join(", ")).send().await.map_err(unreachable(STORE))?;
        // An item that holds a lease only has no answer yet.
        let entry = found.item.filter(|item| item.contains_key("target"));
        entry.map(from_item).transpose().map_err(unreachable(STORE))
    }
}
