//! The condition that a key's row is as it was read, so that nothing is written over what another wrote since.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{HASH, Item};

/// What others write that may not be there yet: a row that has got one of these is not the row that was read.
const OTHERS_WRITE: [&str; 4] = ["status", "suspension", "expires_at", "replaced_by"];

/// A condition with its names and values, which begin with `was`.
pub(super) struct Unchanged {
    pub(super) condition: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Unchanged {
    /// Each attribute that the row has stands as it is, and none of `new` has come.
    pub(super) fn of<'a>(row: &'a Item, new: impl IntoIterator<Item = &'a str>) -> Self {
        let own = row.keys().map(String::as_str).filter(|name| *name != HASH);
        let all: BTreeSet<&str> = own.chain(new).chain(OTHERS_WRITE).collect();
        let (mut names, mut values) = (HashMap::new(), HashMap::new());
        let mut conditions = Vec::new();
        for (index, name) in all.into_iter().enumerate() {
            names.insert(format!("#was{index}"), name.to_owned());
            conditions.push(match row.get(name) {
                None => format!("attribute_not_exists(#was{index})"),
                Some(value) => {
                    values.insert(format!(":was{index}"), value.clone());
                    format!("#was{index} = :was{index}")
                }
            });
        }
        Self { condition: conditions.join(" AND "), names, values }
    }
}
