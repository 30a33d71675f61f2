//! Outcomes of targets in the rollups table: a set of texts for each target and five seconds.
//!
//! Lambda does not say which shard a batch comes from, so no number of the stream tells a replay. A set does: what is in it
//! already adds nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_core::health::{BUCKET_HOLDS, Outcome, Window, bucket, expires_at, scope};
use tollgate_core::ports::{Outcomes, StoreError};
use tollgate_core::time::Timestamp;

use crate::store::unreachable;

const STORE: &str = "rollups";

/// The outcomes in a rollups table.
#[derive(Clone, Debug)]
pub struct DynamoOutcomes {
    client: Client,
    table: String,
}

impl DynamoOutcomes {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// A bucket that is full says enough already.
    async fn fill(&self, target: &str, bucket: u64, texts: Vec<String>) -> Result<(), StoreError> {
        let number = |number: String| AttributeValue::N(number);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("scope", AttributeValue::S(scope(target)))
            .key("day", AttributeValue::S(bucket.to_string()))
            .update_expression("SET #expires_at = :expires_at ADD #tries :tries")
            .condition_expression("attribute_not_exists(#tries) OR size(#tries) < :most")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_names("#tries", "tries")
            .expression_attribute_values(":expires_at", number(expires_at(bucket).to_string()))
            .expression_attribute_values(":tries", AttributeValue::Ss(texts))
            .expression_attribute_values(":most", number(BUCKET_HOLDS.to_string()))
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            _ => Err(unreachable(STORE)(error)),
        }
    }
}

#[async_trait]
impl Outcomes for DynamoOutcomes {
    async fn add(&self, target: &str, outcomes: &[Outcome]) -> Result<(), StoreError> {
        let mut buckets: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for outcome in outcomes {
            buckets.entry(outcome.bucket()).or_default().push(outcome.write());
        }
        for (bucket, mut texts) in buckets {
            // DynamoDB refuses a set in which anything stands twice.
            texts.sort_unstable();
            texts.dedup();
            self.fill(target, bucket, texts).await?;
        }
        Ok(())
    }

    async fn window(&self, target: &str, since: Timestamp) -> Result<Window, StoreError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#scope = :scope AND #day >= :from")
            .expression_attribute_names("#scope", "scope")
            .expression_attribute_names("#day", "day")
            .expression_attribute_values(":scope", AttributeValue::S(scope(target)))
            .expression_attribute_values(":from", AttributeValue::S(bucket(since).to_string()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let items = pages.try_collect().await.map_err(unreachable(STORE))?;
        let texts = items.iter().filter_map(|item| item.get("tries")?.as_ss().ok()).flatten();
        Ok(texts.filter_map(|text| Outcome::read(text)).collect())
    }
}
