//! The request of Chat Completions, as far as the stand-in reads it.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Number;

/// A request. Members that the stand-in does not act on are left out; those that some model refuses are noticed.
#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
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
    pub(super) stop: Option<IgnoredAny>,
    pub(super) presence_penalty: Option<IgnoredAny>,
    pub(super) frequency_penalty: Option<IgnoredAny>,
    pub(super) logprobs: Option<IgnoredAny>,
    pub(super) n: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) content: Option<Content>,
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
}

#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    pub(super) function: Option<Function>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
}

impl Message {
    pub(super) fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts.iter().map(|part| part.text.as_str()).collect(),
        }
    }
}
