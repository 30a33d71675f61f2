//! A key replaced by another, both written in one transaction: a crash leaves either both or none.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Put, TransactWriteItem, Update};
use serde_dynamo::aws_sdk_dynamodb_1::from_item;
use tollgate_core::caller::KeyRecord;
use tollgate_core::caller::rotation::{Rotated, RotationRefusal};
use tollgate_core::name::Name;
use tollgate_core::ports::StoreError;
use tollgate_core::time::Timestamp;

use super::unchanged::Unchanged;
use super::{HASH, Item, KeyRegister, STORE, TRIES, row};
use crate::contention::{is_conflict, pause};
use crate::unreachable;

/// The key that is to come.
#[derive(Clone, Copy, Debug)]
pub struct Successor<'a> {
    /// Its public part.
    pub id: &'a Name,
    /// Its row's key.
    pub hash: &'a str,
}

/// What became of a key that was to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It is replaced now.
    Done(Box<Rotated>),
    /// It is not one to be replaced.
    Refused(RotationRefusal),
    /// Other changes of the same key came first, again and again, and nothing was written.
    Lost,
    /// No key has this id.
    Unknown,
}

impl KeyRegister {
    /// Replaces a key by a new one with the same rights, and ends the old one after the grace.
    pub async fn rotate(
        &self,
        id: &Name,
        successor: Successor<'_>,
        grace: Duration,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let Some(hash) = self.hash_of(id).await? else { return Ok(Rotation::Unknown) };
        for attempt in 0..TRIES {
            pause(attempt).await;
            let Some(read) = self.row(&hash).await? else { return Ok(Rotation::Unknown) };
            let before: KeyRecord = from_item(read.clone()).map_err(unreachable(STORE))?;
            let rotated = match before.rotate(successor.id.clone(), grace, now) {
                Ok(rotated) => rotated,
                Err(refusal) => return Ok(Rotation::Refused(refusal)),
            };
            let writes =
                [self.put_new(successor.hash, &rotated.new)?, self.end_old(&hash, &read, &rotated.old)?];
            let sent =
                self.client.transact_write_items().set_transact_items(Some(writes.into())).send().await;
            let Err(error) = sent else { return Ok(Rotation::Done(Box::new(rotated))) };
            match reasons(&error) {
                // Others were faster: what they left decides whether there is anything to rotate still.
                [_, old] if old.code() == Some("ConditionalCheckFailed") => {}
                reasons if is_conflict(reasons) => {}
                _ => return Err(unreachable(STORE)(error)),
            }
        }
        Ok(Rotation::Lost)
    }

    fn put_new(&self, hash: &str, record: &KeyRecord) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row(hash, record)?))
            .condition_expression("attribute_not_exists(#hash)")
            .expression_attribute_names("#hash", HASH)
            .build()
            .expect("a put of a key has a table and an item");
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Only where the old key is as it was read: two rotations at once cannot both win, and the new key inherits no
    /// limit that was changed in between.
    fn end_old(
        &self,
        hash: &AttributeValue,
        read: &Item,
        after: &KeyRecord,
    ) -> Result<TransactWriteItem, StoreError> {
        let (Some(end), Some(successor)) = (after.expires_at, &after.replaced_by) else {
            return Err(StoreError { store: STORE, cause: "a replaced key has no end".into() });
        };
        let unchanged = Unchanged::of(read, []);
        let update = Update::builder()
            .table_name(&self.table)
            .key(HASH, hash.clone())
            .update_expression("SET #end = :end, #successor = :successor")
            .condition_expression(unchanged.condition)
            .set_expression_attribute_names(Some(unchanged.names))
            .set_expression_attribute_values(Some(unchanged.values))
            .expression_attribute_names("#end", "expires_at")
            .expression_attribute_names("#successor", "replaced_by")
            .expression_attribute_values(":end", number(end))
            .expression_attribute_values(":successor", AttributeValue::S(successor.to_string()));
        let update = update.build().expect("an update of a key has a table, a key and an expression");
        Ok(TransactWriteItem::builder().update(update).build())
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

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
