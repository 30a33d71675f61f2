//! The request of Chat Completions, as far as the stand-in reads it.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Number, Value, json};

use crate::standin::going_on::{Asked, Turn};
use crate::standin::reply::{IMAGE_TOKENS, count_tokens};
use crate::standin::tools::{Choice, Offer, Tool};

/// A request. Members that the stand-in does not act on are left out; those that some model refuses are noticed.
#[derive(Debug, Deserialize)]
pub(in crate::standin) struct ChatRequest {
    #[serde(default)]
    pub(super) model: String,
    #[serde(default)]
    pub(super) messages: Vec<Message>,
    pub(super) stream: Option<bool>,
    pub(super) stream_options: Option<StreamOptions>,
    pub(super) max_tokens: Option<u64>,
    pub(super) max_completion_tokens: Option<u64>,
    pub(super) temperature: Option<Number>,
    pub(super) top_p: Option<IgnoredAny>,
    pub(super) reasoning_effort: Option<String>,
    pub(super) service_tier: Option<String>,
    pub(super) prompt_cache_options: Option<IgnoredAny>,
    pub(super) stop: Option<Stops>,
    pub(super) presence_penalty: Option<IgnoredAny>,
    pub(super) frequency_penalty: Option<IgnoredAny>,
    pub(super) logprobs: Option<bool>,
    pub(super) top_logprobs: Option<u64>,
    pub(super) n: Option<u64>,
    #[serde(default)]
    pub(super) tools: Vec<OfferedTool>,
    #[serde(default)]
    pub(super) tool_choice: Value,
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(default)]
    pub(super) response_format: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Stops {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) content: Option<Content>,
    #[serde(default)]
    pub(super) tool_calls: Option<Vec<MadeCall>>,
    pub(super) tool_call_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Developer,
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(default)]
    pub(super) text: String,
    pub(super) image_url: Option<ImageUrl>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ImageUrl {
    pub(super) url: String,
}

/// A call that the assistant made before.
#[derive(Debug, Deserialize)]
pub(super) struct MadeCall {
    pub(super) id: String,
    pub(super) function: MadeFunction,
}

#[derive(Debug, Deserialize)]
pub(super) struct MadeFunction {
    #[serde(default)]
    pub(super) arguments: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OfferedTool {
    pub(super) function: Option<Function>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: Value,
}

impl Message {
    pub(super) fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts.iter().map(|part| part.text.as_str()).collect(),
        }
    }

    pub(super) fn images(&self) -> impl Iterator<Item = &str> {
        let parts = match &self.content {
            Some(Content::Parts(parts)) => parts.as_slice(),
            Some(Content::Text(_)) | None => &[],
        };
        parts.iter().filter_map(|part| part.image_url.as_ref().map(|image| image.url.as_str()))
    }

    pub(super) fn calls(&self) -> &[MadeCall] {
        self.tool_calls.as_deref().unwrap_or_default()
    }

    /// The text, the images and the arguments of tool calls.
    pub(super) fn tokens(&self) -> u64 {
        let arguments = self.calls().iter().map(|call| count_tokens(&call.function.arguments));
        let images = self.images().map(|_| IMAGE_TOKENS);
        count_tokens(&self.text()) + images.chain(arguments).sum::<u64>()
    }
}

impl ChatRequest {
    pub(super) fn stops(&self) -> Vec<String> {
        match self.stop.clone() {
            None => Vec::new(),
            Some(Stops::One(stop)) => vec![stop],
            Some(Stops::Many(stops)) => stops,
        }
    }

    pub(super) fn offer(&self) -> Offer {
        let functions = self.tools.iter().filter_map(|tool| tool.function.as_ref());
        let tools = functions
            .map(|function| Tool { name: function.name.clone(), parameters: function.parameters.clone() });
        Offer {
            tools: tools.collect(),
            choice: choice(&self.tool_choice, "/function/name"),
            at_most_one: self.parallel_tool_calls == Some(false),
            is_answered: self.messages.last().is_some_and(|message| message.role == Role::Tool),
        }
    }

    pub(super) fn schema(&self) -> Option<Value> {
        asked_schema(&self.response_format, "/json_schema/schema")
    }

    /// What is answered.
    pub(super) fn asked(&self) -> Asked {
        Asked::of(self.messages.iter().filter_map(|message| match message.role {
            Role::User | Role::Tool => Some(Turn::Asks(message.text())),
            Role::Assistant => Some(Turn::Answers(message.text())),
            Role::Developer | Role::System => None,
        }))
    }
}

/// Reads `tool_choice`; where a function's name is, the dialects differ.
pub(in crate::standin) fn choice(choice: &Value, name: &str) -> Choice {
    match (choice.as_str(), choice.pointer(name).and_then(Value::as_str)) {
        (Some("none"), _) => Choice::Never,
        (Some("required"), _) => Choice::Some,
        (_, Some(name)) => Choice::Only(name.to_owned()),
        _ => Choice::Free,
    }
}

/// Reads the format that is asked for; where its schema is, the dialects differ.
pub(in crate::standin) fn asked_schema(format: &Value, schema: &str) -> Option<Value> {
    match format["type"].as_str() {
        Some("json_schema") => Some(format.pointer(schema).cloned().unwrap_or_default()),
        Some("json_object") => Some(json!({
            "properties": { "answer": { "type": "string" } },
            "required": ["answer"],
        })),
        _ => None,
    }
}
