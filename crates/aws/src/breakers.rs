//! Breakers in the config table: all of them in one item, so that a call reads one thing, whoever it may ask.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_dynamo::aws_sdk_dynamodb_1::{from_attribute_value, to_attribute_value};
use tollgate_core::breaker::Breaker;
use tollgate_core::ports::{Board, Breakers, Shift, StoreError};
use tollgate_core::routing::Pace;

use crate::store::unreachable;

const STORE: &str = "config";

/// The id of the item.
pub(crate) const ID: &str = "health";

/// What the attribute of a target begins with: its id follows.
const TARGET: &str = "target#";

/// The same, of how fast it was.
const PACE: &str = "pace#";

/// The same, of the sum and of the number of its ratings.
const RATED: [&str; 2] = ["rated-sum#", "rated-count#"];

/// The breakers of a config table.
#[derive(Clone, Debug)]
pub struct DynamoBreakers {
    client: Client,
    table: String,
    is_consistent: bool,
}

impl DynamoBreakers {
    /// Over this table; what is read may be a little old, and costs half.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table, is_consistent: false }
    }

    /// The same, for those who write what follows from what they have read.
    #[must_use]
    pub fn consistent(self) -> Self {
        Self { is_consistent: true, ..self }
    }
}

#[async_trait]
impl Breakers for DynamoBreakers {
    async fn all(&self) -> Result<Board, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(ID.to_owned()))
            .consistent_read(self.is_consistent)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        Ok(board(found.item.unwrap_or_default()))
    }

    async fn write(&self, target: &str, breaker: &Breaker) -> Result<Shift, StoreError> {
        let before = breaker.revision.saturating_sub(1);
        let condition = match before {
            0 => "attribute_not_exists(#target) OR #target.#revision = :before",
            _ => "#target.#revision = :before",
        };
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(ID.to_owned()))
            .update_expression("SET #target = :after")
            .condition_expression(condition)
            .expression_attribute_names("#target", format!("{TARGET}{target}"))
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_values(":before", AttributeValue::N(before.to_string()))
            .expression_attribute_values(":after", to_attribute_value(breaker).map_err(unreachable(STORE))?)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Shift::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Shift::Lost),
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }

    async fn pace(&self, target: &str, pace: &Pace) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.table);
        let update =
            update.key("id", AttributeValue::S(ID.to_owned())).update_expression("SET #pace = :pace");
        let update = update.expression_attribute_names("#pace", format!("{PACE}{target}"));
        let pace = to_attribute_value(pace).map_err(unreachable(STORE))?;
        let sent = update.expression_attribute_values(":pace", pace).send().await;
        sent.map(drop).map_err(unreachable(STORE))
    }
}

/// What cannot be read is not known: its target is admitted.
fn board(item: HashMap<String, AttributeValue>) -> Board {
    let mut board = Board::default();
    for (name, value) in item {
        if let Some(target) = name.strip_prefix(TARGET) {
            board
                .breakers
                .extend(from_attribute_value(value).ok().map(|breaker| (target.to_owned(), breaker)));
        } else if let Some(target) = name.strip_prefix(PACE) {
            board.paces.extend(from_attribute_value(value).ok().map(|pace| (target.to_owned(), pace)));
        } else if let Some(target) = name.strip_prefix(RATED[0]) {
            board.ratings.entry(target.to_owned()).or_default().sum = number(&value);
        } else if let Some(target) = name.strip_prefix(RATED[1]) {
            board.ratings.entry(target.to_owned()).or_default().count = number(&value);
        }
    }
    board
}

/// The attributes with the sum and the number of a target's ratings.
pub(crate) fn rated(target: &str) -> [String; 2] {
    RATED.map(|begin| format!("{begin}{target}"))
}

fn number(value: &AttributeValue) -> u64 {
    value.as_n().ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}
