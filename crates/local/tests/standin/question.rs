//! A question over Chat Completions, and how it is refused.

use serde_json::{Value, json};

use crate::provider::Provider;

pub(crate) const GPT: &str = "/openai/v1/chat/completions";
pub(crate) const OPEN: &str = "/v1/chat/completions";

pub(crate) fn ask(model: &str, more: Value) -> Value {
    let mut body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "Say hello." }] },
        ],
    });
    if let Value::Object(more) = more {
        for (name, value) in more {
            body[name] = value;
        }
    }
    body
}

pub(crate) async fn refusal(provider: &Provider, path: &str, body: &Value) -> String {
    let response = provider.post("bedrock-mantle", path, body).await;
    let status = response.status().as_u16();
    format!("{status} {}", response.text().await.expect("a body"))
}
