//! Ratings of answers: one on each record of the ledger, and their sum beside the breaker of the target that answered. Both
//! are one transaction, on condition that the record has no rating, so none counts twice, whatever is tried again.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use tollgate_core::feedback::Rated;
use tollgate_core::ports::{Ratings, StoreError};
use tollgate_core::semantic::millionths::Millionths;

use crate::breakers;
use crate::contention::{is_conflict, pause};
use crate::store::unreachable;

const STORE: &str = "ledger";

/// How often a transaction is tried that lost to another one.
const TRIES: u32 = 6;

/// The ledger, and the config table.
#[derive(Clone, Debug)]
pub struct DynamoRatings {
    client: Client,
    ledger: String,
    config: String,
}

impl DynamoRatings {
    /// Over these tables.
    #[must_use]
    pub fn new(client: Client, ledger: &str, config: &str) -> Self {
        Self { client, ledger: ledger.to_owned(), config: config.to_owned() }
    }

    fn writes(
        &self,
        (request_id, target): (&str, &str),
        rating: Millionths,
    ) -> Result<[TransactWriteItem; 2], BuildError> {
        let parts = AttributeValue::N(rating.parts().to_string());
        let record = Update::builder()
            .table_name(&self.ledger)
            .key("request_id", AttributeValue::S(request_id.to_owned()))
            .update_expression("SET #rating = :rating")
            .condition_expression("#state = :settled AND attribute_not_exists(#rating)")
            .expression_attribute_names("#rating", "rating")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":rating", number(rating))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":settled", AttributeValue::S("settled".to_owned()));
        let [sum, count] = breakers::rated(target);
        let board = Update::builder()
            .table_name(&self.config)
            .key("id", AttributeValue::S(breakers::ID.to_owned()))
            .update_expression("ADD #sum :rating, #count :one")
            .expression_attribute_names("#sum", sum)
            .expression_attribute_names("#count", count)
            .expression_attribute_values(":rating", parts)
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        let write = |update: Update| TransactWriteItem::builder().update(update).build();
        Ok([write(record.build()?), write(board.build()?)])
    }
}

#[async_trait]
impl Ratings for DynamoRatings {
    async fn rate(&self, request_id: &str, target: &str, rating: Millionths) -> Result<Rated, StoreError> {
        let writes = self.writes((request_id, target), rating).map_err(unreachable(STORE))?;
        let mut tries = 0;
        loop {
            let sent =
                self.client.transact_write_items().set_transact_items(Some(writes.to_vec())).send().await;
            let Err(error) = sent else { return Ok(Rated::Done) };
            let reasons = reasons(&error);
            if let Some(held) = reasons.iter().find(|one| one.code() == Some("ConditionalCheckFailed")) {
                let is_same = held.item().and_then(|item| item.get("rating")) == Some(&number(rating));
                return Ok(if is_same { Rated::Done } else { Rated::Otherwise });
            }
            tries += 1;
            if tries == TRIES || !is_conflict(reasons) {
                return Err(unreachable(STORE)(error));
            }
            pause(tries).await;
        }
    }
}

fn reasons(error: &SdkError<TransactWriteItemsError>) -> &[CancellationReason] {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}

/// A rating as records hold it.
fn number(rating: Millionths) -> AttributeValue {
    AttributeValue::N(rating.to_string())
}
