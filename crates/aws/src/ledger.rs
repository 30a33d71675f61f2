//! The ledger and the budgets it moves, in DynamoDB.
//!
//! Money moves only in transactions that hold on to the record's state, so a second try of ours counts once; each carries
//! a `ClientRequestToken`, so a retry that the SDK makes after a lost reply counts once too.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use tollgate_core::idempotency::Claim;
use tollgate_core::ports::{Granted, Ledger, Reservation, StoreError, Transition};
use tollgate_core::record::{self, Record};
use tollgate_core::reservation::{Next, Obstacle, Taking};
use tollgate_core::write::{Change, Item, Table, Write};

use crate::contention::pause;
use crate::lanes::Lanes;
use crate::store::unreachable;
use crate::writes::{Said, Tables, Transacted, from_attributes, to_attributes};

const STORE: &str = "ledger";

/// How often a step that lost to another transaction is tried: with the pauses between, for about a second.
const TRIES: u32 = 12;

/// How many steps a taking may have. Each answers to what the step before met, so more are a sign of many others.
const STEPS: u32 = 40;

/// The ledger and limits tables.
#[derive(Clone, Debug)]
pub struct DynamoLedger {
    client: Client,
    tables: Tables,
    lanes: Lanes,
}

impl DynamoLedger {
    /// Over these tables.
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        let lanes = Lanes::new(client.clone(), tables.limits.clone());
        Self { client, tables, lanes }
    }

    /// One transaction, tried again while others are at work on its items. `None` where they always were.
    async fn transact(&self, writes: &[Write]) -> Result<Option<Transacted>, StoreError> {
        for attempt in 0..TRIES {
            pause(attempt).await;
            match self.tables.transact(&self.client, writes, STORE).await? {
                Transacted::Conflict => {}
                done => return Ok(Some(done)),
            }
        }
        Ok(None)
    }

    async fn look(&self, taking: &mut Taking<'_>, dry: usize) -> Result<Option<Reservation>, StoreError> {
        let Some(lane) = taking.record().lane() else { return Ok(None) };
        let Some(view) = self.lanes.below(&lane, dry).await? else { return Ok(Some(Reservation::Contended)) };
        match taking.looked(dry, &view) {
            Err(refusal) => Ok(Some(Reservation::Refused(refusal))),
            Ok(recalls) => {
                for recall in recalls {
                    // One that is lost to somebody else shows at the next try.
                    self.transact(&recall).await?;
                }
                Ok(None)
            }
        }
    }
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn flow(&self, key: &str) -> Result<Item, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.limits)
            .key(Table::Limits.key(), AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        found.item.map_or_else(|| Ok(Item::new()), |item| from_attributes(item, STORE))
    }

    async fn take(&self, mut taking: Taking<'_>) -> Result<Reservation, StoreError> {
        for _ in 0..STEPS {
            let writes = match taking.decide() {
                Next::Refuse(refusal) => return Ok(Reservation::Refused(refusal)),
                Next::Look(dry) => match self.look(&mut taking, dry).await? {
                    Some(reservation) => return Ok(reservation),
                    None => continue,
                },
                Next::Try(writes) => writes,
            };
            match self.transact(&writes).await? {
                Some(Transacted::Done) => return Ok(granted(taking)),
                Some(Transacted::Failed(failed)) => match taking.learn(failed) {
                    Ok(()) => {}
                    Err(Obstacle::Claimed(item)) => {
                        return Ok(Claim::of(&item).map_or(Reservation::Contended, Reservation::Claimed));
                    }
                    Err(Obstacle::Moved(item)) => {
                        let is_ours = matches!(moved(item, taking.record())?, Transition::Done);
                        return Ok(if is_ours { granted(taking) } else { Reservation::Contended });
                    }
                },
                Some(Transacted::Conflict) | None => return Ok(Reservation::Contended),
            }
        }
        Ok(Reservation::Contended)
    }

    async fn send(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        let write = record::write(Some(before), after);
        let said = Said::of(&write);
        let Change::Put(item) = &write.change else { return Ok(Transition::Missing) };
        let sent = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(to_attributes(item)))
            .set_condition_expression(said.condition)
            .set_expression_attribute_names(said.names)
            .set_expression_attribute_values(said.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else { return Ok(Transition::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let found = failed.item.clone().map(|item| from_attributes(item, STORE)).transpose()?;
                moved(found, after)
            }
            _ => Err(unreachable(STORE)(error)),
        }
    }

    async fn close(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        match self.transact(&record::close(before, after)).await? {
            Some(Transacted::Done) => Ok(Transition::Done),
            // The record is the first write, and the only one on a condition.
            Some(Transacted::Failed(failed)) => {
                moved(failed.into_iter().next().and_then(|(_, item)| item), after)
            }
            Some(Transacted::Conflict) | None => {
                Err(StoreError { store: STORE, cause: "the counters are contended".into() })
            }
        }
    }

    async fn enter(&self, record: &Record) -> Result<(), StoreError> {
        let write = record::write(None, record);
        let Change::Put(item) = &write.change else { return Ok(()) };
        self.client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(to_attributes(item)))
            .send()
            .await
            .map(drop)
            .map_err(unreachable(STORE))
    }
}

fn granted(taking: Taking<'_>) -> Reservation {
    let tokens = taking.standing();
    Reservation::Granted(Box::new(Granted { record: taking.into_record(), tokens }))
}

/// A lost race, unless what stands there is what we wrote ourselves and the reply was lost.
fn moved(item: Option<Item>, after: &Record) -> Result<Transition, StoreError> {
    let Some(item) = item else { return Ok(Transition::Missing) };
    let now: Record = serde_json::from_value(item.into()).map_err(unreachable(STORE))?;
    if now == *after { Ok(Transition::Done) } else { Ok(Transition::Lost(Box::new(now))) }
}

#[cfg(test)]
mod tests;
