//! A reader and a writer of whichever dialect: what they have in common, so that nobody else asks which one it is.

use bytes::Bytes;

use crate::chat::{ChatReader, ChatWriter};
use crate::completion::NoAnswer;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::event::Event;
use crate::interpreter::Hearing;
use crate::model::Said;
use crate::responses::{ResponsesReader, ResponsesWriter};

/// Reads what a target says.
#[derive(Debug)]
pub(crate) enum Reader {
    Chat(ChatReader),
    Responses(ResponsesReader),
    /// It comes read.
    Events,
}

/// Writes what a caller is told.
#[derive(Debug)]
pub(crate) enum Writer {
    Chat(ChatWriter),
    Responses(ResponsesWriter),
}

impl Reader {
    /// A reader of what is heard; `dialect` is the caller's.
    pub(crate) fn new(hearing: Hearing, dialect: Dialect) -> Self {
        match (hearing, dialect) {
            (Hearing::Chat { inline_reasoning }, _) => Self::Chat(ChatReader::new(inline_reasoning)),
            (Hearing::Pass, Dialect::Chat) => Self::Chat(ChatReader::new(false)),
            (Hearing::Responses, _) | (Hearing::Pass, Dialect::Responses) => {
                Self::Responses(ResponsesReader::new())
            }
            (Hearing::Pass, Dialect::Embeddings) | (Hearing::Read, _) => Self::Events,
        }
    }

    /// All of an answer that came at once.
    pub(crate) fn whole(&mut self, said: Said) -> Result<Vec<Event>, NoAnswer> {
        let mut events = match (&mut *self, said) {
            (Self::Chat(reader), Said::Json(json)) => reader.whole(&json)?,
            (Self::Responses(reader), Said::Json(json)) => reader.whole(&json)?,
            (Self::Events, Said::Events(events)) => events,
            _ => return Err(NoAnswer::Failed),
        };
        events.extend(self.end());
        Ok(events)
    }

    /// A piece of a stream.
    pub(crate) fn piece(&mut self, said: Said) -> Result<Vec<Event>, NoAnswer> {
        match (self, said) {
            (Self::Chat(reader), Said::Json(json)) => reader.chunk(&json),
            (Self::Responses(reader), Said::Json(json)) => reader.event(&json),
            (Self::Events, Said::Events(events)) => Ok(events),
            _ => Err(NoAnswer::Failed),
        }
    }

    /// What is left when a stream has ended.
    pub(crate) fn end(&mut self) -> Vec<Event> {
        match self {
            Self::Chat(reader) => reader.end(),
            Self::Responses(reader) => reader.end(),
            Self::Events => Vec::new(),
        }
    }
}

impl Writer {
    /// The body of an answer that is told at once.
    pub(crate) fn whole(&self, events: &[Event]) -> Bytes {
        match self {
            Self::Chat(writer) => writer.whole(events),
            Self::Responses(writer) => writer.whole(events),
        }
    }

    /// The frames before any of the answer.
    pub(crate) fn begin(&mut self) -> Vec<Bytes> {
        match self {
            Self::Chat(writer) => writer.begin(),
            Self::Responses(writer) => writer.begin(),
        }
    }

    /// The frames of some events.
    pub(crate) fn write(&mut self, events: &[Event]) -> Vec<Bytes> {
        let write = |event: &Event| match self {
            Self::Chat(writer) => writer.write(event),
            Self::Responses(writer) => writer.write(event),
        };
        events.iter().flat_map(write).collect()
    }

    /// What is counted and kept is from here on said of another target's answer.
    pub(crate) fn go_on(&mut self, is_kept: bool) {
        match self {
            Self::Chat(writer) => writer.go_on(),
            Self::Responses(writer) => writer.go_on(is_kept),
        }
    }

    /// The last frames of a stream that ended as it should.
    pub(crate) fn end(&mut self) -> Vec<Bytes> {
        match self {
            Self::Chat(writer) => writer.end(),
            Self::Responses(writer) => writer.end(),
        }
    }

    /// The last frame of a stream that broke.
    pub(crate) fn fail(&mut self, error: &Error) -> Bytes {
        match self {
            Self::Chat(writer) => writer.fail(error),
            Self::Responses(writer) => writer.fail(error),
        }
    }
}
