//! Events, written for a caller who speaks Responses: as a stream, or at once.

mod items;
mod voice;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::output::{Heading, Output, Part, Response, State, Status};
use super::pass::response_id;
use super::usage::ResponsesUsage;
use crate::error::Error;
use crate::event::{Event, FinishReason};
use crate::parameter::Parameters;
use crate::time::Timestamp;
use crate::usage::Usage;
use voice::{Said, Voice};

/// Writes one answer.
#[derive(Clone, Debug)]
pub struct ResponsesWriter {
    heading: Heading,
    target_id: Option<String>,
    voice: Voice,
    output: Vec<Output>,
    open: Option<OpenItem>,
    /// Calls by their number, with their places in the output. They stay open to the end: a target may say more of their
    /// arguments after anything else.
    calls: BTreeMap<usize, usize>,
    finish: Option<FinishReason>,
    service_tier: Option<String>,
    usage: Option<Usage>,
}

/// The item of parts that is not closed yet.
#[derive(Clone, Debug)]
struct OpenItem {
    /// Its place in the output.
    place: usize,
    /// Its last part.
    part: Option<OpenPart>,
}

#[derive(Clone, Debug)]
struct OpenPart {
    /// The part, without its words.
    empty: Part,
    /// The target's number of it.
    number: usize,
    /// Its place among the parts of its item.
    index: usize,
}

impl ResponsesWriter {
    /// A writer of the answer to this request, by the model that the caller named.
    #[must_use]
    pub fn new(request_id: &str, model: &str, now: Timestamp) -> Self {
        let heading = Heading {
            id: response_id(request_id),
            model: model.to_owned(),
            created_at: now.as_secs(),
            parameters: Parameters::default(),
            is_kept: false,
        };
        Self {
            heading,
            target_id: None,
            voice: Voice::default(),
            output: Vec::new(),
            open: None,
            calls: BTreeMap::new(),
            finish: None,
            service_tier: None,
            usage: None,
        }
    }

    /// The same, with the request's settings said again in the response, as clients expect it.
    #[must_use]
    pub fn echoing(mut self, parameters: &Parameters) -> Self {
        self.heading.parameters = parameters.clone();
        self
    }

    /// The same, with encrypted reasoning bound to the target that made it.
    #[must_use]
    pub fn sealing_for(mut self, target_id: &str) -> Self {
        self.target_id = Some(target_id.to_owned());
        self
    }

    /// A target begins, or goes on with what another one began; it is said whether the target keeps the answer, so that a later call can go on from it.
    pub(crate) fn go_on(&mut self, is_kept: bool) {
        self.heading.is_kept = is_kept;
        (self.usage, self.service_tier) = (None, None);
    }

    /// The body of an answer that came at once.
    #[must_use]
    pub fn whole(&self, events: &[Event]) -> Bytes {
        let mut writer = self.clone();
        for event in events {
            writer.put(event);
        }
        writer.close_all(writer.status());
        let bytes = serde_json::to_vec(&writer.response(writer.status()))
            .expect("texts, numbers and JSON can always be written as JSON");
        Bytes::from(bytes)
    }

    /// The events before any of the answer.
    pub fn begin(&mut self) -> Vec<Bytes> {
        self.say_response("response.created", Status::InProgress);
        self.say_response("response.in_progress", Status::InProgress);
        self.voice.take()
    }

    /// The events that say this one.
    pub fn write(&mut self, event: &Event) -> Vec<Bytes> {
        self.put(event);
        self.voice.take()
    }

    /// The events after the answer.
    pub fn end(&mut self) -> Vec<Bytes> {
        let status = self.status();
        self.close_all(status);
        let kind = if status == Status::Completed { "response.completed" } else { "response.incomplete" };
        self.say_response(kind, status);
        self.voice.take()
    }

    /// The event that says instead of an end what went wrong, in the words of both kinds of clients: those that look
    /// for an event of type `error`, and those that look for a member `error`.
    pub fn fail(&mut self, error: &Error) -> Bytes {
        let body: Value = serde_json::from_slice(&error.body()).unwrap_or_default();
        let error = match body.get("error") {
            Some(error) if error.is_object() => error.clone(),
            _ => {
                json!({"message": error.to_string(), "type": "server_error", "param": null, "code": error.code()})
            }
        };
        let said = json!({
            "code": error["code"], "message": error["message"], "param": error["param"], "error": error,
        });
        self.voice.frame("error", &said)
    }

    const fn status(&self) -> Status {
        match self.finish {
            Some(FinishReason::Stop | FinishReason::ToolCalls) => Status::Completed,
            Some(FinishReason::Length | FinishReason::ContentFilter) | None => Status::Incomplete,
        }
    }

    fn say_response(&mut self, kind: &'static str, status: Status) {
        let mut voice = std::mem::take(&mut self.voice);
        voice.say(kind, &Said { response: Some(self.response(status)), ..Said::default() });
        self.voice = voice;
    }

    fn response(&self, status: Status) -> Response<'_> {
        self.heading.response(State {
            status,
            reason: match self.finish {
                Some(FinishReason::Length) => Some("max_output_tokens"),
                Some(FinishReason::ContentFilter) => Some("content_filter"),
                Some(FinishReason::Stop | FinishReason::ToolCalls) | None => None,
            },
            output: &self.output,
            service_tier: self.service_tier.as_deref(),
            usage: self.usage.map(ResponsesUsage::from),
        })
    }

    fn put(&mut self, event: &Event) {
        match event {
            Event::Text(text) => self.put_part(Part::text(String::new()), 0, text),
            Event::Refusal(text) => self.put_part(Part::Refusal { refusal: String::new() }, 0, text),
            Event::Thought(text) => self.put_part(Part::ReasoningText { text: String::new() }, 0, text),
            Event::Summary { index, text } => {
                self.put_part(Part::SummaryText { text: String::new() }, *index, text);
            }
            Event::Logprobs(logprobs) => self.put_logprobs(logprobs),
            Event::Sealed(text) => self.put_sealed(text),
            Event::ToolCall { index, call_id, name } => self.put_call(*index, call_id, name),
            Event::Arguments { index, text } => self.put_arguments(*index, text),
            Event::Finish(reason) => self.finish = Some(*reason),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::ServiceTier(tier) => self.service_tier = Some(tier.clone()),
        }
    }
}
