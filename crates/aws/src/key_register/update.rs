//! A key's limits changed, in one conditional write over what was read.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_dynamo::aws_sdk_dynamodb_1::from_item;
use tollgate_core::caller::KeyRecord;
use tollgate_core::caller::change::{ChangeRefusal, KeyChange};
use tollgate_core::name::Name;
use tollgate_core::ports::StoreError;

use super::unchanged::Unchanged;
use super::{HASH, Item, KeyRegister, STORE, TRIES, attributes};
use crate::contention::pause;
use crate::unreachable;

/// What became of a key that was to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// It is so now.
    Done(Box<KeyRecord>),
    /// It is not one to be changed so.
    Refused(ChangeRefusal),
    /// Others changed it again and again at this moment, and nothing was written.
    Lost,
    /// No key has this id.
    Unknown,
}

impl KeyRegister {
    /// Changes what the change names, over the row as it was read: what another wrote since is never overwritten, be
    /// it a revocation, a suspension, a rotation or another change.
    pub async fn update(&self, id: &Name, change: &KeyChange) -> Result<Update, StoreError> {
        let Some(hash) = self.hash_of(id).await? else { return Ok(Update::Unknown) };
        for round in 0..TRIES {
            // Each round begins with what the others left.
            pause(round).await;
            let Some(row) = self.row(&hash).await? else { return Ok(Update::Unknown) };
            let before: KeyRecord = from_item(row.clone()).map_err(unreachable(STORE))?;
            let after = match change.apply(&before) {
                Ok(after) => after,
                Err(refusal) => return Ok(Update::Refused(refusal)),
            };
            if after == before || self.replace(&hash, &row, &differences(&before, &after)?).await? {
                return Ok(Update::Done(Box::new(after)));
            }
        }
        Ok(Update::Lost)
    }

    /// Whether the row was still the one that was read, and is changed.
    async fn replace(
        &self,
        hash: &AttributeValue,
        row: &Item,
        differences: &[Difference],
    ) -> Result<bool, StoreError> {
        let new = differences.iter().map(|difference| difference.name.as_str());
        let unchanged = Unchanged::of(row, new);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(HASH, hash.clone())
            .condition_expression(unchanged.condition)
            .set_expression_attribute_names(Some(unchanged.names))
            .set_expression_attribute_values(Some(unchanged.values));
        match change(request, differences).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(
                    UpdateItemError::ConditionalCheckFailedException(_)
                    | UpdateItemError::TransactionConflictException(_),
                ) => Ok(false),
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }
}

/// An attribute that is to be written, or taken away.
struct Difference {
    name: String,
    value: Option<AttributeValue>,
}

/// What is different, attribute by attribute: nothing else is written, in whatever form it stands there.
fn differences(before: &KeyRecord, after: &KeyRecord) -> Result<Vec<Difference>, StoreError> {
    let (before, mut after) = (attributes(before)?, attributes(after)?);
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let differences = names.into_iter().map(|name| {
        let value = after.remove(&name);
        (before.get(&name) != value.as_ref()).then_some(Difference { name, value })
    });
    Ok(differences.flatten().collect())
}

fn change(mut request: UpdateItemFluentBuilder, differences: &[Difference]) -> UpdateItemFluentBuilder {
    let (mut set, mut removed) = (Vec::new(), Vec::new());
    for (index, Difference { name, value }) in differences.iter().enumerate() {
        request = request.expression_attribute_names(format!("#to{index}"), name);
        match value {
            None => removed.push(format!("#to{index}")),
            Some(value) => {
                request = request.expression_attribute_values(format!(":to{index}"), value.clone());
                set.push(format!("#to{index} = :to{index}"));
            }
        }
    }
    let clauses = [("SET", set), ("REMOVE", removed)];
    let clauses = clauses.iter().filter(|(_, parts)| !parts.is_empty());
    let clauses: Vec<String> = clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", "))).collect();
    request.update_expression(clauses.join(" "))
}

#[cfg(test)]
mod tests;
