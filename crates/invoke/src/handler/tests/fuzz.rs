//! A thousand bodies that are wrong, made from right ones: each gets a 4xx in OpenAI's shape, and nothing is called.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::testing::*;

const CASES: u32 = 1_000;

/// Right requests of each endpoint.
fn right() -> Vec<(&'static str, Value)> {
    vec![
        (
            "/v1/chat/completions",
            json!({
                "model": "gpt-5.5", "stream": false, "temperature": 0.5, "max_completion_tokens": 50,
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
                    {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                    {"role": "tool", "tool_call_id": "c", "content": "1"},
                ],
                "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
                "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}},
            }),
        ),
        (
            "/v1/responses",
            json!({
                "model": "gpt-5.5", "instructions": "Be brief.", "max_output_tokens": 50, "store": false,
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "a"}]},
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "c", "output": "1"},
                ],
                "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
                "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}},
            }),
        ),
        ("/v1/embeddings", json!({"model": "embedder", "input": ["a", "b"], "dimensions": 256})),
    ]
}

/// What makes a right body wrong.
#[derive(Clone, Debug)]
enum Damage {
    /// It ends too early.
    Truncated(prop::sample::Index),
    /// A required field, or one whose type is known, has another type.
    Mistyped(prop::sample::Index, u8),
    /// A number is absurd.
    Huge,
    /// It nests without end.
    Deep(u16),
    /// A byte is no UTF-8.
    NoUtf8(prop::sample::Index),
    /// It is larger than we take.
    TooLarge,
    /// A name comes twice.
    Twice,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        60 => any::<prop::sample::Index>().prop_map(Damage::Truncated),
        80 => (any::<prop::sample::Index>(), 0..5_u8).prop_map(|(at, kind)| Damage::Mistyped(at, kind)),
        10 => Just(Damage::Huge),
        20 => (65..2_000_u16).prop_map(Damage::Deep),
        40 => any::<prop::sample::Index>().prop_map(Damage::NoUtf8),
        1 => Just(Damage::TooLarge),
        10 => Just(Damage::Twice),
    ]
}

/// Fields whose type is known, by endpoint.
fn typed(path: &str) -> &'static [&'static str] {
    match path {
        "/v1/chat/completions" => &[
            "/model",
            "/messages",
            "/messages/1/content/0/text",
            "/messages/0/role",
            "/tools",
            "/tools/0/function/name",
            "/max_completion_tokens",
            "/temperature",
            "/stream",
            "/response_format",
            "/messages/1/content/1/image_url",
        ],
        "/v1/responses" => &[
            "/model",
            "/input",
            "/input/0/content/0/text",
            "/tools",
            "/tools/0/name",
            "/max_output_tokens",
            "/reasoning/effort",
            "/input/1/arguments",
            "/input/2/output",
            "/text/format",
            "/store",
        ],
        _ => &["/model", "/input", "/dimensions"],
    }
}

/// A value that none of these fields takes.
fn stranger(kind: u8) -> Value {
    match kind {
        0 => json!({"unexpected": {"a": [1]}}),
        1 => json!([[[]]]),
        2 => json!(-1.5),
        3 => json!([{"b": null}, 5]),
        _ => json!({"type": 7}),
    }
}

fn apply(path: &str, right: &Value, damage: &Damage) -> Vec<u8> {
    let text = right.to_string();
    match damage {
        Damage::Truncated(at) => text.as_bytes()[..at.index(text.len())].to_vec(),
        Damage::Mistyped(at, kind) => {
            let mut wrong = right.clone();
            let pointer = at.get(typed(path));
            *wrong.pointer_mut(pointer).unwrap() = match pointer {
                &"/temperature" => json!("warm"),
                _ => stranger(*kind),
            };
            wrong.to_string().into_bytes()
        }
        Damage::Huge => {
            let mut wrong = right.clone();
            let name = if path == "/v1/chat/completions" {
                "max_completion_tokens"
            } else if path == "/v1/responses" {
                "max_output_tokens"
            } else {
                "dimensions"
            };
            wrong[name] = serde_json::from_str("123456789012345678901234567890").unwrap();
            wrong.to_string().into_bytes()
        }
        Damage::Deep(levels) => {
            let levels = usize::from(*levels);
            let nest = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            format!("{},\"x\":{nest}}}", text.strip_suffix('}').unwrap()).into_bytes()
        }
        Damage::NoUtf8(at) => {
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = 0xff;
            bytes
        }
        Damage::TooLarge => {
            format!("{},\"x\":\"{}\"}}", text.strip_suffix('}').unwrap(), "x".repeat(5 * 1024 * 1024))
                .into_bytes()
        }
        Damage::Twice => format!("{},\"model\":\"gpt-5.5\"}}", text.strip_suffix('}').unwrap()).into_bytes(),
    }
}

#[test]
fn bad_input_is_said_a_thousand_times() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let world = runtime.block_on(async { World::scripted([]) });
    let rights = right();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };

    let outcome = TestRunner::new(config).run(&(0..rights.len(), damage()), |(which, damage)| {
        let (path, right) = &rights[which];
        let body = apply(path, right, &damage);
        let mut event = post(path, base64(&body));
        event["isBase64Encoded"] = Value::Bool(true);

        let said = runtime.block_on(world.call(event));

        let shown = String::from_utf8_lossy(&body).chars().take(300).collect::<String>();
        prop_assert!((400..500).contains(&said.status), "{} {} {}", said.status, said.body, shown);
        let error = &said.json()["error"];
        prop_assert!(error["message"].is_string() && error["type"].is_string() && error["code"].is_string());
        prop_assert!(world.is_untouched(), "{}", shown);
        Ok(())
    });

    outcome.unwrap();
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
