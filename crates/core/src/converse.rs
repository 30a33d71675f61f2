//! Chat Completions ↔ Converse, for text. What cannot be said in Converse without a change of meaning is unfit:
//! the call then goes to a target that speaks its own dialect, or is refused.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::catalogue::{EffortField, Target, Wire};
use crate::chat::ChatRequest;
use crate::message::{ChatRole, Message, Part};
use crate::model::Identity;
use crate::time::Timestamp;
use crate::usage::{ChatUsage, Usage};

/// Fields of a chat request that Converse takes, or that cannot change the answer.
const UNDERSTOOD: [&str; 14] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "stop",
    "temperature",
    "top_p",
    "reasoning_effort",
    "user",
    "metadata",
    "safety_identifier",
];

/// A Converse request, in the words of its own wire.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConverseRequest {
    /// Texts of the operator.
    pub system: Vec<String>,
    /// Turns, the user's first, alternating.
    pub messages: Vec<Turn>,
    /// The output cap.
    pub max_tokens: u64,
    /// Sampling.
    pub temperature: Option<f32>,
    /// Sampling.
    pub top_p: Option<f32>,
    /// Texts that end the answer.
    pub stop_sequences: Vec<String>,
    /// `additionalModelRequestFields`.
    pub additional: Option<Value>,
}

/// A turn of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// Who speaks.
    pub speaker: Speaker,
    /// What they say, text by text.
    pub texts: Vec<String>,
}

/// The roles of Converse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// Why a request cannot be said in Converse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is not supported by {model}")]
pub struct Unfit {
    /// The field of the chat request.
    pub field: String,
    /// The model's id.
    pub model: String,
}

/// Whether a target can serve a request, whatever its dialect.
pub fn fits(request: &ChatRequest, target: &Target) -> Result<(), Unfit> {
    let unfit = |field: &str| Unfit { field: field.to_owned(), model: target.model_id.clone() };
    if let Some(field) = target.refuses.iter().find(|field| request.has(field)) {
        return Err(unfit(field));
    }
    if !is_ordinary_tier(request) {
        return Err(unfit("service_tier"));
    }
    match &target.wire {
        Wire::OpenaiSigv4 { .. } => Ok(()),
        Wire::Converse { .. } => to_converse(request, target, 1).map(drop),
    }
}

/// Whether the call is billed at the prices that the price table holds: those of other tiers nobody knows.
fn is_ordinary_tier(request: &ChatRequest) -> bool {
    let tier = request.body().field::<String>("service_tier");
    tier.is_ok_and(|tier| tier.is_none_or(|tier| matches!(tier.as_str(), "auto" | "default")))
}

/// Says a chat request in Converse.
pub fn to_converse(
    request: &ChatRequest,
    target: &Target,
    output_cap: u64,
) -> Result<ConverseRequest, Unfit> {
    let unfit = |field: &str| Unfit { field: field.to_owned(), model: target.model_id.clone() };
    let strange = request.body().members().find(|(name, _)| !UNDERSTOOD.contains(name) && request.has(name));
    if let Some((name, _)) = strange {
        return Err(unfit(name));
    }
    if request.choices > 1 {
        return Err(unfit("n"));
    }
    let (system, messages) = turns(&request.messages).ok_or_else(|| unfit("messages"))?;
    let read = |name: &str| request.body().field::<f32>(name).map_err(|_| unfit(name));
    Ok(ConverseRequest {
        system,
        messages,
        max_tokens: output_cap,
        temperature: read("temperature")?,
        top_p: read("top_p")?,
        stop_sequences: stop_sequences(request).ok_or_else(|| unfit("stop"))?,
        additional: effort(request, target).ok_or_else(|| unfit("reasoning_effort"))?,
    })
}

