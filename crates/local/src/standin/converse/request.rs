//! The request of Converse, as far as the stand-in reads it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Number, Value};

use crate::standin::chat::asked_schema;
use crate::standin::going_on::{Asked, Turn};
use crate::standin::refusal::Refusal;
use crate::standin::reply::{IMAGE_TOKENS, count_tokens};
use crate::standin::tools::{Choice, Offer, Tool};

/// A request. Members that the stand-in does not act on are left out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConverseRequest {
    #[serde(default)]
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) system: Vec<Block>,
    #[serde(default)]
    pub(super) inference_config: InferenceConfig,
    pub(super) tool_config: Option<ToolConfig>,
    #[serde(default)]
    pub(super) additional_model_request_fields: Map<String, Value>,
    pub(super) guardrail_config: Option<GuardrailConfig>,
    #[serde(default)]
    pub(super) output_config: Value,
    pub(super) service_tier: Option<ServiceTier>,
    pub(super) request_metadata: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) content: Vec<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    Assistant,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Block {
    pub(super) text: Option<String>,
    pub(super) image: Option<Image>,
    pub(super) tool_use: Option<ToolUse>,
    pub(super) tool_result: Option<ToolResult>,
    pub(super) reasoning_content: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Image {
    pub(super) format: String,
    pub(super) source: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolUse {
    pub(super) tool_use_id: String,
    #[serde(default)]
    pub(super) input: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolResult {
    pub(super) tool_use_id: String,
    content: Vec<ToolResultPart>,
}

#[derive(Debug, Deserialize)]
struct ToolResultPart {
    text: Option<String>,
    json: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InferenceConfig {
    pub(super) max_tokens: Option<u64>,
    pub(super) temperature: Option<Number>,
    pub(super) top_p: Option<Number>,
    #[serde(default)]
    pub(super) stop_sequences: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig {
    tools: Vec<OfferedTool>,
    #[serde(default)]
    tool_choice: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfferedTool {
    tool_spec: Option<ToolSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolSpec {
    name: String,
    input_schema: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct GuardrailConfig {
    pub(super) trace: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ServiceTier {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

impl Block {
    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}

impl ToolResult {
    fn text(&self) -> String {
        let part = |part: &ToolResultPart| match (&part.text, &part.json) {
            (Some(text), _) => text.clone(),
            (None, Some(json)) => json.to_string(),
            (None, None) => String::new(),
        };
        self.content.iter().map(part).collect()
    }
}

impl Message {
    pub(super) fn results(&self) -> impl Iterator<Item = &ToolResult> {
        self.content.iter().filter_map(|block| block.tool_result.as_ref())
    }

    pub(super) fn uses(&self) -> impl Iterator<Item = &ToolUse> {
        self.content.iter().filter_map(|block| block.tool_use.as_ref())
    }

    /// The text, or what tools brought where there is none.
    fn text(&self) -> String {
        let own: String = self.content.iter().map(Block::text).collect();
        if own.is_empty() { self.results().map(ToolResult::text).collect() } else { own }
    }

    /// The text, the images, and the arguments and results of tools.
    pub(super) fn tokens(&self) -> u64 {
        let text: String = self.content.iter().map(Block::text).collect();
        let images = self.content.iter().filter(|block| block.image.is_some()).map(|_| IMAGE_TOKENS);
        let uses = self.uses().map(|tool_use| count_tokens(&tool_use.input.to_string()));
        let results = self.results().map(|result| count_tokens(&result.text()));
        // A message of results only has no text to count.
        let own = if text.is_empty() && self.results().next().is_some() { 0 } else { count_tokens(&text) };
        own + images.chain(uses).chain(results).sum::<u64>()
    }
}

impl ConverseRequest {
    /// What is answered.
    pub(super) fn asked(&self) -> Asked {
        Asked::of(self.messages.iter().map(|message| match message.role {
            Role::User => Turn::Asks(message.text()),
            Role::Assistant => Turn::Answers(message.text()),
        }))
    }

    pub(super) fn offer(&self) -> Offer {
        let Some(config) = &self.tool_config else { return Offer::default() };
        let specs = config.tools.iter().filter_map(|tool| tool.tool_spec.as_ref());
        let tools =
            specs.map(|spec| Tool { name: spec.name.clone(), parameters: spec.input_schema["json"].clone() });
        let only = config.tool_choice.pointer("/tool/name").and_then(Value::as_str);
        let choice = match only {
            Some(name) => Choice::Only(name.to_owned()),
            None if config.tool_choice.get("any").is_some() => Choice::Some,
            None => Choice::Free,
        };
        let last = self.messages.last();
        Offer {
            tools: tools.collect(),
            choice,
            at_most_one: false,
            is_answered: last.is_some_and(|message| message.results().next().is_some()),
        }
    }

    /// The schema of the answer, in the form of Converse or in that of GPT.
    pub(super) fn schema(&self) -> Result<Option<Value>, Refusal> {
        let schema = self.output_config.pointer("/textFormat/structure/jsonSchema/schema");
        if let Some(schema) = schema {
            let read = schema.as_str().and_then(|text| serde_json::from_str(text).ok());
            let invalid = || Refusal::invalid("The provided JSON schema is not valid JSON.");
            return read.ok_or_else(invalid).map(Some);
        }
        let format = self.additional_model_request_fields.get("text").map(|text| &text["format"]);
        Ok(format.and_then(|format| asked_schema(format, "/schema")))
    }

    /// Whether a Claude model is asked to think.
    pub(super) fn thinks(&self) -> bool {
        let thinking = self.additional_model_request_fields.get("thinking");
        thinking.is_some_and(|thinking| thinking["type"] == "enabled" || thinking["type"] == "adaptive")
    }

    /// The effort that GPT is asked for.
    pub(super) fn nested_effort(&self) -> Option<&str> {
        self.additional_model_request_fields.get("reasoning")?["effort"].as_str()
    }

    /// The effort that gpt-oss is asked for.
    pub(super) fn flat_effort(&self) -> Option<&str> {
        self.additional_model_request_fields.get("reasoning_effort")?.as_str()
    }
}
