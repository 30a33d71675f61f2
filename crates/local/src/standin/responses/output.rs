//! The answer of Responses in one document.

use serde_json::{Value, json};

use super::Responses;
use crate::standin::models::Line;
use crate::standin::parameters::served_tier;
use crate::standin::reply::{Reply, Said, Stop, Usage};
use crate::standin::tools::ToolCall;

/// A call and what is said to it.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) call: &'a Responses,
    pub(super) reply: &'a Reply,
    pub(super) line: Line,
}

impl Turn<'_> {
    pub(super) fn document(&self) -> Value {
        let (status, reason) = self.end();
        let mut response = self.response(status, &self.output());
        if let Some(reason) = reason {
            response["incomplete_details"] = json!({ "reason": reason });
        }
        if self.reply.tells_usage {
            response["usage"] = usage(&self.reply.usage);
        }
        response
    }

    /// How the response ends, and why it is not complete.
    pub(super) fn end(&self) -> (&'static str, Option<&'static str>) {
        match self.reply.stop {
            Stop::End | Stop::ToolCall | Stop::Text(_) => ("completed", None),
            Stop::OutputCap => ("incomplete", Some("max_output_tokens")),
            Stop::Filter | Stop::Guardrail => ("incomplete", Some("content_filter")),
        }
    }

    /// The response without its usage, in any state.
    pub(super) fn response(&self, status: &str, output: &[Value]) -> Value {
        let request = &self.call.request;
        let text = &request.text;
        json!({
            "id": self.call.id("resp"),
            "object": "response",
            "created_at": self.call.created,
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": null,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "metadata": request.metadata.clone().unwrap_or_default(),
            "model": request.model,
            "output": output,
            "parallel_tool_calls": request.parallel_tool_calls.unwrap_or(true),
            "previous_response_id": request.previous_response_id,
            "reasoning": {
                "effort": request.effort(),
                "summary": request.reasoning.as_ref().and_then(|reasoning| reasoning.summary.as_deref()),
            },
            "service_tier": served_tier(request.service_tier.as_deref()),
            "store": request.is_stored(),
            "temperature": request.temperature.as_ref().map_or(json!(1.0), |value| json!(value)),
            "text": {
                "format": text.get("format").cloned().unwrap_or_else(|| json!({ "type": "text" })),
                "verbosity": text.get("verbosity").cloned().unwrap_or_else(|| json!("medium")),
            },
            "tool_choice": if request.tool_choice.is_null() { json!("auto") } else { request.tool_choice.clone() },
            "tools": request.tools.as_deref().unwrap_or_default(),
            "top_p": 1.0,
            "truncation": request.truncation.as_deref().unwrap_or("disabled"),
            "usage": null,
            "user": null,
        })
    }

    /// Reasoning first, if any, then a message or tool calls. Where reasoning ate the cap, nothing follows it.
    pub(super) fn output(&self) -> Vec<Value> {
        let (end, _) = self.end();
        let thinks = self.reply.thought.is_some() || self.reply.usage.reasoning > 0;
        let mut output: Vec<_> = thinks.then(|| self.reasoning()).into_iter().collect();
        match &self.reply.said {
            Said::Text(text) if text.is_empty() && end == "incomplete" => {}
            Said::Text(text) => output.push(self.message(
                end,
                &json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] }),
            )),
            Said::Refusal(text) => {
                output.push(self.message(end, &json!({ "type": "refusal", "refusal": text })));
            }
            Said::ToolCalls(calls) => {
                let last = calls.len() - 1;
                output.extend(calls.iter().enumerate().map(|(index, call)| {
                    self.function_call(index, call, if index == last { end } else { "completed" })
                }));
            }
        }
        output
    }

    fn message(&self, status: &str, part: &Value) -> Value {
        json!({
            "id": self.call.id("msg"),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [part],
        })
    }

    fn function_call(&self, index: usize, call: &ToolCall, status: &str) -> Value {
        json!({
            "id": format!("{}{index}", self.call.id("fc")),
            "type": "function_call",
            "status": status,
            "call_id": format!("{}{index}", self.call.id("call")),
            "name": call.name,
            "arguments": call.arguments,
        })
    }

    /// GPT shows a summary where it is asked to; gpt-oss shows the thought itself.
    fn reasoning(&self) -> Value {
        let request = &self.call.request;
        let thought = self.reply.thought.unwrap_or_default();
        let summary = (request.wants_summary() && self.line != Line::Open)
            .then(|| json!({ "type": "summary_text", "text": thought }));
        let mut item = json!({
            "id": self.call.id("rs"),
            "type": "reasoning",
            "summary": summary.into_iter().collect::<Vec<_>>(),
        });
        if self.line == Line::Open {
            item["content"] = json!([{ "type": "reasoning_text", "text": thought }]);
        }
        if request.wants_sealed_reasoning() {
            item["encrypted_content"] = self.call.drawer.seal(thought).into();
        }
        item
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_written,
        },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.total(),
    })
}
