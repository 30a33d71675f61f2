mod answer;
mod laws;
mod pass;
mod refusal;
mod request;
mod stream;

use bytes::Bytes;
use serde_json::{Value, json};

use super::read;
use crate::asking::Asking;
use crate::catalogue::Target;
use crate::error::Error;
use crate::event::Event;
use crate::parameter::Parameters;
use crate::prompt::Prompt;
use crate::raw::RawObject;
use crate::sse::SseDecoder;

const REQUEST_ID: &str = "0198c0de-0000-7000-8000-00000000cafe";
const RESPONSE_ID: &str = "resp_0198c0de00007000800000000000cafe";

/// GPT-5.5 on Bedrock, with these rules for settings.
fn target(parameters: &Value) -> Target {
    serde_json::from_value(json!({
        "provider": "mantle", "model_id": "openai.gpt-5.5", "region": "us-east-1",
        "wire": {
            "kind": "openai", "host": "https://bedrock-mantle.us-east-1.api.aws", "path_prefix": "/openai/v1",
            "dialects": ["responses"], "auth": {"kind": "sigv4", "signing_name": "bedrock-mantle"},
        },
        "context_tokens": 272_000, "max_output_tokens": 128_000, "max_image_tokens": 3_000,
        "parameters": parameters,
    }))
    .unwrap()
}

fn asking<'a>(target: &'a Target, parameters: &'a Parameters) -> Asking<'a> {
    Asking { target_id: "gpt-5.5@mantle", target, parameters, stream: false, continues: None }
}

fn body(value: &Value) -> RawObject {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn prompt(value: &Value) -> Prompt {
    read(&body(value)).unwrap()
}

/// The field that is said to be wrong, and how.
fn wrong(value: &Value) -> (String, String) {
    match read(&body(value)) {
        Err(Error::Invalid { param: Some(param), message }) => (param, message),
        other => panic!("{value}: {other:?}"),
    }
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The data of the events in these bytes.
fn data(frames: &[Bytes]) -> Vec<Value> {
    let mut decoder = SseDecoder::default();
    frames.iter().flat_map(|bytes| decoder.feed(bytes).unwrap()).map(|data| parsed(&data)).collect()
}

/// Events with neighbours of one kind put together, in words that can be compared.
fn merged(events: &[Event]) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for event in events {
        let (kind, number, more) = match event {
            Event::Text(text) => ("text", 0, json!(text)),
            Event::Refusal(text) => ("refusal", 0, json!(text)),
            Event::Thought(text) => ("thought", 0, json!(text)),
            Event::Summary { index, text } => ("summary", *index, json!(text)),
            Event::Arguments { index, text } => ("arguments", *index, json!(text)),
            Event::Logprobs(logprobs) => ("logprobs", 0, json!(logprobs)),
            Event::Sealed(text) => ("sealed", merged.len(), json!(text)),
            Event::ToolCall { index, call_id, name } => ("call", *index, json!([call_id, name])),
            Event::Finish(reason) => ("finish", 0, json!(format!("{reason:?}"))),
            Event::Usage(usage) => ("usage", 0, json!(usage)),
            Event::ServiceTier(tier) => ("tier", 0, json!(tier)),
        };
        match merged.last_mut() {
            Some(last) if last[0] == kind && last[1] == number && kind != "call" => {
                match (&mut last[2], more) {
                    (Value::String(text), Value::String(more)) => text.push_str(&more),
                    (Value::Array(values), Value::Array(more)) => values.extend(more),
                    (last, more) => *last = more,
                }
            }
            _ => merged.push(json!([kind, number, more])),
        }
    }
    merged
}
