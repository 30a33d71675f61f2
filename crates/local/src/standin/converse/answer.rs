//! The answer of Converse, in one document and in events.

use serde_json::{Value, json};

use super::{Converse, signature};
use crate::standin::frame::{encode64, event, exception};
use crate::standin::refusal::Refusal;
use crate::standin::reply::{Reply, Said, Stop, Usage, fragments, pieces};
use crate::standin::wire::Stream;

/// A block of a stream: how it opens, if it says so, and its deltas.
type Told = (Option<Value>, Vec<Value>);

impl Converse {
    pub(super) fn document(&self, reply: &Reply, is_signed: bool) -> Value {
        let mut document = self.metering(reply);
        let content = self.content(reply, is_signed);
        document["output"] = json!({ "message": { "role": "assistant", "content": content } });
        document["stopReason"] = stop_reason(&reply.stop).into();
        document
    }

    pub(super) fn stream(&self, reply: &Reply, is_signed: bool) -> Stream {
        let mut chunks = vec![event("messageStart", &json!({ "role": "assistant" }))];
        for (index, (start, deltas)) in self.blocks(reply, is_signed).into_iter().enumerate() {
            chunks.extend(start.map(|start| {
                event("contentBlockStart", &json!({ "contentBlockIndex": index, "start": start }))
            }));
            chunks.extend(deltas.into_iter().map(|delta| {
                event("contentBlockDelta", &json!({ "contentBlockIndex": index, "delta": delta }))
            }));
            chunks.push(event("contentBlockStop", &json!({ "contentBlockIndex": index })));
        }
        chunks.push(event("messageStop", &json!({ "stopReason": stop_reason(&reply.stop) })));
        chunks.push(event("metadata", &self.metering(reply)));
        let word_error = |refusal: &Refusal, _: usize| exception(refusal);
        Stream {
            content_type: "application/vnd.amazon.eventstream",
            chunks,
            word_error: Box::new(word_error),
        }
    }

    fn content(&self, reply: &Reply, is_signed: bool) -> Vec<Value> {
        let thought = reply.thought.map(|thought| {
            let mut told = json!({ "reasoningText": { "text": thought } });
            if reply.is_thought_sealed {
                told = json!({ "redactedContent": encode64(thought) });
            } else if is_signed {
                told["reasoningText"]["signature"] = signature(thought).into();
            }
            json!({ "reasoningContent": told })
        });
        let said = match &reply.said {
            Said::Text(text) | Said::Refusal(text) => {
                (!text.is_empty()).then(|| json!({ "text": text })).into_iter().collect()
            }
            Said::ToolCalls(calls) => {
                let calls = calls.iter().enumerate().map(|(index, call)| {
                    json!({ "toolUse": {
                        "toolUseId": self.tool_use_id(index),
                        "name": call.name,
                        // Arguments that the output cap has cut are no JSON.
                        "input": serde_json::from_str::<Value>(&call.arguments).unwrap_or_else(|_| json!({})),
                    } })
                });
                calls.collect::<Vec<_>>()
            }
        };
        thought.into_iter().chain(said).collect()
    }

    fn blocks(&self, reply: &Reply, is_signed: bool) -> Vec<Told> {
        let thought = reply.thought.map(|thought| {
            let mut told = vec![json!({ "text": thought })];
            if reply.is_thought_sealed {
                told = vec![json!({ "redactedContent": encode64(thought) })];
            } else if is_signed {
                told.push(json!({ "signature": signature(thought) }));
            }
            (None, told.into_iter().map(|delta| json!({ "reasoningContent": delta })).collect())
        });
        let said: Vec<Told> = match &reply.said {
            Said::Text(text) | Said::Refusal(text) => {
                vec![(None, pieces(text).map(|piece| json!({ "text": piece })).collect())]
            }
            Said::ToolCalls(calls) => {
                let calls = calls.iter().enumerate().map(|(index, call)| {
                    let start = json!({ "toolUseId": self.tool_use_id(index), "name": call.name });
                    let input = fragments(&call.arguments);
                    let deltas = input.map(|piece| json!({ "toolUse": { "input": piece } }));
                    (Some(json!({ "toolUse": start })), deltas.collect())
                });
                calls.collect()
            }
        };
        thought.into_iter().chain(said).collect()
    }

    /// What both forms end with: the time taken, the usage, the tier, and what the guardrail did.
    fn metering(&self, reply: &Reply) -> Value {
        let mut metering = json!({ "metrics": { "latencyMs": reply.latency_ms } });
        if reply.tells_usage {
            metering["usage"] = usage(&reply.usage);
        }
        if let Some(tier) = &self.request.service_tier {
            metering["serviceTier"] = json!({ "type": tier.kind });
        }
        let trace = self.request.guardrail_config.as_ref().and_then(|guardrail| guardrail.trace.as_deref());
        if reply.stop == Stop::Guardrail && matches!(trace, Some("enabled" | "enabled_full")) {
            metering["trace"] = json!({ "guardrail": { "actionReason": "Guardrail blocked." } });
        }
        metering
    }
}

fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::OutputCap => "max_tokens",
        Stop::ToolCall => "tool_use",
        Stop::Text(_) => "stop_sequence",
        Stop::Filter => "content_filtered",
        Stop::Guardrail => "guardrail_intervened",
    }
}

/// Unlike OpenAI's, Converse's input tokens leave out those that the provider's cache had or was given.
fn usage(usage: &Usage) -> Value {
    json!({
        "inputTokens": usage.input - usage.cached - usage.cache_written,
        "outputTokens": usage.output,
        "totalTokens": usage.total(),
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": usage.cache_written,
    })
}
