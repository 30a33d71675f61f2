//! The answer of Chat Completions in one document.

use serde_json::{Value, json};

use super::{Chat, inline, or_null};
use crate::standin::parameters::served_tier;
use crate::standin::reply::{Reply, Said, Stop, Usage, pieces};

impl Chat {
    pub(in crate::standin) fn document(&self, reply: &Reply) -> Value {
        let choices = (0..self.request.n.unwrap_or(1)).map(|index| {
            json!({
                "index": index,
                "message": self.message(reply, index),
                "logprobs": self.logprobs_of(reply),
                "finish_reason": finish_reason(&reply.stop),
            })
        });
        let mut document = json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.request.model,
            "service_tier": served_tier(self.request.service_tier.as_deref()),
            "system_fingerprint": null,
            "choices": choices.collect::<Vec<_>>(),
        });
        if reply.tells_usage {
            document["usage"] = usage(&reply.usage);
        }
        document
    }

    fn message(&self, reply: &Reply, choice: u64) -> Value {
        let thought = reply.thought.filter(|_| self.thinks_inline()).map(inline);
        let mut message = match &reply.said {
            Said::Text(text) => {
                let content = format!("{}{text}", thought.unwrap_or_default());
                json!({ "role": "assistant", "content": content, "refusal": null })
            }
            Said::Refusal(refusal) => json!({ "role": "assistant", "content": null, "refusal": refusal }),
            Said::ToolCalls(calls) => {
                let calls = calls.iter().enumerate().map(|(index, call)| {
                    json!({
                        "id": self.tool_call_id(choice, index),
                        "type": "function",
                        "function": { "name": call.name, "arguments": call.arguments },
                    })
                });
                json!({
                    "role": "assistant",
                    "content": or_null(thought),
                    "refusal": null,
                    "tool_calls": calls.collect::<Vec<_>>(),
                })
            }
        };
        if let Some(thought) = reply.thought.filter(|_| !self.thinks_inline()) {
            message["reasoning"] = thought.into();
        }
        message
    }

    fn logprobs_of(&self, reply: &Reply) -> Value {
        match &reply.said {
            Said::Text(text) => self.logprobs(pieces(text)),
            Said::Refusal(_) | Said::ToolCalls(_) => Value::Null,
        }
    }

    /// Every word is a token of the same probability; null where nobody asked.
    pub(super) fn logprobs<'a>(&self, pieces: impl Iterator<Item = &'a str>) -> Value {
        if self.request.logprobs != Some(true) {
            return Value::Null;
        }
        let content = pieces.map(|piece| {
            let mut entry = logprob(piece);
            let others =
                (1..self.request.top_logprobs.unwrap_or(0)).map(|other| logprob(&format!("other{other} ")));
            let top = self.request.top_logprobs.filter(|count| *count > 0).map(|_| logprob(piece));
            entry["top_logprobs"] = top.into_iter().chain(others).collect();
            entry
        });
        json!({ "content": content.collect::<Vec<_>>(), "refusal": null })
    }
}

fn logprob(token: &str) -> Value {
    json!({ "token": token, "logprob": -0.25, "bytes": token.as_bytes() })
}

pub(super) fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Text(_) => "stop",
        Stop::OutputCap => "length",
        Stop::ToolCall => "tool_calls",
        Stop::Filter | Stop::Guardrail => "content_filter",
    }
}

pub(super) fn usage(usage: &Usage) -> Value {
    let mut said = json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total(),
        "prompt_tokens_details": { "cached_tokens": usage.cached },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning },
    });
    if usage.cache_written > 0 {
        said["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_written.into();
    }
    said
}
