//! Tables in memory, with DynamoDB's own meaning of a transaction: all of its writes, or none.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Change, Check, Item, Step, Table, Write, number};

/// Tables in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    items: BTreeMap<(Table, String), Item>,
}

/// A transaction that was cancelled: the writes whose conditions failed, by their place, and the items that stood there.
pub type Cancelled = Vec<(usize, Option<Item>)>;

impl Memory {
    /// Carries out all writes, or none.
    pub fn transact(&mut self, writes: &[Write]) -> Result<(), Cancelled> {
        let failed: Cancelled = writes
            .iter()
            .enumerate()
            .map(|(place, write)| (place, write, self.get(write.table, &write.key)))
            .filter(|(_, write, item)| !write.checks.iter().all(|check| holds(check, item.as_ref())))
            .map(|(place, _, item)| (place, item))
            .collect();
        if !failed.is_empty() {
            return Err(failed);
        }
        for write in writes {
            self.apply(write);
        }
        Ok(())
    }

    /// An item as it stands.
    #[must_use]
    pub fn get(&self, table: Table, key: &str) -> Option<Item> {
        self.items.get(&(table, key.to_owned())).cloned()
    }

    /// The items of a table whose keys begin so, in order.
    pub fn starting_with<'a>(
        &'a self,
        table: Table,
        start: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Item)> {
        let all = self.items.iter().filter(move |((of, key), _)| *of == table && key.starts_with(start));
        all.map(|((_, key), item)| (key.as_str(), item))
    }

    /// Takes an item away.
    pub fn remove(&mut self, table: Table, key: &str) {
        self.items.remove(&(table, key.to_owned()));
    }

    fn apply(&mut self, write: &Write) {
        let at = (write.table, write.key.clone());
        match &write.change {
            Change::Put(item) => drop(self.items.insert(at, item.clone())),
            Change::Update(steps) => {
                let names: BTreeSet<&String> = steps.iter().map(|(attribute, _)| attribute).collect();
                assert_eq!(names.len(), steps.len(), "DynamoDB takes one step for each attribute");
                let item = self.items.entry(at).or_default();
                item.insert(write.table.key().to_owned(), json!(write.key));
                for (attribute, step) in steps {
                    let now = step_to(item, attribute, step);
                    item.insert(attribute.clone(), now);
                }
            }
        }
    }
}

fn holds(check: &Check, item: Option<&Item>) -> bool {
    let empty = Item::new();
    let item = item.unwrap_or(&empty);
    match check {
        Check::Absent(attribute) => !item.contains_key(attribute),
        Check::Is(attribute, value) => item.get(attribute) == Some(value),
        Check::AtMost(attribute, most) => number(item, attribute) <= *most,
        Check::AtLeast(attribute, least) => number(item, attribute) >= *least,
    }
}

fn step_to(item: &Item, attribute: &str, step: &Step) -> Value {
    match step {
        Step::Add(delta) => {
            let sum = number(item, attribute) + delta;
            i64::try_from(sum)
                .map_or_else(|_| json!(u64::try_from(sum).unwrap_or(u64::MAX)), |sum| json!(sum))
        }
        Step::Set(value) => json!(value),
        Step::Join(texts) => {
            let mut all: Vec<&str> = super::texts(item, attribute).collect();
            all.extend(texts.iter().map(String::as_str));
            all.sort_unstable();
            all.dedup();
            json!(all)
        }
    }
}
