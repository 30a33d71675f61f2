//! The smallest value that fits a JSON schema: what the stand-in says where a schema is asked for.

use serde_json::{Map, Value, json};

/// Schemas nest deeper only where they are wrong or have no finite value.
const DEEPEST: usize = 32;
const LONGEST: usize = 10_000;

/// A value that fits `schema`, always the same one: required members only, null where it may be null.
pub(super) fn instance(schema: &Value) -> Value {
    Maker { root: schema }.make(schema, DEEPEST)
}

struct Maker<'a> {
    root: &'a Value,
}

impl Maker<'_> {
    fn make(&self, schema: &Value, depth: usize) -> Value {
        let Some(depth) = depth.checked_sub(1) else { return Value::Null };
        if let Some(target) = schema["$ref"].as_str() {
            let pointer = target.strip_prefix('#').unwrap_or(target);
            return self.root.pointer(pointer).map_or(Value::Null, |target| self.make(target, depth));
        }
        if let Some(value) = schema.get("const").or_else(|| schema["enum"].get(0)) {
            return value.clone();
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return parts.iter().map(|part| self.make(part, depth)).fold(Value::Null, merge);
        }
        let alternatives = ["anyOf", "oneOf"].into_iter().find_map(|name| schema[name].as_array());
        if let Some(alternatives) = alternatives.filter(|all| !all.is_empty()) {
            let null = alternatives.iter().find(|alternative| alternative["type"] == "null");
            return self.make(null.unwrap_or(&alternatives[0]), depth);
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => string(schema).into(),
            "integer" | "number" => number(schema),
            "boolean" => false.into(),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let members = required.map(|name| {
            let member = schema["properties"].get(name);
            (name.to_owned(), member.map_or(Value::Null, |member| self.make(member, depth)))
        });
        Value::Object(members.collect::<Map<_, _>>())
    }

    fn array(&self, schema: &Value, depth: usize) -> Value {
        let first = schema["prefixItems"].as_array().into_iter().flatten();
        let mut items: Vec<_> = first.map(|item| self.make(item, depth)).collect();
        let least = size(&schema["minItems"]).unwrap_or(0);
        while items.len() < least {
            items.push(self.make(&schema["items"], depth));
        }
        items.into()
    }
}

fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) if kinds.iter().any(|kind| kind == "null") => "null",
        Value::Array(kinds) => kinds.first().and_then(Value::as_str).unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ => "null",
    }
}

fn string(schema: &Value) -> String {
    let text = match schema["format"].as_str() {
        Some("date-time") => "2026-11-22T10:11:12Z",
        Some("date") => "2026-11-22",
        Some("time") => "10:11:12Z",
        Some("email") => "someone@example.com",
        Some("uuid") => "01939a5e-0000-7000-8000-000000000000",
        Some("uri") => "https://example.com/",
        _ => "word",
    };
    let least = size(&schema["minLength"]).unwrap_or(0);
    let most = size(&schema["maxLength"]).unwrap_or(usize::MAX);
    text.chars().chain(std::iter::repeat_n('x', least.saturating_sub(text.len()))).take(most).collect()
}

/// A length that a schema asks for, as far as the stand-in goes along.
fn size(length: &Value) -> Option<usize> {
    length.as_u64().map(|length| usize::try_from(length).unwrap_or(usize::MAX).min(LONGEST))
}

/// Nought, or the bound that is nearest to it.
fn number(schema: &Value) -> Value {
    let above = schema["exclusiveMinimum"].as_i64().map(|bound| json!(bound.saturating_add(1)));
    let below = schema["exclusiveMaximum"].as_i64().map(|bound| json!(bound.saturating_sub(1)));
    let least = above
        .or_else(|| schema.get("minimum").cloned())
        .filter(|least| least.as_f64().is_some_and(|least| least > 0.0));
    let most = below
        .or_else(|| schema.get("maximum").cloned())
        .filter(|most| most.as_f64().is_some_and(|most| most < 0.0));
    least.or(most).unwrap_or_else(|| json!(0))
}

fn merge(left: Value, right: Value) -> Value {
    match (left, right) {
        (Value::Object(mut left), Value::Object(right)) => {
            left.extend(right);
            left.into()
        }
        (left, Value::Null) => left,
        (_, right) => right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_members_are_there_and_no_others() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string", "minLength": 6 },
                "unit": { "enum": ["celsius", "fahrenheit"] },
                "days": { "type": "array", "items": { "$ref": "#/$defs/day" }, "minItems": 2 },
                "note": { "type": ["string", "null"] },
                "spare": { "type": "boolean" },
            },
            "required": ["city", "unit", "days", "note"],
            "$defs": { "day": { "type": "integer", "minimum": 1 } },
        });

        let value = instance(&schema);

        assert_eq!(value, json!({ "city": "wordxx", "unit": "celsius", "days": [1, 1], "note": null }));
    }

    #[test]
    fn a_schema_that_contains_itself_comes_to_an_end() {
        let finite = json!({
            "type": "object",
            "properties": { "next": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] } },
            "required": ["next"],
        });
        let endless = json!({ "$ref": "#" });

        assert_eq!(instance(&finite), json!({ "next": null }));
        assert_eq!(instance(&endless), Value::Null);
    }

    #[test]
    fn a_number_is_the_one_within_its_bounds_that_is_nearest_to_nought() {
        let numbers = [
            json!({ "type": "integer", "minimum": -9, "maximum": 9 }),
            json!({ "type": "integer", "exclusiveMinimum": 2 }),
            json!({ "type": "number", "minimum": 0.5 }),
            json!({ "type": "integer", "maximum": -3 }),
        ]
        .map(|schema| instance(&schema).to_string());

        assert_eq!(numbers, ["0", "3", "0.5", "-3"]);
    }

    #[test]
    fn alternatives_and_parts_are_followed() {
        let schema = json!({
            "allOf": [
                { "type": "object", "properties": { "a": { "const": 1 } }, "required": ["a"] },
                { "properties": { "b": { "oneOf": [{ "type": "boolean" }] } }, "required": ["b"] },
            ],
        });

        assert_eq!(instance(&schema), json!({ "a": 1, "b": false }));
    }
}
