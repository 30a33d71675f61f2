//! Filters over metadata: `$and`, `$eq` and `$gt`, and a bare value for `$eq`. The service has more; what this one does not
//! know it refuses.

use std::cmp::Ordering;

use serde_json::Value;

use super::request::Metadata;
use super::{Refusal, invalid};

/// What metadata must be.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    All(Vec<Self>),
    Equal(String, Value),
    Over(String, Value),
}

impl Filter {
    /// Without a filter everything is found.
    pub(super) fn parse(filter: Option<&Value>) -> Result<Self, Refusal> {
        let Some(filter) = filter else { return Ok(Self::All(Vec::new())) };
        let members = filter.as_object().filter(|members| !members.is_empty());
        let members = members.ok_or_else(|| invalid("filter", "must be an object with members"))?;
        members.iter().map(|(name, value)| Self::member(name, value)).collect::<Result<_, _>>().map(Self::All)
    }

    fn member(name: &str, value: &Value) -> Result<Self, Refusal> {
        if name == "$and" {
            let parts = value.as_array().filter(|parts| !parts.is_empty());
            let parts = parts.ok_or_else(|| invalid("filter", "$and takes a list that is not empty"))?;
            return parts.iter().map(|part| Self::parse(Some(part))).collect::<Result<_, _>>().map(Self::All);
        }
        if name.starts_with('$') {
            return Err(unknown(name));
        }
        let Some(operators) = value.as_object() else {
            return Ok(Self::Equal(name.to_owned(), value.clone()));
        };
        let compare = |(operator, value): (&String, &Value)| match (operator.as_str(), value) {
            ("$eq", Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                Ok(Self::Equal(name.to_owned(), value.clone()))
            }
            ("$gt", Value::Number(_)) => Ok(Self::Over(name.to_owned(), value.clone())),
            ("$eq" | "$gt", _) => Err(invalid("filter", format_args!("{operator} does not take {value}"))),
            _ => Err(unknown(operator)),
        };
        operators.iter().map(compare).collect::<Result<_, _>>().map(Self::All)
    }

    pub(super) fn admits(&self, metadata: &Metadata) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.admits(metadata)),
            Self::Equal(name, value) => match metadata.get(name) {
                // A list matches where one of its values does.
                Some(Value::Array(values)) => values.iter().any(|found| is_equal(found, value)),
                Some(found) => is_equal(found, value),
                None => false,
            },
            Self::Over(name, value) => {
                metadata.get(name).is_some_and(|found| compare(found, value) == Some(Ordering::Greater))
            }
        }
    }
}

/// Numbers are equal whatever their spelling.
fn is_equal(one: &Value, other: &Value) -> bool {
    one == other || compare(one, other) == Some(Ordering::Equal)
}

fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    one.as_f64()?.partial_cmp(&other.as_f64()?)
}

fn unknown(operator: &str) -> Refusal {
    invalid("filter", format_args!("the stand-in does not know {operator}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn admits(filter: &Value, metadata: Value) -> bool {
        let Value::Object(metadata) = metadata else { panic!("metadata is an object") };
        Filter::parse(Some(filter)).unwrap().admits(&metadata)
    }

    #[test]
    fn all_parts_must_hold() {
        let filter = json!({ "$and": [{ "p": { "$eq": "a" } }, { "at": { "$gt": 5 } }] });

        assert!(admits(&filter, json!({ "p": "a", "at": 6 })));
        for other in
            [json!({ "p": "b", "at": 6 }), json!({ "p": "a", "at": 5 }), json!({ "p": "a" }), json!({})]
        {
            assert!(!admits(&filter, other.clone()), "{other}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value_and_never_with_texts() {
        assert!(admits(&json!({ "n": 1 }), json!({ "n": 1.0 })));
        assert!(admits(&json!({ "n": { "$eq": "x" } }), json!({ "n": ["y", "x"] })));
        assert!(!admits(&json!({ "n": { "$gt": 1 } }), json!({ "n": "2" })));
        assert!(!admits(&json!({ "n": "1" }), json!({ "n": 1 })));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for wrong in [
            json!({}),
            json!([]),
            json!({ "$and": [] }),
            json!({ "$and": [{}] }),
            json!({ "$or": [{ "p": "a" }] }),
            json!({ "p": { "$near": 1 } }),
            json!({ "p": { "$gt": "a" } }),
            json!({ "p": { "$eq": {} } }),
        ] {
            assert!(Filter::parse(Some(&wrong)).is_err(), "{wrong}");
        }
        assert_eq!(Filter::parse(None).unwrap(), Filter::All(Vec::new()));
    }
}
