//! What verified pairs have shown, as counters of two items of the cache table.
//!
//! Both are added to in one transaction, whose token follows from the call that observed: a retry after a reply that was
//! lost adds nothing. DynamoDB knows a token for ten minutes, which no retry outlasts.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use tollgate_core::ports::{Evidence, Noting, StoreError};
use tollgate_core::semantic::evidence::{Attributes, Histogram, Pool, attributes};

use crate::contention::{is_conflict, pause, token};
use crate::store::unreachable;

const STORE: &str = "cache";

/// How often a transaction is tried that lost to another one.
const TRIES: u32 = 6;

/// The cache table.
#[derive(Clone, Debug)]
pub struct DynamoEvidence {
    client: Client,
    table: String,
}

impl DynamoEvidence {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The counters of an item: its attributes that are whole numbers.
    async fn counters(&self, key: String) -> Result<Vec<(String, u64)>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("cacheKey", AttributeValue::S(key))
            .send()
            .await
            .map_err(unreachable(STORE))?;
        let counter = |(name, value): (String, AttributeValue)| match value {
            AttributeValue::N(count) => Some((name, count.parse().ok()?)),
            _ => None,
        };
        Ok(found.item.unwrap_or_default().into_iter().filter_map(counter).collect())
    }

    fn additions(
        &self,
        noting: &Noting<'_>,
        counters: &Attributes,
    ) -> Result<Vec<TransactWriteItem>, BuildError> {
        let entry = self.add_one(entry_key(noting.entry), &[&counters.entry], Some(noting.expires_at))?;
        let [pair, grade] = &counters.pool;
        Ok(vec![entry, self.add_one(pool_key(noting.pool), &[pair, grade], None)?])
    }

    fn add_one(
        &self,
        key: String,
        counters: &[&str],
        expires_at: Option<u64>,
    ) -> Result<TransactWriteItem, BuildError> {
        let places: Vec<_> = (0..counters.len()).map(|place| format!("#c{place}")).collect();
        let additions: Vec<_> = places.iter().map(|place| format!("{place} :one")).collect();
        let mut expression = format!("ADD {}", additions.join(", "));
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("cacheKey", AttributeValue::S(key))
            .set_expression_attribute_names(Some(
                places.into_iter().zip(counters.iter().map(|name| (*name).to_owned())).collect(),
            ))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        if let Some(at) = expires_at {
            expression.push_str(" SET #expires = :expires");
            update = update
                .expression_attribute_names("#expires", "expiresAt")
                .expression_attribute_values(":expires", AttributeValue::N(at.to_string()));
        }
        Ok(TransactWriteItem::builder().update(update.update_expression(expression).build()?).build())
    }
}

#[async_trait]
impl Evidence for DynamoEvidence {
    async fn of_entry(&self, key: &str) -> Result<Histogram, StoreError> {
        let counters = self.counters(entry_key(key)).await?;
        Ok(Histogram::from_attributes(counters.iter().map(|(name, count)| (name.as_str(), *count))))
    }

    async fn of_pool(&self, pool: &str) -> Result<Pool, StoreError> {
        let counters = self.counters(pool_key(pool)).await?;
        Ok(Pool::from_attributes(counters.iter().map(|(name, count)| (name.as_str(), *count))))
    }

    async fn note(&self, noting: &Noting<'_>) -> Result<(), StoreError> {
        let Some(counters) = attributes(noting.observation) else { return Ok(()) };
        let additions = self.additions(noting, &counters).map_err(unreachable(STORE))?;
        // A token is known to the whole account, and other tables may hear of calls of the same name.
        let token = token(&["learned", &self.table, noting.token]);
        for attempt in 0..TRIES {
            pause(attempt).await;
            let sent = self
                .client
                .transact_write_items()
                .client_request_token(&token)
                .set_transact_items(Some(additions.clone()))
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(()),
                Err(error) if is_contended(&error) => {}
                Err(error) => return Err(unreachable(STORE)(error)),
            }
        }
        Err(StoreError { store: STORE, cause: "others were faster, again and again".into() })
    }
}

/// Whether another transaction was at work on the same items, or a try of this one still is.
fn is_contended(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            is_conflict(cancelled.cancellation_reasons())
        }
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => true,
        _ => false,
    }
}

fn entry_key(entry: &str) -> String {
    format!("learned#{entry}")
}

fn pool_key(pool: &str) -> String {
    format!("learned#pool#{pool}")
}

#[cfg(test)]
mod tests;
