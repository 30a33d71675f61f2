//! Conditional writes in DynamoDB's words. What they mean is decided, and proven, in [`tollgate_core::write`].

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use tollgate_core::ports::StoreError;
use tollgate_core::write::{Change, Check, Item, Step, Table, Write};

use crate::contention::is_conflict;
use crate::store::unreachable;

/// An item as the SDK has it.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// The tables' names.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Records of calls.
    pub ledger: String,
    /// Rates, spend, lanes, flows.
    pub limits: String,
    /// Answers and claims on them.
    pub cache: String,
}

/// What came of a transaction.
#[derive(Debug)]
pub(crate) enum Transacted {
    /// All of it was written.
    Done,
    /// Nothing was: the places of the writes whose conditions failed, and what stood there.
    Failed(Vec<(usize, Option<Item>)>),
    /// Nothing was: another transaction was at work on the same items.
    Conflict,
}

impl Tables {
    /// The name of a table.
    #[must_use]
    pub fn name(&self, table: Table) -> &str {
        match table {
            Table::Ledger => &self.ledger,
            Table::Limits => &self.limits,
            Table::Cache => &self.cache,
        }
    }

    /// Carries out all writes, or none. The SDK's own retries carry the same token, so none of them counts twice.
    pub(crate) async fn transact(
        &self,
        client: &Client,
        writes: &[Write],
        store: &'static str,
    ) -> Result<Transacted, StoreError> {
        let items: Result<Vec<_>, _> = writes.iter().map(|write| self.in_transaction(write)).collect();
        let sent = client
            .transact_write_items()
            .client_request_token(format!("{:032x}", fastrand::u128(..)))
            .set_transact_items(Some(items.map_err(unreachable(store))?))
            .send()
            .await;
        let Err(error) = sent else { return Ok(Transacted::Done) };
        let reasons = reasons(&error);
        let failed: Vec<_> = reasons.iter().enumerate().filter(|(_, reason)| is_condition(reason)).collect();
        if !failed.is_empty() {
            let found = failed.into_iter().map(|(place, reason)| {
                Ok((place, reason.item.clone().map(|item| from_attributes(item, store)).transpose()?))
            });
            return Ok(Transacted::Failed(found.collect::<Result<_, StoreError>>()?));
        }
        if is_conflict(reasons) { Ok(Transacted::Conflict) } else { Err(unreachable(store)(error)) }
    }

    fn in_transaction(&self, write: &Write) -> Result<TransactWriteItem, BuildError> {
        let table = self.name(write.table);
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let said = Said::of(write);
        let item = TransactWriteItem::builder();
        Ok(match &write.change {
            Change::Put(whole) => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(to_attributes(whole)))
                    .set_condition_expression(said.condition)
                    .set_expression_attribute_names(said.names)
                    .set_expression_attribute_values(said.values)
                    .return_values_on_condition_check_failure(all_old)
                    .build()?,
            ),
            Change::Update(_) => item.update(
                Update::builder()
                    .table_name(table)
                    .key(write.table.key(), AttributeValue::S(write.key.clone()))
                    .update_expression(said.update)
                    .set_condition_expression(said.condition)
                    .set_expression_attribute_names(said.names)
                    .set_expression_attribute_values(said.values)
                    .return_values_on_condition_check_failure(all_old)
                    .build()?,
            ),
        }
        .build())
    }
}

/// A write's expressions.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) update: String,
    pub(crate) condition: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<Attributes>,
}

/// The placeholders of an expression.
#[derive(Default)]
struct Words {
    names: HashMap<String, String>,
    values: Attributes,
}

impl Said {
    pub(crate) fn of(write: &Write) -> Self {
        let mut words = Words::default();
        let update = match &write.change {
            Change::Put(_) => String::new(),
            Change::Update(steps) => words.update(steps),
        };
        let checks: Vec<String> = write.checks.iter().map(|check| words.check(check)).collect();
        Self {
            update,
            condition: (!checks.is_empty()).then(|| checks.join(" AND ")),
            names: (!words.names.is_empty()).then_some(words.names),
            values: (!words.values.is_empty()).then_some(words.values),
        }
    }
}

