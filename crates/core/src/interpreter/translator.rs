//! Between two dialects, or between a target and a caller whose stream another target may have to go on with.

use bytes::Bytes;

use super::Told;
use super::dialects::{Reader, Writer};
use super::thread::Thread;
use crate::completion::{Finish, Glimpse, NoAnswer};
use crate::error::Error;
use crate::event::Event;
use crate::model::Said;
use crate::responses;

/// Reads what a target says, and writes it for the caller.
#[derive(Debug)]
pub(super) struct Translator {
    reader: Reader,
    writer: Writer,
    has_begun: bool,
    /// Where another target may go on.
    thread: Option<Thread>,
    /// The target keeps its answers under ids of its own.
    is_kept: bool,
}

impl Translator {
    pub(super) const fn new(reader: Reader, writer: Writer) -> Self {
        Self { reader, writer, has_begun: false, thread: None, is_kept: false }
    }

    /// The same, so that another target can go on.
    pub(super) fn remembering(mut self, is_kept: bool) -> Self {
        self.writer.go_on(is_kept);
        Self { thread: Some(Thread::default()), is_kept, ..self }
    }

    /// What was said, where another target can go on with it.
    pub(super) fn said(&self) -> Option<&str> {
        self.thread.as_ref()?.said()
    }

    /// Hears another target from here on, which goes on with what was said.
    pub(super) fn go_on(&mut self, reader: Reader, is_kept: bool) {
        self.writer.go_on(is_kept);
        (self.reader, self.is_kept) = (reader, is_kept);
        if let Some(thread) = &mut self.thread {
            thread.go_on();
        }
    }

    pub(super) fn whole(&mut self, said: Said) -> Result<(Bytes, Glimpse), NoAnswer> {
        let events = self.reader.whole(said)?;
        Ok((self.writer.whole(&events), glimpse(&events)))
    }

    pub(super) fn hear(&mut self, said: Said) -> Result<Told, NoAnswer> {
        let response_id = match &said {
            Said::Json(json) if self.is_kept => responses::id_in(json),
            Said::Json(_) | Said::Events(_) | Said::Embeddings(_) => None,
        };
        let mut events = self.reader.piece(said)?;
        if let Some(thread) = &mut self.thread {
            events = thread.take(events)?;
        }
        let glimpse = Glimpse { response_id, ..glimpse(&events) };
        let is_last = matches!(self.reader, Reader::Responses(_)) && glimpse.finish.is_some();
        Ok(Told { frames: self.write(&events), glimpse, is_last })
    }

    pub(super) fn end(&mut self) -> Vec<Bytes> {
        let last = self.reader.end();
        let mut frames = self.write(&last);
        frames.extend(self.writer.end());
        frames
    }

    pub(super) fn fail(&mut self, error: &Error) -> Bytes {
        self.writer.fail(error)
    }

    fn write(&mut self, events: &[Event]) -> Vec<Bytes> {
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        let mut frames = if has_begun { Vec::new() } else { self.writer.begin() };
        frames.extend(self.writer.write(events));
        frames
    }
}

/// What events say to the gateway.
pub(super) fn glimpse(events: &[Event]) -> Glimpse {
    let mut glimpse = Glimpse::default();
    for event in events {
        match event {
            Event::Text(text)
            | Event::Refusal(text)
            | Event::Thought(text)
            | Event::Summary { text, .. }
            | Event::Arguments { text, .. } => glimpse.has_content |= !text.is_empty(),
            Event::ToolCall { .. } => glimpse.has_content = true,
            Event::Finish(reason) => {
                glimpse.has_content = true;
                glimpse.finish = Some(Finish::from(*reason));
            }
            Event::Usage(usage) => glimpse.usage = Some(*usage),
            Event::ServiceTier(tier) => glimpse.service_tier = Some(tier.clone()),
            Event::Logprobs(_) | Event::Sealed(_) => {}
        }
    }
    glimpse
}
