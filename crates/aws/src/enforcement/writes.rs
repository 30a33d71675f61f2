//! The transaction that carries an order out.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use serde::Serialize;
use tollgate_core::enforcement::Action;
use tollgate_core::settings::{FLAG_ID, HEAD_COPIES, STANDING_ID, head_id};

use super::{DynamoEnforcement, Fault, Item, StandingItem, action_id};

impl DynamoEnforcement {
    /// What was read is the condition of what is written. An action that changes nothing is only kept.
    pub(super) fn writes(&self, action: &Action, revision: u64) -> Result<Vec<TransactWriteItem>, Fault> {
        let kept = self
            .put(&action_id(&action.id), action)?
            .condition_expression("attribute_not_exists(id)")
            .build()?;
        let mut writes = vec![TransactWriteItem::builder().put(kept).build()];
        if !action.has_changed() {
            return Ok(writes);
        }
        let (before, after) = (&action.before, &action.after);
        let flag = self
            .put(FLAG_ID, &after.flag)?
            .condition_expression("since_us = :since_us")
            .expression_attribute_values(":since_us", number(before.flag.since_us.as_micros()))
            .build()?;
        let item = StandingItem { revision: revision + 1, standing: after.standing.clone() };
        let standing = self.put(STANDING_ID, &item)?;
        let standing = match revision {
            0 => standing.condition_expression("attribute_not_exists(id)"),
            _ => standing
                .condition_expression("revision = :revision")
                .expression_attribute_values(":revision", number(revision)),
        };
        let changed = [flag, standing.build()?].map(|put| TransactWriteItem::builder().put(put).build());
        writes.extend(changed);
        let flag: AttributeValue = serde_dynamo::to_attribute_value(&after.flag)?;
        let standing: AttributeValue = serde_dynamo::to_attribute_value(&after.standing)?;
        for copy in 0..HEAD_COPIES {
            let head = Update::builder()
                .table_name(&self.table)
                .key("id", AttributeValue::S(head_id(copy)))
                .update_expression("SET flag = :flag, standing = :standing")
                // A copy that the seed did not write would hold a flag and no versions.
                .condition_expression("attribute_exists(id)")
                .expression_attribute_values(":flag", flag.clone())
                .expression_attribute_values(":standing", standing.clone())
                .build()?;
            writes.push(TransactWriteItem::builder().update(head).build());
        }
        Ok(writes)
    }

    fn put(
        &self,
        id: &str,
        value: &impl Serialize,
    ) -> Result<aws_sdk_dynamodb::types::builders::PutBuilder, Fault> {
        let mut item: Item = serde_dynamo::to_item(value)?;
        item.insert("id".to_owned(), AttributeValue::S(id.to_owned()));
        Ok(Put::builder().table_name(&self.table).set_item(Some(item)))
    }
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
