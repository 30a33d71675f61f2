//! Events, said to a chat client: as one `chat.completion`, or as the frames of a stream.

mod whole;
mod wire;

use bytes::Bytes;

use self::wire::{Call, Choice, Delta, Head, Logprobs, finish_word, to_bytes};
use crate::error::Error;
use crate::event::Event;
use crate::sse;
use crate::time::Timestamp;
use crate::usage::{ChatUsage, Usage};

/// Writes one answer for a chat client.
#[derive(Debug)]
pub struct ChatWriter {
    id: String,
    model: String,
    created: u64,
    include_usage: bool,
    usage: Option<Usage>,
    service_tier: Option<String>,
    last_summary: Option<usize>,
    has_failed: bool,
}

impl ChatWriter {
    /// A writer of the answer to this request; `model` is the name by which the client asked for it.
    #[must_use]
    pub fn new(request_id: &str, model: &str, now: Timestamp, include_usage: bool) -> Self {
        Self {
            id: format!("chatcmpl-{request_id}"),
            model: model.to_owned(),
            created: now.as_secs(),
            include_usage,
            usage: None,
            service_tier: None,
            last_summary: None,
            has_failed: false,
        }
    }

    /// The answer in one piece.
    #[must_use]
    pub fn whole(&self, events: &[Event]) -> Bytes {
        whole::write(self, events)
    }

    /// Another target goes on: what the one before counted on its way is not what the answer comes to.
    pub(crate) fn go_on(&mut self) {
        (self.usage, self.service_tier) = (None, None);
    }

    /// The frames before any event.
    pub fn begin(&mut self) -> Vec<Bytes> {
        vec![self.delta(Delta { role: Some("assistant"), content: Some(""), ..Delta::default() })]
    }

    /// The frames of an event.
    pub fn write(&mut self, event: &Event) -> Vec<Bytes> {
        if self.has_failed {
            return Vec::new();
        }
        self.choice_of(event).into_iter().collect()
    }

    fn choice_of(&mut self, event: &Event) -> Option<Bytes> {
        let delta = match event {
            Event::Text(text) => Delta { content: Some(text), ..Delta::default() },
            Event::Refusal(text) => Delta { refusal: Some(text), ..Delta::default() },
            Event::Thought(text) => Delta { reasoning: Some(text), ..Delta::default() },
            Event::Summary { index, text } => {
                let reasoning = format!("{}{text}", gap_before(&mut self.last_summary, *index));
                return Some(self.delta(Delta { reasoning: Some(&reasoning), ..Delta::default() }));
            }
            Event::ToolCall { index, call_id, name } => {
                let call = Call::begin(Some(*index), call_id, name, "");
                Delta { tool_calls: Some([call]), ..Delta::default() }
            }
            Event::Arguments { index, text } => {
                Delta { tool_calls: Some([Call::piece(*index, text)]), ..Delta::default() }
            }
            Event::Logprobs(tokens) => {
                let content = tokens.iter().map(AsRef::as_ref).collect();
                let logprobs = Some(Logprobs { content, refusal: None });
                return Some(self.chunk(Choice { logprobs, ..Choice::default() }));
            }
            Event::Finish(reason) => {
                let finish_reason = Some(finish_word(*reason));
                return Some(self.chunk(Choice { finish_reason, ..Choice::default() }));
            }
            Event::Usage(usage) => {
                self.usage = Some(*usage);
                return None;
            }
            Event::ServiceTier(tier) => {
                self.service_tier = Some(tier.clone());
                return None;
            }
            // What only the target can read has no place in chat.
            Event::Sealed(_) => return None,
        };
        Some(self.delta(delta))
    }

    /// The frames after all events.
    pub fn end(&mut self) -> Vec<Bytes> {
        if self.has_failed {
            return Vec::new();
        }
        let mut frames = Vec::new();
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            let choices: Vec<Choice<'_>> = Vec::new();
            frames.push(self.frame(choices, Some(usage)));
        }
        frames.push(sse::encode(sse::DONE));
        frames
    }

    /// The last frame of an answer that breaks off: nothing comes after it.
    pub fn fail(&mut self, error: &Error) -> Bytes {
        self.has_failed = true;
        failure(error)
    }

    fn delta(&self, delta: Delta<'_>) -> Bytes {
        self.chunk(Choice { delta, ..Choice::default() })
    }

    fn chunk(&self, choice: Choice<'_>) -> Bytes {
        self.frame(vec![choice], None)
    }

    /// Where usage is asked for, every chunk but the last says that its usage is null.
    fn frame(&self, choices: Vec<Choice<'_>>, usage: Option<Usage>) -> Bytes {
        let usage = self.include_usage.then_some(usage.map(ChatUsage::from));
        sse::encode(&to_bytes(&self.head("chat.completion.chunk", choices, usage)))
    }

    fn head<C>(
        &self,
        object: &'static str,
        choices: Vec<C>,
        usage: Option<Option<ChatUsage>>,
    ) -> Head<'_, C> {
        Head {
            id: &self.id,
            object,
            created: self.created,
            model: &self.model,
            choices,
            usage,
            service_tier: self.service_tier.as_deref(),
        }
    }
}

/// The frame that ends an answer that broke.
pub(crate) fn failure(error: &Error) -> Bytes {
    sse::encode(&to_bytes(&error.envelope()))
}

/// What stands between the parts of a summary.
fn gap_before(last: &mut Option<usize>, index: usize) -> &'static str {
    match last.replace(index) {
        Some(last) if last != index => "\n\n",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
