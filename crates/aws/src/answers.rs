//! Answers of calls under an idempotency key: in their claim's item, or in S3 where they are large. Both are encrypted with
//! the stack's key, which the table and the bucket name.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use tollgate_core::idempotency::{Answered, Claim, Claimed, Kept, MAX_ANSWER_BYTES, Place, Progress};
use tollgate_core::ports::{Answers, Keeping, StoreError};

pub use self::objects::Objects;
use crate::claims;
use crate::packing;
use crate::store::unreachable;

mod objects;

const STORE: &str = "cache";

/// DynamoDB takes items of 400 KB, and asks for money by the KB: what is longer, packed, goes to S3.
pub(crate) const MAX_INLINE_BYTES: usize = 300 * 1024;

/// The cache table, and the bucket for what is too large for it.
#[derive(Clone, Debug)]
pub struct DynamoAnswers {
    client: Client,
    table: String,
    objects: Option<Objects>,
}

impl DynamoAnswers {
    /// Over this table; without objects, large answers are not kept.
    #[must_use]
    pub const fn new(client: Client, table: String, objects: Option<Objects>) -> Self {
        Self { client, table, objects }
    }

    async fn place(&self, claim: &Claim, packed: Bytes) -> Result<Option<Place>, StoreError> {
        if packed.len() <= MAX_INLINE_BYTES {
            return Ok(Some(Place::Inline(packed)));
        }
        let Some(objects) = &self.objects else { return Ok(None) };
        // The call's id makes it a name of its own: whoever comes later never writes over what a claim points to.
        let name = format!("idem/{}/{}", claim.id.trim_start_matches("idem#"), claim.request_id);
        objects.put(&name, packed).await?;
        Ok(Some(Place::Object(name)))
    }
}

#[async_trait]
impl Answers for DynamoAnswers {
    async fn find(&self, id: &str) -> Result<Option<Claimed>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("cacheKey", AttributeValue::S(id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        found.item.map(claims::read).transpose()
    }

    async fn keep(&self, claim: &Claim, answer: &Answered) -> Result<Keeping, StoreError> {
        if answer.body.len() > MAX_ANSWER_BYTES {
            return Ok(Keeping::TooLarge);
        }
        let packed = packing::pack(&answer.body).map_err(unreachable(STORE))?;
        let Some(place) = self.place(claim, packed).await? else { return Ok(Keeping::TooLarge) };
        let Answered { status, form, ref target, .. } = *answer;
        let kept = Kept { status, form, target: target.clone(), place };
        let claimed = Claimed { claim: claim.clone(), progress: Progress::Done(kept) };
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(claims::write(&claimed)?))
            .condition_expression("#request = :ours")
            .expression_attribute_names("#request", "request_id")
            .expression_attribute_values(":ours", AttributeValue::S(claim.request_id.clone()))
            .send()
            .await;
        match written {
            Ok(_) => Ok(Keeping::Done),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Keeping::Lost),
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }

    async fn free(&self, id: &str, request_id: &str) -> Result<(), StoreError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("cacheKey", AttributeValue::S(id.to_owned()))
            .condition_expression("#request = :its AND #state = :running")
            .expression_attribute_names("#request", "request_id")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":its", AttributeValue::S(request_id.to_owned()))
            .expression_attribute_values(":running", AttributeValue::S("running".to_owned()))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                // Gone already, or somebody else's: it is not in this call's name any more.
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }

    async fn body(&self, kept: &Kept) -> Result<Option<Bytes>, StoreError> {
        let packed = match (&kept.place, &self.objects) {
            (Place::Inline(packed), _) => packed.clone(),
            (Place::Object(_), None) => return Ok(None),
            (Place::Object(name), Some(objects)) => match objects.get(name).await? {
                Some(packed) => packed,
                None => return Ok(None),
            },
        };
        packing::unpack(&packed).map(Some).map_err(unreachable(STORE))
    }
}

#[cfg(test)]
mod tests;
