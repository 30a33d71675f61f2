//! The request of Responses, as far as the stand-in reads it.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value, json};

use super::items::kind;
use crate::standin::chat::{asked_schema, choice};
use crate::standin::refusal::Refusal;
use crate::standin::tools::{Offer, Tool};
use crate::standin::wire::read;

const KNOWN: &[&str] = &[
    "background",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

#[derive(Debug, Deserialize)]
pub(super) struct ResponsesRequest {
    #[serde(default)]
    pub(super) model: String,
    #[serde(default, deserialize_with = "items")]
    pub(super) input: Vec<Value>,
    pub(super) instructions: Option<String>,
    pub(super) tools: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) tool_choice: Value,
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(default)]
    pub(super) text: Value,
    pub(super) reasoning: Option<Reasoning>,
    pub(super) include: Option<Vec<String>>,
    pub(super) max_output_tokens: Option<u64>,
    store: Option<bool>,
    pub(super) previous_response_id: Option<String>,
    pub(super) stream: Option<bool>,
    pub(super) temperature: Option<Number>,
    pub(super) top_p: Option<IgnoredAny>,
    pub(super) service_tier: Option<String>,
    pub(super) metadata: Option<Map<String, Value>>,
    pub(super) truncation: Option<String>,
    pub(super) prompt_cache_options: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Reasoning {
    pub(super) effort: Option<String>,
    pub(super) summary: Option<String>,
}

/// A text alone stands for one message of the user's.
fn items<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Input {
        Text(String),
        Items(Vec<Value>),
    }
    Ok(match Input::deserialize(deserializer)? {
        Input::Text(text) => vec![json!({ "type": "message", "role": "user", "content": text })],
        Input::Items(items) => items,
    })
}

impl ResponsesRequest {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let members: Map<String, Value> = read(body)?;
        if let Some(unknown) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(Refusal::invalid_param(
                "unknown_parameter",
                unknown,
                format!("Unknown parameter: '{unknown}'."),
            ));
        }
        let request: Self = read(body)?;
        if request.model.is_empty() {
            return Err(Refusal::missing_param("model"));
        }
        if request.input.is_empty() && request.previous_response_id.is_none() {
            return Err(Refusal::missing_param("input"));
        }
        Ok(request)
    }

    pub(super) fn is_stored(&self) -> bool {
        self.store != Some(false)
    }

    pub(super) fn effort(&self) -> Option<&str> {
        self.reasoning.as_ref()?.effort.as_deref()
    }

    pub(super) fn wants_summary(&self) -> bool {
        self.reasoning.as_ref().is_some_and(|reasoning| reasoning.summary.is_some())
    }

    pub(super) fn wants_sealed_reasoning(&self) -> bool {
        self.include.iter().flatten().any(|part| part == "reasoning.encrypted_content")
    }

    pub(super) fn asks_for_reasoning(&self) -> bool {
        match self.effort() {
            Some(effort) => effort != "none",
            None => self.wants_summary() || self.wants_sealed_reasoning(),
        }
    }

    pub(super) fn offer(&self, history: &[Value]) -> Offer {
        let functions = self.tools.iter().flatten().filter(|tool| tool["type"] == "function");
        let tools = functions.map(|tool| Tool {
            name: tool["name"].as_str().unwrap_or_default().to_owned(),
            parameters: tool["parameters"].clone(),
        });
        Offer {
            tools: tools.collect(),
            choice: choice(&self.tool_choice, "/name"),
            at_most_one: self.parallel_tool_calls == Some(false),
            is_answered: history.last().is_some_and(|item| kind(item) == "function_call_output"),
        }
    }

    pub(super) fn schema(&self) -> Option<Value> {
        asked_schema(&self.text["format"], "/schema")
    }
}
