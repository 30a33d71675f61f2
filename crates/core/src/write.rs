//! Conditional writes as data. What moves money is decided here as plain values; an adapter says the very same in the
//! words of DynamoDB, and the property tests carry it out in memory.
//!
//! A number that is absent counts as zero, in checks and in additions alike.

use serde_json::{Map, Value};

#[cfg(any(test, feature = "testing"))]
pub mod memory;

/// An item of a table, as JSON.
pub type Item = Map<String, Value>;

/// Whose item it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Records of calls.
    Ledger,
    /// Rates, spend, lanes, flows.
    Limits,
    /// Answers and claims on them.
    Cache,
}

impl Table {
    /// The attribute that is its key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ledger => "request_id",
            Self::Limits => "scope",
            Self::Cache => "cacheKey",
        }
    }
}

/// One conditional write of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// In which table.
    pub table: Table,
    /// Which item.
    pub key: String,
    /// All of these must hold, or nothing is written.
    pub checks: Vec<Check>,
    /// What is written.
    pub change: Change,
}

/// What must hold of an item before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// There is no such attribute; of the key: there is no such item.
    Absent(String),
    /// The attribute is this.
    Is(String, Value),
    /// The number is at most this.
    AtMost(String, i128),
    /// The number is at least this.
    AtLeast(String, i128),
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The whole item, in place of what stands there.
    Put(Item),
    /// Single attributes, each of them once; the others stay.
    Update(Vec<(String, Step)>),
}

/// What becomes of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The number grows by this, or shrinks.
    Add(i128),
    /// It is this number from now on.
    Set(u64),
    /// The texts join the set.
    Join(Vec<String>),
}

impl Write {
    /// Changes single attributes of an item, on no condition yet.
    #[must_use]
    pub const fn update(table: Table, key: String, steps: Vec<(String, Step)>) -> Self {
        Self { table, key, checks: Vec::new(), change: Change::Update(steps) }
    }

    /// This step too. A write of the whole item has no steps, and stays as it is.
    #[must_use]
    pub fn and(mut self, attribute: &str, step: Step) -> Self {
        if let Change::Update(steps) = &mut self.change {
            steps.push((attribute.to_owned(), step));
        }
        self
    }

    /// On this condition too.
    #[must_use]
    pub fn only_if(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }
}

/// A number of an item: zero where it is absent, or none that we wrote.
#[must_use]
pub fn number(item: &Item, attribute: &str) -> i128 {
    match item.get(attribute) {
        Some(Value::Number(number)) => {
            number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)).unwrap_or_default()
        }
        _ => 0,
    }
}

/// The texts of a set of an item.
pub fn texts<'a>(item: &'a Item, attribute: &str) -> impl Iterator<Item = &'a str> {
    item.get(attribute).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
