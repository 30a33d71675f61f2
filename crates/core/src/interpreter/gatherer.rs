//! A stream for a caller who wants it whole. A target that may be replaced is asked for a stream, because only a stream
//! shows in time that nobody speaks; the caller hears of it when it has ended.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::dialects::{Reader, Writer};
use super::translator::glimpse;
use super::{Hearing, Telling, responses_pass, writer};
use crate::chat::{self, ChatFold};
use crate::completion::{Glimpse, NoAnswer};
use crate::dialect::Dialect;
use crate::event::Event;
use crate::model::Said;
use crate::redaction::Restorer;
use crate::responses::ResponsesPass;

/// Hears the stream of one attempt, and says it whole.
#[derive(Debug)]
pub struct Gatherer {
    voice: Voice,
    restorer: Option<Restorer>,
    is_over: bool,
}

/// From whose words into whose.
#[derive(Debug)]
enum Voice {
    Chat(ChatFold),
    /// The last event has all of the answer.
    Responses(ResponsesPass, Option<Box<RawValue>>),
    Translated(Reader, Box<Writer>, Vec<Event>),
}

#[derive(Deserialize)]
struct Last {
    response: Box<RawValue>,
}

impl Gatherer {
    /// For one answer; the restorer has what the request lost on its way.
    #[must_use]
    pub fn new(hearing: Hearing, telling: &Telling<'_>, restorer: Option<Restorer>) -> Self {
        let voice = match (telling.request.dialect, hearing) {
            (Dialect::Chat, Hearing::Pass) => Voice::Chat(ChatFold::default()),
            (Dialect::Responses, Hearing::Pass) => Voice::Responses(responses_pass(telling), None),
            (dialect, _) => {
                Voice::Translated(Reader::new(hearing, dialect), Box::new(writer(telling)), Vec::new())
            }
        };
        Self { voice, restorer, is_over: false }
    }

    /// Hears a piece. What it says of usage or finish may not be all: that is said with the whole.
    pub fn hear(&mut self, said: Said) -> Result<Glimpse, NoAnswer> {
        let pieces = match &mut self.restorer {
            Some(restorer) => restorer.piece(said),
            None => vec![said],
        };
        let mut heard = Glimpse::default();
        for said in pieces {
            heard = heard.and(self.voice.hear(said)?);
        }
        self.is_over |= heard.finish.is_some() && self.voice.ends_with_its_finish();
        Ok(heard)
    }

    /// Nothing that belongs to the answer comes any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// The whole answer, as the caller reads it; an error where the stream did not say how it finished.
    pub fn whole(self) -> Result<(Bytes, Glimpse), NoAnswer> {
        let (body, glimpse) = match self.voice {
            Voice::Chat(fold) => {
                let body = fold.whole()?;
                let glimpse = chat::glimpse(&body)?;
                (body, glimpse)
            }
            Voice::Responses(mut pass, last) => pass.whole(last.ok_or(NoAnswer::Failed)?.get().as_bytes())?,
            Voice::Translated(mut reader, writer, mut events) => {
                events.extend(reader.end());
                (writer.whole(&events), glimpse(&events))
            }
        };
        if glimpse.finish.is_none() {
            return Err(NoAnswer::Failed);
        }
        Ok((body, glimpse))
    }
}

impl Voice {
    /// A target that speaks Responses says all with its last event.
    const fn ends_with_its_finish(&self) -> bool {
        matches!(self, Self::Responses(..) | Self::Translated(Reader::Responses(_), ..))
    }

    fn hear(&mut self, said: Said) -> Result<Glimpse, NoAnswer> {
        match (self, said) {
            (Self::Chat(fold), Said::Json(json)) => {
                let glimpse = chat::glimpse(&json)?;
                fold.add(&json)?;
                Ok(glimpse)
            }
            (Self::Responses(pass, last), Said::Json(json)) => {
                let (_, glimpse) = pass.event(&json)?;
                if glimpse.finish.is_some() {
                    let Last { response } = serde_json::from_slice(&json).map_err(NoAnswer::Garbled)?;
                    *last = Some(response);
                }
                Ok(glimpse)
            }
            (Self::Translated(reader, _, events), said) => {
                let heard = reader.piece(said)?;
                let glimpse = glimpse(&heard);
                events.extend(heard);
                Ok(glimpse)
            }
            _ => Err(NoAnswer::Failed),
        }
    }
}
