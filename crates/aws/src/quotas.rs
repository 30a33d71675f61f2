//! Buckets for providers' quotas, in DynamoDB. One write where this environment knows the minute, two where it does not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use tollgate_core::ports::{Drawn, Quotas, StoreError};
use tollgate_core::quota::{Draw, Quota};
use tollgate_core::write::{Item, Table, Write};

use crate::store::unreachable;
use crate::writes::{Said, from_attributes};

const STORE: &str = "limits";

/// Each round answers to the item that the round before lost to. Whoever loses all of them is let through: the provider
/// has the last word.
const ROUNDS: u8 = 4;

/// Quotas in the limits table.
#[derive(Debug)]
pub struct DynamoQuotas {
    client: Client,
    table: String,
    /// The item of the last minute that was seen, by target and account.
    known: Mutex<HashMap<(String, String), (String, Item)>>,
}

impl DynamoQuotas {
    /// Over this table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, known: Mutex::default() }
    }

    /// Writes, and hands back the item as it is then, or as it stood in the way.
    async fn write(&self, write: &Write) -> Result<Result<Item, Item>, StoreError> {
        let said = Said::of(write);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(write.table.key(), AttributeValue::S(write.key.clone()))
            .update_expression(said.update)
            .set_condition_expression(said.condition)
            .set_expression_attribute_names(said.names)
            .set_expression_attribute_values(said.values)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(done) => Ok(Ok(from_attributes(done.attributes.unwrap_or_default(), STORE)?)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Err(from_attributes(failed.item.clone().unwrap_or_default(), STORE)?))
                }
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }

    async fn read(&self, key: String) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let found = get.key(Table::Limits.key(), AttributeValue::S(key)).send().await;
        found.map_err(unreachable(STORE))?.item.map(|item| from_attributes(item, STORE)).transpose()
    }

    fn known(&self, draw: &Draw) -> Option<(String, Item)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(draw.target.clone(), draw.account.clone())).cloned()
    }

    fn remember(&self, draw: &Draw, item: Item) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((draw.target.clone(), draw.account.clone()), (draw.key(), item));
    }
}

#[async_trait]
impl Quotas for DynamoQuotas {
    async fn draw(&self, draw: &Draw, quota: &Quota) -> Result<Drawn, StoreError> {
        let known = self.known(draw);
        let of = |key: String| known.as_ref().filter(|(of, _)| *of == key).map(|(_, item)| item.clone());
        let mut seen = of(draw.key());
        // A minute that nobody here has seen begins with the teams of the one before.
        let before = match of(draw.key_before()) {
            Some(item) => item,
            None if seen.is_none() => self.read(draw.key_before()).await?.unwrap_or_default(),
            None => Item::new(),
        };
        for round in 0..ROUNDS {
            let write = match draw.take(quota, seen.as_ref(), &before) {
                Ok(write) => write,
                // What is remembered may be old: a refusal needs a fresh look.
                Err(_) if round == 0 && seen.is_some() => {
                    seen = self.read(draw.key()).await?;
                    continue;
                }
                Err(retry_after) => return Ok(Drawn::Refused { retry_after }),
            };
            match self.write(&write).await? {
                Ok(item) => {
                    self.remember(draw, item);
                    return Ok(Drawn::Taken);
                }
                Err(item) => {
                    self.remember(draw, item.clone());
                    seen = Some(item);
                }
            }
        }
        Ok(Drawn::Taken)
    }

    async fn give_back(&self, write: Write) -> Result<(), StoreError> {
        self.write(&write).await.map(drop)
    }
}
