//! Converse and ConverseStream, bedrock-runtime's native operations.

mod frame;

use serde::Deserialize;
use serde_json::{Map, Number, Value, json};
use uuid::Uuid;

use self::frame::{event, exception};
use super::models::{Line, Model, Surface};
use super::refusal::Refusal;
use super::reply::{Prompt, Reply, Said, Stop, Usage, count_tokens, pieces, wants_tool};
use super::wire::{Stream, Wire, read};

/// A request. Members that the stand-in does not act on are left out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConverseRequest {
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    system: Vec<Block>,
    #[serde(default)]
    inference_config: InferenceConfig,
    #[serde(default)]
    tool_config: ToolConfig,
    #[serde(default)]
    additional_model_request_fields: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: Role,
    content: Vec<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

#[derive(Debug, Deserialize)]
struct Block {
    #[serde(default)]
    text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InferenceConfig {
    max_tokens: Option<u64>,
    temperature: Option<Number>,
    top_p: Option<Number>,
}

#[derive(Debug, Default, Deserialize)]
struct ToolConfig {
    tools: Vec<Tool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tool {
    tool_spec: Option<ToolSpec>,
}

#[derive(Debug, Deserialize)]
struct ToolSpec {
    name: String,
}

/// A call of Converse or ConverseStream.
#[derive(Debug)]
pub(super) struct Converse {
    request: ConverseRequest,
    model_id: String,
    streamed: bool,
    tool_use_id: String,
}

impl Converse {
    pub(super) fn read(body: &[u8], model_id: String, streamed: bool) -> Result<Self, Refusal> {
        Ok(Self {
            request: read(body)?,
            model_id,
            streamed,
            tool_use_id: format!("tooluse_{}", Uuid::now_v7().simple()),
        })
    }

    fn check(&self, model: Model) -> Result<(), Refusal> {
        let first_role = self.request.messages.first().map(|message| message.role);
        if first_role != Some(Role::User) {
            return Err(Refusal::invalid(
                "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
            ));
        }
        let config = &self.request.inference_config;
        if config.max_tokens == Some(0) {
            return Err(Refusal::invalid(
                "1 validation error detected: Value '0' at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member \
                 must have value greater than or equal to 1",
            ));
        }
        if model.line == Line::LateGpt {
            self.check_late_gpt()?;
        }
        Ok(())
    }

    fn check_late_gpt(&self) -> Result<(), Refusal> {
        let config = &self.request.inference_config;
        let has_temperature = config.temperature.as_ref().is_some_and(|value| value.as_f64() != Some(1.0));
        let has_flat_effort = self.request.additional_model_request_fields.contains_key("reasoning_effort");
        for (parameter, is_given) in [("temperature", has_temperature), ("top_p", config.top_p.is_some())] {
            if is_given {
                return Err(Refusal::invalid(format!(
                    "Unsupported parameter: '{parameter}' is not supported with this model."
                )));
            }
        }
        if has_flat_effort {
            return Err(Refusal::invalid("Unknown parameter: 'reasoning_effort'."));
        }
        Ok(())
    }

    fn content(&self, reply: &Reply) -> Vec<Value> {
        let thought = reply
            .thought
            .map(|thought| json!({ "reasoningContent": { "reasoningText": { "text": thought } } }));
        let said = match &reply.said {
            Said::Text(text) => (!text.is_empty()).then(|| json!({ "text": text })),
            Said::ToolCall { name, arguments } => Some(json!({ "toolUse": {
                "toolUseId": self.tool_use_id,
                "name": name,
                // Arguments that the output cap has cut are no JSON.
                "input": serde_json::from_str::<Value>(arguments).unwrap_or_else(|_| json!({})),
            } })),
        };
        thought.into_iter().chain(said).collect()
    }

    /// The blocks of a stream: how each opens, if it says so, and its deltas.
    fn blocks(&self, reply: &Reply) -> Vec<(Option<Value>, Vec<Value>)> {
        let thought =
            reply.thought.map(|thought| (None, vec![json!({ "reasoningContent": { "text": thought } })]));
        let said = match &reply.said {
            Said::Text(text) => (None, pieces(text).map(|piece| json!({ "text": piece })).collect()),
            Said::ToolCall { name, arguments } => (
                Some(json!({ "toolUse": { "toolUseId": self.tool_use_id, "name": name } })),
                pieces(arguments).map(|piece| json!({ "toolUse": { "input": piece } })).collect(),
            ),
        };
        thought.into_iter().chain([said]).collect()
    }
}

impl Wire for Converse {
    fn model(&self) -> &str {
        &self.model_id
    }

    fn is_streamed(&self) -> bool {
        self.streamed
    }

    fn prompt(&self) -> Result<Prompt, Refusal> {
        let model = Surface::RuntimeNative.find(&self.model_id)?;
        self.check(model)?;
        let ConverseRequest { messages, system, .. } = &self.request;
        let last_user_text = messages
            .iter()
            .rfind(|message| message.role == Role::User)
            .map(|message| text_of(&message.content))
            .unwrap_or_default();
        let turns = messages.iter().map(|message| &message.content);
        let texts = turns.map(|blocks| text_of(blocks)).chain(system.iter().map(|block| block.text.clone()));
        let tool = self.request.tool_config.tools.iter().find_map(|tool| tool.tool_spec.as_ref());
        Ok(Prompt {
            input_tokens: texts.map(|text| count_tokens(&text)).sum(),
            tool: tool.filter(|_| wants_tool(&last_user_text)).map(|spec| spec.name.clone()),
            last_user_text,
            output_cap: self.request.inference_config.max_tokens,
            thinks_aloud: model.line == Line::Open,
        })
    }

    fn document(&self, reply: &Reply) -> Value {
        let mut document = metering(reply);
        document["output"] = json!({ "message": { "role": "assistant", "content": self.content(reply) } });
        document["stopReason"] = stop_reason(reply.stop).into();
        document
    }

    fn stream(&self, reply: &Reply) -> Stream {
        let mut chunks = vec![event("messageStart", &json!({ "role": "assistant" }))];
        for (index, (start, deltas)) in self.blocks(reply).into_iter().enumerate() {
            chunks.extend(start.map(|start| {
                event("contentBlockStart", &json!({ "contentBlockIndex": index, "start": start }))
            }));
            chunks.extend(deltas.into_iter().map(|delta| {
                event("contentBlockDelta", &json!({ "contentBlockIndex": index, "delta": delta }))
            }));
            chunks.push(event("contentBlockStop", &json!({ "contentBlockIndex": index })));
        }
        chunks.push(event("messageStop", &json!({ "stopReason": stop_reason(reply.stop) })));
        chunks.push(event("metadata", &metering(reply)));
        Stream { content_type: "application/vnd.amazon.eventstream", chunks, word_error: exception }
    }
}

fn text_of(blocks: &[Block]) -> String {
    blocks.iter().map(|block| block.text.as_str()).collect()
}

fn stop_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::OutputCap => "max_tokens",
        Stop::ToolCall => "tool_use",
    }
}

fn metering(reply: &Reply) -> Value {
    let mut metering = json!({ "metrics": { "latencyMs": reply.latency_ms } });
    if reply.tells_usage {
        metering["usage"] = usage(&reply.usage);
    }
    metering
}

/// Unlike OpenAI's, Converse's input tokens leave out those that were read from the provider's cache.
fn usage(usage: &Usage) -> Value {
    json!({
        "inputTokens": usage.input - usage.cached,
        "outputTokens": usage.output,
        "totalTokens": usage.total(),
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": 0,
    })
}