fn turns(messages: &[Message]) -> Option<(Vec<String>, Vec<Turn>)> {
    let is_system = |message: &&Message| matches!(message.role, ChatRole::System | ChatRole::Developer);
    let leading = messages.iter().take_while(is_system).count();
    let (system, talk) = messages.split_at(leading);
    let system = system.iter().map(texts).collect::<Option<Vec<_>>>()?.concat();
    let mut turns: Vec<Turn> = Vec::new();
    for message in talk {
        let speaker = match message.role {
            ChatRole::User => Speaker::User,
            ChatRole::Assistant => Speaker::Assistant,
            ChatRole::System | ChatRole::Developer | ChatRole::Tool | ChatRole::Function => return None,
        };
        let texts = texts(message)?;
        match turns.last_mut() {
            Some(last) if last.speaker == speaker => last.texts.extend(texts),
            _ => turns.push(Turn { speaker, texts }),
        }
    }
    let starts_with_user = turns.first().is_some_and(|turn| turn.speaker == Speaker::User);
    let is_said = turns.iter().all(|turn| turn.texts.iter().any(|text| !text.is_empty()));
    (starts_with_user && is_said).then_some((system, turns))
}

fn texts(message: &Message) -> Option<Vec<String>> {
    let text = |part: &Part| match part {
        Part::Text(text) => Some(text.clone()),
        Part::Image { .. } => None,
    };
    (!message.has_more_than_text).then(|| message.parts.iter().map(text).collect())?
}

fn stop_sequences(request: &ChatRequest) -> Option<Vec<String>> {
    match request.body().field::<Value>("stop").ok()? {
        None => Some(Vec::new()),
        Some(Value::String(stop)) => Some(vec![stop]),
        Some(stops) => serde_json::from_value(stops).ok(),
    }
}

fn effort(request: &ChatRequest, target: &Target) -> Option<Option<Value>> {
    let Some(effort) = request.body().field::<String>("reasoning_effort").ok()? else {
        return Some(None);
    };
    match &target.wire {
        Wire::Converse { effort: EffortField::Nested } => {
            Some(Some(json!({"reasoning": {"effort": effort}})))
        }
        Wire::Converse { effort: EffortField::Flat } => Some(Some(json!({"reasoning_effort": effort}))),
        Wire::Converse { effort: EffortField::None } | Wire::OpenaiSigv4 { .. } => None,
    }
}

/// What goes into Converse's request metadata, and so into the invocation log.
#[must_use]
pub fn request_metadata(identity: &Identity<'_>) -> [(String, String); 3] {
    [
        ("tenant".to_owned(), identity.tenant_id.to_owned()),
        ("team".to_owned(), identity.team.to_owned()),
        ("user".to_owned(), identity.user.to_owned()),
    ]
}

/// Writes what a Converse target says as Chat Completions.
#[derive(Clone, Debug)]
pub struct ChatWriter {
    id: String,
    model: String,
    created: u64,
}

impl ChatWriter {
    /// For the answer of `model` to the call `request_id`.
    #[must_use]
    pub fn new(request_id: &str, model: &str, now: Timestamp) -> Self {
        Self { id: format!("chatcmpl-{request_id}"), model: model.to_owned(), created: now.as_secs() }
    }

    /// A whole answer.
    #[must_use]
    pub fn completion(&self, text: &str, finish_reason: &str, usage: Usage) -> Bytes {
        let choice = json!({
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": null},
            "logprobs": null,
            "finish_reason": finish_reason,
        });
        self.write("chat.completion", &json!([choice]), Some(usage))
    }

    /// The first chunk.
    #[must_use]
    pub fn role(&self) -> Bytes {
        self.delta(&json!({"role": "assistant", "content": ""}), None)
    }

    /// A piece of the text.
    #[must_use]
    pub fn text(&self, text: &str) -> Bytes {
        self.delta(&json!({"content": text}), None)
    }

    /// The chunk that says how it finished.
    #[must_use]
    pub fn finish(&self, finish_reason: &str) -> Bytes {
        self.delta(&json!({}), Some(finish_reason))
    }

    /// The chunk that says what was counted.
    #[must_use]
    pub fn usage(&self, usage: Usage) -> Bytes {
        self.write("chat.completion.chunk", &json!([]), Some(usage))
    }

    fn delta(&self, delta: &Value, finish_reason: Option<&str>) -> Bytes {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
        self.write("chat.completion.chunk", &json!([choice]), None)
    }

    fn write(&self, object: &str, choices: &Value, usage: Option<Usage>) -> Bytes {
        let mut answer = json!({
            "id": self.id, "object": object, "created": self.created, "model": self.model, "choices": choices,
        });
        if let Some(usage) = usage {
            answer["usage"] = json!(ChatUsage::from(usage));
        }
        Bytes::from(answer.to_string())
    }
}

#[cfg(test)]
mod tests;