impl Words {
    fn update(&mut self, steps: &[(String, Step)]) -> String {
        let (mut set, mut add) = (Vec::new(), Vec::new());
        for (attribute, step) in steps {
            let name = self.name(attribute);
            match step {
                Step::Set(value) => set.push(format!("{name} = {}", self.value(number(value)))),
                Step::Add(delta) => add.push(format!("{name} {}", self.value(number(delta)))),
                Step::Join(texts) => {
                    add.push(format!("{name} {}", self.value(AttributeValue::Ss(texts.clone()))));
                }
            }
        }
        let mut said = String::new();
        for (verb, clauses) in [("SET", set), ("ADD", add)] {
            if !clauses.is_empty() {
                let space = if said.is_empty() { "" } else { " " };
                // Writing to a String cannot fail.
                let _ = write!(said, "{space}{verb} {}", clauses.join(", "));
            }
        }
        said
    }

    /// A number that is absent counts as zero.
    fn check(&mut self, check: &Check) -> String {
        match check {
            Check::Absent(attribute) => format!("attribute_not_exists({})", self.name(attribute)),
            Check::Is(attribute, value) => {
                format!("{} = {}", self.name(attribute), self.value(to_attribute(value)))
            }
            Check::AtMost(attribute, most) => self.compare(attribute, "<=", most, *most >= 0),
            Check::AtLeast(attribute, least) => self.compare(attribute, ">=", least, *least <= 0),
        }
    }

    fn compare(&mut self, attribute: &str, sign: &str, bound: &i128, holds_for_zero: bool) -> String {
        let (name, value) = (self.name(attribute), self.value(number(bound)));
        if holds_for_zero {
            format!("(attribute_not_exists({name}) OR {name} {sign} {value})")
        } else {
            format!("{name} {sign} {value}")
        }
    }

    fn name(&mut self, attribute: &str) -> String {
        let known = self.names.iter().find(|(_, known)| *known == attribute);
        if let Some((placeholder, _)) = known {
            return placeholder.clone();
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }
}

/// An item as the SDK takes it.
pub(crate) fn to_attributes(item: &Item) -> Attributes {
    item.iter().map(|(name, value)| (name.clone(), to_attribute(value))).collect()
}

/// An item as it is decided on: nothing is decided on bytes.
pub(crate) fn from_attributes(mut item: Attributes, store: &'static str) -> Result<Item, StoreError> {
    item.retain(|_, value| !matches!(value, AttributeValue::B(_)));
    serde_dynamo::from_item(item).map_err(unreachable(store))
}

fn to_attribute(value: &serde_json::Value) -> AttributeValue {
    use serde_json::Value;
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(truth) => AttributeValue::Bool(*truth),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(values) => AttributeValue::L(values.iter().map(to_attribute).collect()),
        Value::Object(item) => AttributeValue::M(to_attributes(item)),
    }
}

fn number<T: ToString>(value: &T) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn reasons(error: &SdkError<TransactWriteItemsError>) -> &[CancellationReason] {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}

fn is_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_write_is_said_with_placeholders_and_zero_stands_for_nothing() {
        let write = Write::update(Table::Limits, "spend#x".to_owned(), Vec::new())
            .and("expires_at", Step::Set(7))
            .and("d22", Step::Add(-3))
            .and("members", Step::Join(vec!["22#0".to_owned()]))
            .only_if(Check::AtMost("d22".to_owned(), 90))
            .only_if(Check::AtLeast("room".to_owned(), 5))
            .only_if(Check::AtLeast("room".to_owned(), -5))
            .only_if(Check::AtMost("d22".to_owned(), -1));

        let said = Said::of(&write);

        assert_eq!(said.update, "SET #n0 = :v0 ADD #n1 :v1, #n2 :v2");
        assert_eq!(
            said.condition.unwrap(),
            "(attribute_not_exists(#n1) OR #n1 <= :v3) AND #n3 >= :v4 \
             AND (attribute_not_exists(#n3) OR #n3 >= :v5) AND #n1 <= :v6"
        );
        assert_eq!(said.values.unwrap()[":v2"], AttributeValue::Ss(vec!["22#0".to_owned()]));
    }

    #[test]
    fn an_item_comes_back_as_it_went() {
        let item =
            json!({"a": 1, "b": "two", "c": [1, "x"], "d": {"e": true}, "f": 18_446_744_073_709_551_615_u64});
        let item = item.as_object().unwrap();

        assert_eq!(&from_attributes(to_attributes(item), "limits").unwrap(), item);
    }
}
