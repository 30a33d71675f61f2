//! The books of each day, in DynamoDB.
//!
//! A posting's marker and what it adds are written together or not at all, so a posting that comes again, or whose
//! reply was lost, is told by its marker and adds nothing.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Put, TransactWriteItem, Update};
use tollgate_core::ports::{Rollups, StoreError};
use tollgate_core::rollup::{Counts, Posting, expires_at, marker_expires_at, totals};
use tollgate_core::time::{Day, Timestamp};

use crate::contention::{is_conflict, pause};
use crate::store::unreachable;

const STORE: &str = "rollups";

/// How often a transaction is tried that lost to another one, or found postings that were added before.
const TRIES: u32 = 8;

/// The rollups table.
#[derive(Clone, Debug)]
pub struct DynamoRollups {
    client: Client,
    table: String,
}

/// What came of a transaction.
enum Outcome {
    Done,
    /// Nothing was written; these postings, by their places, were added before.
    Seen(Vec<usize>),
    Contended,
}

impl DynamoRollups {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    async fn transact(&self, postings: &[&Posting], now: Timestamp) -> Result<Outcome, StoreError> {
        let items = self.items(postings, now).map_err(unreachable(STORE))?;
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(Outcome::Done) };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons()
            }
            _ => &[],
        };
        let seen = seen(reasons);
        match (seen.is_empty(), is_conflict(reasons)) {
            (false, _) => Ok(Outcome::Seen(seen)),
            (true, true) => Ok(Outcome::Contended),
            (true, false) => Err(unreachable(STORE)(error)),
        }
    }

    /// The markers, in the order of the postings, and then what they add together.
    fn items(&self, postings: &[&Posting], now: Timestamp) -> Result<Vec<TransactWriteItem>, BuildError> {
        let markers = postings.iter().map(|posting| self.mark(posting, now));
        let totals = totals(postings.iter().copied());
        let updates = totals.iter().map(|((scope, day), counts)| {
            let hits = postings.iter().filter(|posting| posting.hit_entry().as_ref() == Some(scope));
            let last_hit = hits.map(|posting| posting.end.ended_us).max();
            self.add_to((scope.to_string(), *day), counts, last_hit)
        });
        markers.chain(updates).collect()
    }

    fn mark(&self, posting: &Posting, now: Timestamp) -> Result<TransactWriteItem, BuildError> {
        let (scope, state) = posting.marker();
        let put = Put::builder()
            .table_name(&self.table)
            .item("scope", AttributeValue::S(scope))
            .item("day", AttributeValue::S(state.to_owned()))
            .item("expires_at", AttributeValue::N(marker_expires_at(now).to_string()))
            .condition_expression("attribute_not_exists(#scope)")
            .expression_attribute_names("#scope", "scope")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn add_to(
        &self,
        (scope, day): (String, Day),
        counts: &Counts,
        last_hit: Option<Timestamp>,
    ) -> Result<TransactWriteItem, BuildError> {
        let mut additions = Vec::new();
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("scope", AttributeValue::S(scope))
            .key("day", AttributeValue::S(day.to_string()))
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_values(":expires_at", AttributeValue::N(expires_at(day).to_string()));
        for (name, count) in counts.attributes() {
            additions.push(format!("#{name} :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), AttributeValue::N(count.to_string()));
        }
        let mut expression = "SET #expires_at = :expires_at".to_owned();
        if let Some(at) = last_hit {
            expression.push_str(", #last_us = :last_us");
            update = update
                .expression_attribute_names("#last_us", "last_us")
                .expression_attribute_values(":last_us", AttributeValue::N(at.as_micros().to_string()));
        }
        let expression = format!("{expression} ADD {}", additions.join(", "));
        Ok(TransactWriteItem::builder().update(update.update_expression(expression).build()?).build())
    }
}

#[async_trait]
impl Rollups for DynamoRollups {
    async fn add(&self, postings: &[Posting], now: Timestamp) -> Result<(), StoreError> {
        let mut rest: Vec<&Posting> = postings.iter().collect();
        let mut conflicts = 0;
        for _ in 0..TRIES {
            if rest.is_empty() {
                return Ok(());
            }
            pause(conflicts).await;
            match self.transact(&rest, now).await? {
                Outcome::Done => return Ok(()),
                Outcome::Seen(places) => {
                    let mut place = 0..;
                    rest.retain(|_| place.next().is_some_and(|place| !places.contains(&place)));
                }
                Outcome::Contended => conflicts += 1,
            }
        }
        Err(StoreError { store: STORE, cause: "others were faster, again and again".into() })
    }
}

/// The places of the postings whose markers were there: only markers have a condition, and they come first.
fn seen(reasons: &[CancellationReason]) -> Vec<usize> {
    let is_seen = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    reasons.iter().enumerate().filter(|(_, reason)| is_seen(reason)).map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests;
