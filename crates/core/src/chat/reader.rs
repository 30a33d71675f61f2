//! A target's answer in chat, read into events. Nothing is invented: a finish that is not said, or in words that
//! nobody knows, is none.

mod calls;
mod inline;

use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use serde_json::value::RawValue;

use self::calls::{Calls, WireCall};
use self::inline::Inline;
use super::glimpse::{Answer, parse};
use crate::completion::NoAnswer;
use crate::event::{Event, FinishReason};
use crate::usage::{ChatUsage, Usage};

/// Reads one answer of a target, whole or chunk by chunk.
#[derive(Debug)]
pub struct ChatReader {
    inline: Option<Inline>,
    calls: Calls,
    tier: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    error: Option<IgnoredAny>,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<ChatUsage>,
    #[serde(default)]
    service_tier: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: usize,
    #[serde(default)]
    delta: Option<Said>,
    #[serde(default)]
    message: Option<Said>,
    #[serde(default)]
    logprobs: Option<Logprobs>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    content: Option<String>,
    refusal: Option<String>,
    reasoning: Option<String>,
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
struct Logprobs {
    #[serde(default)]
    content: Option<Vec<Box<RawValue>>>,
}

impl Answer<'_> for Wire {
    fn is_error(&self) -> bool {
        self.error.is_some()
    }
}

impl ChatReader {
    /// A reader of one answer; with `inline_reasoning`, the text begins with the reasoning between tags, as that of
    /// gpt-oss over `InvokeModel`.
    #[must_use]
    pub fn new(inline_reasoning: bool) -> Self {
        Self { inline: inline_reasoning.then(Inline::default), calls: Calls::default(), tier: None }
    }

    /// Reads a `chat.completion`.
    pub fn whole(&mut self, json: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        let wire: Wire = parse(json)?;
        if !wire.choices.iter().any(|choice| choice.index == 0 && choice.message.is_some()) {
            return Err(garbled("an answer without a message"));
        }
        let mut events = self.read(wire)?;
        events.extend(self.end());
        Ok(events)
    }

    /// Reads a `chat.completion.chunk`.
    pub fn chunk(&mut self, json: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        self.read(parse(json)?)
    }

    /// What was still held back when the answer ended.
    pub fn end(&mut self) -> Vec<Event> {
        self.inline.as_mut().and_then(Inline::end).into_iter().collect()
    }

    fn read(&mut self, wire: Wire) -> Result<Vec<Event>, NoAnswer> {
        let mut events = Vec::new();
        if let Some(tier) = wire.service_tier.filter(|tier| self.tier.as_ref() != Some(tier)) {
            self.tier = Some(tier.clone());
            events.push(Event::ServiceTier(tier));
        }
        if let Some(choice) = wire.choices.into_iter().find(|choice| choice.index == 0) {
            self.read_choice(choice, &mut events)?;
        }
        events.extend(wire.usage.map(|usage| Event::Usage(Usage::from(usage))));
        Ok(events)
    }

    fn read_choice(&mut self, choice: Choice, events: &mut Vec<Event>) -> Result<(), NoAnswer> {
        let said = choice.delta.or(choice.message).unwrap_or_default();
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        events.extend(some(said.reasoning).or_else(|| some(said.reasoning_content)).map(Event::Thought));
        if let Some(text) = some(said.content) {
            match &mut self.inline {
                Some(inline) => events.extend(inline.feed(&text)),
                None => events.push(Event::Text(text)),
            }
        }
        let logprobs = choice.logprobs.and_then(|logprobs| logprobs.content);
        events.extend(logprobs.filter(|tokens| !tokens.is_empty()).map(Event::Logprobs));
        events.extend(some(said.refusal).map(Event::Refusal));
        for call in said.tool_calls.into_iter().flatten() {
            events.extend(self.calls.read(call).map_err(garbled)?);
        }
        if let Some(reason) = some(choice.finish_reason) {
            events.extend(self.end());
            events.push(Event::Finish(finish_of(&reason)?));
        }
        Ok(())
    }
}

fn finish_of(reason: &str) -> Result<FinishReason, NoAnswer> {
    match reason {
        "stop" => Ok(FinishReason::Stop),
        "length" => Ok(FinishReason::Length),
        "tool_calls" | "function_call" => Ok(FinishReason::ToolCalls),
        "content_filter" => Ok(FinishReason::ContentFilter),
        _ => Err(garbled("an unknown finish_reason")),
    }
}

fn garbled(message: &str) -> NoAnswer {
    NoAnswer::Garbled(serde_json::Error::custom(message))
}

#[cfg(test)]
mod tests;
