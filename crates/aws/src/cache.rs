//! The cache in DynamoDB: an item per key holds the entry and the lease. What is too large for it lies in S3.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use bytes::Bytes;
use tollgate_core::cache::entry::MAX_REPLY_BYTES;
use tollgate_core::cache::{About, Entry, Lease, Leasing};
use tollgate_core::ports::{Cache, Standing, StoreError};
use tollgate_core::time::Timestamp;

use crate::answers::{MAX_INLINE_BYTES, Objects};
use crate::packing;
use crate::store::unreachable;

const STORE: &str = "cache";

/// The packed reply, which is binary.
const REPLY: &str = "reply";

/// The name of the packed reply in the bucket.
const OBJECT: &str = "object";

const LEASE: &str = "lease";

/// After that the table may forget an item that holds nothing but a lease that has ended.
const LEASE_KEPT_SECS: u64 = 3_600;

type Attributes = HashMap<String, AttributeValue>;

/// The cache table, and the bucket for what is too large for it.
#[derive(Clone, Debug)]
pub struct DynamoCache {
    client: Client,
    table: String,
    objects: Option<Objects>,
}

impl DynamoCache {
    /// Over this table; without objects, large answers are not kept.
    #[must_use]
    pub const fn new(client: Client, table: String, objects: Option<Objects>) -> Self {
        Self { client, table, objects }
    }

    async fn entry(&self, mut item: Attributes, now: Timestamp) -> Result<Option<Entry>, StoreError> {
        let (inline, object) = (item.remove(REPLY), item.remove(OBJECT));
        if inline.is_none() && object.is_none() {
            return Ok(None);
        }
        let about: About = serde_dynamo::from_item(item).map_err(unreachable(STORE))?;
        if !about.is_fresh(now) {
            return Ok(None);
        }
        let packed = match (inline, object, &self.objects) {
            (Some(AttributeValue::B(packed)), _, _) => packed.into_inner().into(),
            (None, Some(AttributeValue::S(name)), Some(objects)) => match objects.get(&name).await? {
                Some(packed) => packed,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let reply = packing::unpack(&packed).map_err(unreachable(STORE))?;
        Ok(Some(Entry { about, reply }))
    }

    /// The attribute that holds the reply, or says where it is; `None` where it is too large for this cache.
    async fn place(
        &self,
        key: &str,
        entry: &Entry,
    ) -> Result<Option<(&'static str, AttributeValue)>, StoreError> {
        if entry.reply.len() > MAX_REPLY_BYTES {
            return Ok(None);
        }
        let packed: Bytes = packing::pack(&entry.reply).map_err(unreachable(STORE))?;
        if packed.len() <= MAX_INLINE_BYTES {
            return Ok(Some((REPLY, AttributeValue::B(Blob::new(packed)))));
        }
        let Some(objects) = &self.objects else { return Ok(None) };
        // The call's id makes it a name of its own: an item never points to what another call wrote.
        let name = format!("cache/{key}/{}", entry.about.request_id);
        objects.put(&name, packed).await?;
        Ok(Some((OBJECT, AttributeValue::S(name))))
    }
}

#[async_trait]
impl Cache for DynamoCache {
    async fn read(&self, key: &str, now: Timestamp) -> Result<Standing, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("cacheKey", AttributeValue::S(key.to_owned()))
            .send()
            .await
            .map_err(unreachable(STORE))?;
        let Some(item) = found.item else { return Ok(Standing::default()) };
        let lease = lease(&item)?.filter(|lease| lease.stands(now));
        Ok(Standing { entry: self.entry(item, now).await?, lease })
    }

    async fn write(&self, key: &str, entry: &Entry) -> Result<(), StoreError> {
        let Some((attribute, place)) = self.place(key, entry).await? else { return Ok(()) };
        let attributes = serde_dynamo::to_item(&entry.about).map_err(unreachable(STORE))?;
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes))
            .item("cacheKey", AttributeValue::S(key.to_owned()))
            .item(attribute, place)
            .send()
            .await
            .map(drop)
            .map_err(unreachable(STORE))
    }

    async fn lease(&self, key: &str, lease: &Lease, now: Timestamp) -> Result<Leasing, StoreError> {
        let forget = lease.until_us.as_secs() + LEASE_KEPT_SECS;
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("cacheKey", AttributeValue::S(key.to_owned()))
            .update_expression("SET #lease = :lease, #expires = if_not_exists(#expires, :forget)")
            .condition_expression(
                "attribute_not_exists(#lease) OR #lease.#until <= :now OR #lease.#holder = :holder",
            )
            .expression_attribute_names("#lease", LEASE)
            .expression_attribute_names("#until", "until_us")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_names("#expires", "expiresAt")
            .expression_attribute_values(
                ":lease",
                serde_dynamo::to_attribute_value(lease).map_err(unreachable(STORE))?,
            )
            .expression_attribute_values(":holder", AttributeValue::S(lease.holder.clone()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_micros().to_string()))
            .expression_attribute_values(":forget", AttributeValue::N(forget.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = updated else { return Ok(Leasing::Taken) };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(unreachable(STORE)(error));
        };
        let held = failed.item().map(self::lease).transpose()?.flatten();
        // One that is gone by now was another's a moment ago.
        Ok(Leasing::Held(held.unwrap_or(Lease { holder: String::new(), until_us: now })))
    }

    async fn release(&self, key: &str, holder: &str) -> Result<(), StoreError> {
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("cacheKey", AttributeValue::S(key.to_owned()))
            .update_expression("REMOVE #lease")
            .condition_expression("#lease.#holder = :holder")
            .expression_attribute_names("#lease", LEASE)
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":holder", AttributeValue::S(holder.to_owned()))
            .send()
            .await;
        match updated {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                // It has ended, or is another's.
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }
}

fn lease(item: &Attributes) -> Result<Option<Lease>, StoreError> {
    let lease = item.get(LEASE).cloned();
    lease.map(serde_dynamo::from_attribute_value).transpose().map_err(unreachable(STORE))
}
