//! A target's answer, whole or as a stream, read into events. What comes more than once, in pieces and then whole, is
//! given once; what comes only whole is given too.

mod given;
mod wire;

use std::collections::BTreeMap;

use crate::completion::NoAnswer;
use crate::event::{Event, FinishReason};
use crate::sse::DONE;
use crate::usage::Usage;
use given::{Given, Kind, Piece};
pub(in crate::responses) use wire::parse;
use wire::{End, Named, Response, Step};

/// Reads one answer.
#[derive(Clone, Debug, Default)]
pub struct ResponsesReader {
    given: Given,
}

impl ResponsesReader {
    /// A reader that has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an answer that came at once.
    pub fn whole(&mut self, json: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        let mut events = Vec::new();
        let response: Response<'_> = parse(json)?;
        if response.output.is_none() {
            return Err(NoAnswer::Garbled(serde::de::Error::missing_field("output")));
        }
        self.response(&response, &mut events)?;
        Ok(events)
    }

    /// Reads the data of one event of a stream.
    pub fn event(&mut self, json: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        let mut events = Vec::new();
        if json == DONE {
            return Ok(events);
        }
        let named: Named<'_> = parse(json)?;
        match named.r#type.as_ref() {
            "error" | "response.failed" => return Err(NoAnswer::Failed),
            "response.completed" | "response.incomplete" => {
                let step: End<'_> = parse(json)?;
                self.response(&step.response, &mut events)?;
            }
            kind => {
                if let Some(kind) = StepKind::of(kind) {
                    self.step(kind, &parse(json)?, &mut events);
                }
            }
        }
        Ok(events)
    }

    /// What is still to be said when the stream is over: nothing, for every event is read at once.
    #[must_use]
    pub fn end(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn step(&mut self, kind: StepKind, step: &Step<'_>, events: &mut Vec<Event>) {
        let place = step.output_index.unwrap_or(0);
        let index = step.content_index.or(step.summary_index).unwrap_or(0);
        let logprobs = step.logprobs.as_deref().unwrap_or_default();
        match kind {
            StepKind::Delta(piece) => {
                let item = self.given.at(piece, place);
                item.piece(piece, index, step.delta.as_deref().unwrap_or_default(), events);
                item.logprobs(index, logprobs, events);
            }
            StepKind::Done(piece) => {
                let text = step.text.as_deref().or(step.refusal.as_deref()).or(step.arguments.as_deref());
                let item = self.given.at(piece, place);
                item.whole(piece, index, text.unwrap_or_default(), events);
                item.all_logprobs(index, logprobs, events);
            }
            StepKind::Begun => {
                let Some(item) = step.item.as_ref().filter(|item| item.kind() == Some(Kind::Call)) else {
                    return;
                };
                if let (Some(call_id), Some(name)) = (&item.call_id, &item.name) {
                    self.given.of_kind_at(Kind::Call, place).begin(call_id, name, events);
                }
            }
            StepKind::Closed => {
                if let Some((item, kind)) = step.item.as_ref().and_then(|item| Some((item, item.kind()?))) {
                    self.given.of_kind_at(kind, place).output(item, events);
                }
            }
        }
    }

    fn response(&mut self, response: &Response<'_>, events: &mut Vec<Event>) -> Result<(), NoAnswer> {
        if matches!(response.status.as_deref(), Some("failed" | "cancelled")) {
            return Err(NoAnswer::Failed);
        }
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for item in response.output.iter().flatten() {
            let Some(kind) = item.kind() else { continue };
            let count = counts.entry(kind).or_default();
            self.given.nth(kind, *count).output(item, events);
            *count += 1;
        }
        if let Some(tier) = &response.service_tier {
            events.push(Event::ServiceTier(tier.clone().into_owned()));
        }
        events.extend(self.finish(response).map(Event::Finish));
        events.extend(response.usage.map(|usage| Event::Usage(Usage::from(usage))));
        Ok(())
    }

    fn finish(&self, response: &Response<'_>) -> Option<FinishReason> {
        let reason = response.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
        match (response.status.as_deref(), reason) {
            (Some("completed"), _) if self.given.has_calls() => Some(FinishReason::ToolCalls),
            (Some("completed"), _) => Some(FinishReason::Stop),
            (Some("incomplete"), Some("max_output_tokens")) => Some(FinishReason::Length),
            (Some("incomplete"), Some("content_filter")) => Some(FinishReason::ContentFilter),
            _ => None,
        }
    }
}

/// The events that say something of the answer.
#[derive(Clone, Copy)]
enum StepKind {
    Delta(Piece),
    Done(Piece),
    Begun,
    Closed,
}

impl StepKind {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "response.output_text.delta" => Self::Delta(Piece::Text),
            "response.output_text.done" => Self::Done(Piece::Text),
            "response.refusal.delta" => Self::Delta(Piece::Refusal),
            "response.refusal.done" => Self::Done(Piece::Refusal),
            "response.reasoning_text.delta" => Self::Delta(Piece::Thought),
            "response.reasoning_text.done" => Self::Done(Piece::Thought),
            "response.reasoning_summary_text.delta" => Self::Delta(Piece::Summary),
            "response.reasoning_summary_text.done" => Self::Done(Piece::Summary),
            "response.function_call_arguments.delta" => Self::Delta(Piece::Arguments),
            "response.function_call_arguments.done" => Self::Done(Piece::Arguments),
            "response.output_item.added" => Self::Begun,
            "response.output_item.done" => Self::Closed,
            _ => return None,
        })
    }
}
