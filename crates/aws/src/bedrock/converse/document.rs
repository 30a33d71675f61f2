//! The SDK's documents as JSON values.

use std::collections::BTreeMap;

use aws_smithy_types::{Document, Number};
use serde_json::Value;

/// The order of members is lost in a document; they are put in that of their names, so that the text is always the same.
pub(super) fn to_value(document: &Document) -> Value {
    match document {
        Document::Null => Value::Null,
        Document::Bool(value) => Value::Bool(*value),
        Document::Number(Number::PosInt(number)) => Value::from(*number),
        Document::Number(Number::NegInt(number)) => Value::from(*number),
        Document::Number(Number::Float(number)) => Value::from(*number),
        Document::String(text) => Value::String(text.clone()),
        Document::Array(items) => Value::Array(items.iter().map(to_value).collect()),
        Document::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().collect();
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), to_value(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_the_value_that_it_was_read_from() {
        let number = |number: Number| Document::Number(number);
        let list = vec![
            Document::Null,
            Document::Bool(true),
            number(Number::NegInt(-5)),
            number(Number::PosInt(u64::MAX)),
            number(Number::Float(0.5)),
            Document::String("é".to_owned()),
        ];
        let document = Document::Object([("a".to_owned(), Document::Array(list))].into());

        assert_eq!(to_value(&document), json!({"a": [null, true, -5, u64::MAX, 0.5, "é"]}));
    }
}
