//! An answer in one piece.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::wire::{Call, Logprobs, finish_word, to_bytes};
use super::{ChatWriter, gap_before};
use crate::event::{Event, FinishReason};
use crate::usage::{ChatUsage, Usage};

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

/// What the events come to.
#[derive(Default)]
struct Sum<'a> {
    text: Option<String>,
    refusal: Option<String>,
    reasoning: Option<String>,
    last_summary: Option<usize>,
    calls: Vec<SumOfCall<'a>>,
    logprobs: Vec<&'a RawValue>,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    service_tier: Option<&'a str>,
}

struct SumOfCall<'a> {
    index: usize,
    call_id: &'a str,
    name: &'a str,
    arguments: String,
}

/// The `chat.completion` of these events.
pub(super) fn write(writer: &ChatWriter, events: &[Event]) -> Bytes {
    let mut sum = Sum::default();
    for event in events {
        sum.add(event);
    }
    let has_more_than_text = !sum.calls.is_empty() || sum.refusal.is_some();
    let message = Message {
        role: "assistant",
        content: sum.text.or_else(|| (!has_more_than_text).then(String::new)),
        refusal: sum.refusal,
        reasoning: sum.reasoning,
        tool_calls: sum.calls.iter().map(SumOfCall::wire).collect(),
    };
    let choice = Choice {
        index: 0,
        message,
        logprobs: (!sum.logprobs.is_empty()).then_some(Logprobs { content: sum.logprobs, refusal: None }),
        finish_reason: sum.finish.map(finish_word),
    };
    let mut head = writer.head("chat.completion", vec![choice], sum.usage.map(ChatUsage::from).map(Some));
    head.service_tier = sum.service_tier;
    to_bytes(&head)
}

impl<'a> Sum<'a> {
    fn add(&mut self, event: &'a Event) {
        match event {
            Event::Text(text) => self.text.get_or_insert_default().push_str(text),
            Event::Logprobs(tokens) => self.logprobs.extend(tokens.iter().map(AsRef::as_ref)),
            Event::Refusal(text) => self.refusal.get_or_insert_default().push_str(text),
            Event::Thought(text) => self.reasoning.get_or_insert_default().push_str(text),
            Event::Summary { index, text } => {
                let gap = gap_before(&mut self.last_summary, *index);
                let reasoning = self.reasoning.get_or_insert_default();
                reasoning.push_str(gap);
                reasoning.push_str(text);
            }
            Event::ToolCall { index, call_id, name } => {
                self.calls.push(SumOfCall { index: *index, call_id, name, arguments: String::new() });
            }
            Event::Arguments { index, text } => {
                if let Some(call) = self.calls.iter_mut().rfind(|call| call.index == *index) {
                    call.arguments.push_str(text);
                }
            }
            Event::Finish(reason) => self.finish = Some(*reason),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::ServiceTier(tier) => self.service_tier = Some(tier),
            // What only the target can read has no place in chat.
            Event::Sealed(_) => {}
        }
    }
}

impl SumOfCall<'_> {
    fn wire(&self) -> Call<'_> {
        Call::begin(None, self.call_id, self.name, &self.arguments)
    }
}
