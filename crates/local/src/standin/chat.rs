//! OpenAI's Chat Completions, as bedrock-mantle and bedrock-runtime serve them.

mod request;
mod rules;

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use self::request::{ChatRequest, Message, Role};
use super::calls::now_us;
use super::models::{Line, Surface};
use super::refusal::Refusal;
use super::reply::{Prompt, Reply, Said, Stop, Usage, count_tokens, pieces, wants_tool};
use super::wire::{Stream, Wire, read};

/// A call of Chat Completions on one of the surfaces that have it.
#[derive(Debug)]
pub(super) struct Chat {
    request: ChatRequest,
    surface: Surface,
    id: String,
    created: u64,
}

impl Chat {
    pub(super) fn read(body: &[u8], surface: Surface) -> Result<Self, Refusal> {
        let request: ChatRequest = read(body)?;
        for (param, is_missing) in
            [("model", request.model.is_empty()), ("messages", request.messages.is_empty())]
        {
            if is_missing {
                return Err(Refusal::invalid_param(
                    "missing_required_parameter",
                    param,
                    format!("Missing required parameter: '{param}'."),
                ));
            }
        }
        Ok(Self {
            request,
            surface,
            id: format!("chatcmpl-{}", Uuid::now_v7().simple()),
            created: now_us() / 1_000_000,
        })
    }

    fn tool_call_id(&self) -> String {
        self.id.replace("chatcmpl-", "call_")
    }

    fn message(&self, reply: &Reply) -> Value {
        let mut message = match &reply.said {
            Said::Text(text) => json!({ "role": "assistant", "content": text, "refusal": null }),
            Said::ToolCall { name, arguments } => json!({
                "role": "assistant",
                "content": null,
                "refusal": null,
                "tool_calls": [{
                    "id": self.tool_call_id(),
                    "type": "function",
                    "function": { "name": name, "arguments": arguments },
                }],
            }),
        };
        if let Some(thought) = reply.thought {
            message["reasoning"] = thought.into();
        }
        message
    }

    fn deltas(&self, reply: &Reply) -> Vec<Value> {
        let mut deltas = vec![json!({ "role": "assistant", "content": "" })];
        deltas.extend(reply.thought.map(|thought| json!({ "reasoning": thought })));
        match &reply.said {
            Said::Text(text) => deltas.extend(pieces(text).map(|piece| json!({ "content": piece }))),
            Said::ToolCall { name, arguments } => {
                deltas.push(json!({ "tool_calls": [{
                    "index": 0,
                    "id": self.tool_call_id(),
                    "type": "function",
                    "function": { "name": name, "arguments": "" },
                }] }));
                deltas.extend(pieces(arguments).map(
                    |piece| json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] }),
                ));
            }
        }
        deltas
    }

    fn chunk(&self, choices: &[Value], usage: Option<Value>) -> Bytes {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.request.model,
            "service_tier": "default",
            "system_fingerprint": null,
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        server_sent(&chunk.to_string())
    }

    fn includes_usage(&self) -> bool {
        self.request.stream_options.as_ref().is_some_and(|options| options.include_usage)
    }
}

impl Wire for Chat {
    fn model(&self) -> &str {
        &self.request.model
    }

    fn is_streamed(&self) -> bool {
        self.request.stream == Some(true)
    }

    fn prompt(&self) -> Result<Prompt, Refusal> {
        let model = self.surface.find(&self.request.model)?;
        rules::check(&self.request, model)?;
        let messages = &self.request.messages;
        let last_user_text = messages
            .iter()
            .rfind(|message| message.role == Role::User)
            .map(Message::text)
            .unwrap_or_default();
        let tool = self.request.tools.iter().find_map(|tool| tool.function.as_ref());
        Ok(Prompt {
            input_tokens: messages.iter().map(|message| count_tokens(&message.text())).sum(),
            tool: tool.filter(|_| wants_tool(&last_user_text)).map(|function| function.name.clone()),
            last_user_text,
            output_cap: self.request.max_completion_tokens.or(self.request.max_tokens),
            thinks_aloud: model.line == Line::Open,
        })
    }

    fn document(&self, reply: &Reply) -> Value {
        let mut document = json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.request.model,
            "service_tier": "default",
            "system_fingerprint": null,
            "choices": [{
                "index": 0,
                "message": self.message(reply),
                "logprobs": null,
                "finish_reason": finish_reason(reply.stop),
            }],
        });
        if reply.tells_usage {
            document["usage"] = usage(&reply.usage);
        }
        document
    }

    fn stream(&self, reply: &Reply) -> Stream {
        // Where usage was asked for, every chunk but the last has the member with null.
        let no_usage = self.includes_usage().then_some(Value::Null);
        let choice = |delta: Value, finish_reason: Option<&str>| {
            let choice =
                json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason });
            self.chunk(&[choice], no_usage.clone())
        };
        let mut chunks: Vec<_> = self.deltas(reply).into_iter().map(|delta| choice(delta, None)).collect();
        chunks.push(choice(json!({}), Some(finish_reason(reply.stop))));
        if self.includes_usage() && reply.tells_usage {
            chunks.push(self.chunk(&[], Some(usage(&reply.usage))));
        }
        chunks.push(server_sent("[DONE]"));
        Stream {
            content_type: "text/event-stream",
            chunks,
            word_error: |refusal| server_sent(&refusal.openai_error().to_string()),
        }
    }
}

fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "stop",
        Stop::OutputCap => "length",
        Stop::ToolCall => "tool_calls",
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total(),
        "prompt_tokens_details": { "cached_tokens": usage.cached },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning },
    })
}

fn server_sent(data: &str) -> Bytes {
    format!("data: {data}\n\n").into()
}

/// Bedrock's list of models.
pub(super) fn list(ids: impl Iterator<Item = &'static str>) -> Value {
    let data: Vec<_> = ids
        .map(|id| json!({ "id": id, "object": "model", "created": 1_780_272_000, "owned_by": "openai" }))
        .collect();
    json!({ "object": "list", "data": data })
}
