//! The answer of Chat Completions in chunks.

use serde_json::{Value, json};

use super::document::{finish_reason, usage};
use super::{Chat, inline};
use crate::standin::parameters::served_tier;
use crate::standin::reply::{Reply, Said, fragments, pieces};
use crate::standin::tools::ToolCall;

impl Chat {
    /// All chunks but the mark of the end.
    pub(in crate::standin) fn chunks(&self, reply: &Reply) -> Vec<Value> {
        // Where usage was asked for, every chunk but the last has the member with null.
        let no_usage = self.includes_usage().then_some(Value::Null);
        let mut chunks = Vec::new();
        for index in 0..self.request.n.unwrap_or(1) {
            for (delta, logprobs) in self.deltas(reply, index) {
                let choice =
                    json!({ "index": index, "delta": delta, "logprobs": logprobs, "finish_reason": null });
                chunks.push(self.chunk(&[choice], no_usage.clone()));
            }
            let reason = finish_reason(&reply.stop);
            let choice = json!({ "index": index, "delta": {}, "logprobs": null, "finish_reason": reason });
            chunks.push(self.chunk(&[choice], no_usage.clone()));
        }
        if self.includes_usage() && reply.tells_usage {
            chunks.push(self.chunk(&[], Some(usage(&reply.usage))));
        }
        chunks
    }

    /// The deltas of one choice, each with its log probabilities.
    fn deltas(&self, reply: &Reply, choice: u64) -> Vec<(Value, Value)> {
        let mut deltas = vec![json!({ "role": "assistant", "content": "" })];
        match reply.thought {
            Some(thought) if self.thinks_inline() => {
                deltas.extend(fragments(&inline(thought)).map(|piece| json!({ "content": piece })));
            }
            Some(thought) => deltas.push(json!({ "reasoning": thought })),
            None => {}
        }
        let mut deltas: Vec<_> = deltas.into_iter().map(|delta| (delta, Value::Null)).collect();
        match &reply.said {
            Said::Text(text) => deltas.extend(
                pieces(text)
                    .map(|piece| (json!({ "content": piece }), self.logprobs(std::iter::once(piece)))),
            ),
            Said::Refusal(text) => {
                deltas.extend(pieces(text).map(|piece| (json!({ "refusal": piece }), Value::Null)));
            }
            Said::ToolCalls(calls) => {
                let calls = calls.iter().enumerate();
                let pieces = calls.flat_map(|(index, call)| self.call_deltas(choice, index, call));
                deltas.extend(pieces.map(|delta| (json!({ "tool_calls": [delta] }), Value::Null)));
            }
        }
        deltas
    }

    fn call_deltas(&self, choice: u64, index: usize, call: &ToolCall) -> Vec<Value> {
        let mut deltas = vec![json!({
            "index": index,
            "id": self.tool_call_id(choice, index),
            "type": "function",
            "function": { "name": call.name, "arguments": "" },
        })];
        let arguments = fragments(&call.arguments);
        deltas.extend(arguments.map(|piece| json!({ "index": index, "function": { "arguments": piece } })));
        deltas
    }

    fn chunk(&self, choices: &[Value], usage: Option<Value>) -> Value {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.request.model,
            "service_tier": served_tier(self.request.service_tier.as_deref()),
            "system_fingerprint": null,
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        chunk
    }

    fn includes_usage(&self) -> bool {
        self.request.stream_options.as_ref().is_some_and(|options| options.include_usage)
    }
}
