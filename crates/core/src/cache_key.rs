//! The key of the exact cache: a hash over the canonical request within its tenant. It stands still under field order
//! and the spelling of numbers, and moves with anything that can change the answer.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::dialect::Dialect;
use crate::name::Name;
use crate::request::Request;

/// Raised when what is cached, or for whom, changes its meaning: old entries are then never found again.
const POLICY_VERSION: u32 = 2;

/// Fields that say who asks, not what; they reach the provider and cannot change the answer. A response, which is written
/// in the other dialect, repeats them.
const WITHOUT_EFFECT: [&str; 3] = ["user", "metadata", "safety_identifier"];

/// The key of a request within its tenant. The cap of a call that names none is not part of it: only whole answers are
/// kept, and a whole answer is right under any cap. `stops` are the stop sequences that an operator set for a call
/// that names none.
#[must_use]
pub fn exact_key(tenant: &Name, request: &Request, stops: &[String]) -> String {
    let mut text = format!("v{POLICY_VERSION}\ntenant={tenant}\ndialect={}\n", request.dialect.as_str());
    for stop in stops {
        text.push_str("stop=");
        write_string(stop, &mut text);
        text.push('\n');
    }
    let mut members: Vec<_> = request.body().members().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    let repeats_all = request.dialect == Dialect::Responses;
    for (name, value) in members {
        let is_null = value.get() == "null";
        if is_null || (!repeats_all && WITHOUT_EFFECT.contains(&name)) {
            continue;
        }
        write_string(name, &mut text);
        text.push('=');
        match serde_json::from_str(value.get()) {
            Ok(value) => write_value(&value, &mut text),
            // A value that nests too deep for the tree keeps its own spelling, which is merely a narrower key.
            Err(_) => text.push_str(value.get()),
        }
        text.push('\n');
    }
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&plain_number(&number.to_string())),
        Value::String(value) => write_string(value, text),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_value(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in members {
                write_string(name, text);
                text.push(':');
                write_value(value, text);
                text.push(',');
            }
            text.push('}');
        }
    }
}

fn write_string(value: &str, text: &mut String) {
    text.push_str(&Value::from(value).to_string());
}

/// One spelling for each number: `1`, `1.0` and `1e0` are the same.
fn plain_number(text: &str) -> String {
    let plain = text.strip_suffix(".0").unwrap_or(text);
    if plain == "-0" { "0".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(tenant: &str, body: &str) -> String {
        exact_key(&tenant.parse().unwrap(), &Request::parse(Dialect::Chat, body.as_bytes()).unwrap(), &[])
    }

    const BODY: &str =
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1,"seed":7}"#;

    #[test]
    fn order_and_spelling_do_not_matter() {
        let other = r#"{ "seed": 7, "temperature": 1e0, "messages": [{"content":"\u0068i","role":"user"}], "model":"m", "stop":null}"#;

        assert_eq!(key("a", BODY), key("a", other));
    }

    #[test]
    fn who_asks_does_not_matter_within_a_tenant() {
        let named = BODY.replace("\"seed\"", "\"user\":\"u1\",\"metadata\":{\"a\":\"b\"},\"seed\"");

        assert_eq!(key("a", BODY), key("a", &named));
    }

    #[test]
    fn no_leak_a_response_repeats_who_asked_and_is_kept_for_them_alone() {
        let key = |member: &str| {
            let body = format!(r#"{{"model":"m","input":"hi"{member}}}"#);
            let request = Request::parse(Dialect::Responses, body.as_bytes()).unwrap();
            exact_key(&"a".parse().unwrap(), &request, &[])
        };

        for member in [r#","user":"u1""#, r#","metadata":{"a":"b"}"#, r#","safety_identifier":"s""#] {
            assert_ne!(key(""), key(member), "{member}");
        }
    }

    #[test]
    fn no_leak_anything_that_can_change_the_answer_changes_the_key() {
        let others = [
            BODY.replace("\"m\"", "\"n\""),
            BODY.replace("hi", "hi "),
            BODY.replace("user", "system"),
            BODY.replace("\"temperature\":1", "\"temperature\":0.5"),
            BODY.replace("\"seed\":7", "\"seed\":8"),
            BODY.replace("\"seed\"", "\"unknown_field\":1,\"seed\""),
            BODY.replace("\"seed\"", "\"stream\":true,\"seed\""),
            BODY.replace("\"seed\"", "\"max_tokens\":100,\"seed\""),
        ];
        for other in &others {
            assert_ne!(key("a", BODY), key("a", other), "{other}");
        }
        assert_ne!(key("a", BODY), key("b", BODY));
    }

    proptest! {
        #[test]
        fn two_texts_share_a_key_only_when_they_are_equal(one in ".{0,20}", other in ".{0,20}") {
            let body = |text: &str| serde_json::json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string();

            prop_assert_eq!(key("a", &body(&one)) == key("a", &body(&other)), one == other);
        }

        #[test]
        fn the_border_of_two_fields_cannot_be_moved(one in "[a-z=\n\",]{0,8}", other in "[a-z=\n\",]{0,8}") {
            let body = |a: &str, b: &str| serde_json::json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "a": a, "b": b}).to_string();

            prop_assert_eq!(key("t", &body(&one, &other)) == key("t", &body(&other, &one)), one == other);
        }
    }
}
