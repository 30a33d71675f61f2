//! What a request lost, put back into its answer. A placeholder may come in any number of pieces: only what may be the
//! beginning of one is held back, until the next piece, or the end of what it belongs to.

mod chat;
mod events;
mod mender;
mod responses;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use self::chat::ChatPlace;
use self::events::EventPlace;
use self::mender::Menders;
pub(super) use self::mender::mend_whole;
use self::responses::ResponsesStream;
use super::Vault;
use super::json::{is_json, rewrite};
use crate::dialect::Dialect;
use crate::interpreter::Hearing;
use crate::model::Said;
use crate::prompt::Format;
use crate::request::Request;

/// Puts back what was taken out of one call.
#[derive(Debug)]
pub struct Restorer {
    vault: Arc<Vault>,
    /// In which dialect the target speaks, where it speaks one of OpenAI's.
    dialect: Dialect,
    /// The answer's text is JSON itself, and must stay so.
    is_json: bool,
    chat: BTreeMap<u64, Menders<ChatPlace>>,
    responses: ResponsesStream,
    events: Menders<EventPlace>,
}

impl Restorer {
    /// For the answer to a request, heard like this.
    #[must_use]
    pub fn new(vault: Arc<Vault>, request: &Request, hearing: Hearing) -> Self {
        let format = request.prompt().and_then(|prompt| prompt.format.as_ref());
        Self {
            vault,
            dialect: match hearing {
                Hearing::Chat { .. } => Dialect::Chat,
                Hearing::Responses => Dialect::Responses,
                Hearing::Pass | Hearing::Read => request.dialect,
            },
            is_json: matches!(format, Some(Format::JsonObject | Format::JsonSchema { .. })),
            chat: BTreeMap::new(),
            responses: ResponsesStream::default(),
            events: Menders::default(),
        }
    }

    /// A whole answer.
    #[must_use]
    pub fn whole(&self, said: Said) -> Said {
        match said {
            Said::Json(json) => Said::Json(self.document(&json).unwrap_or(json)),
            Said::Events(events) => {
                let mut menders = Menders::default();
                Said::Events(self.mend_events(&mut menders, events))
            }
            Said::Embeddings(vectors) => Said::Embeddings(vectors),
        }
    }

    /// A piece of a stream: what can be said now, in as many pieces as that needs.
    pub fn piece(&mut self, said: Said) -> Vec<Said> {
        match said {
            Said::Json(json) if self.dialect == Dialect::Responses => {
                let events = self.response_event(&json);
                events.map_or_else(|| vec![Said::Json(json)], |all| all.into_iter().map(Said::Json).collect())
            }
            Said::Json(json) => {
                let changed = self.chat_chunk(&json);
                vec![Said::Json(changed.unwrap_or(json))]
            }
            Said::Events(events) => {
                let mut menders = std::mem::take(&mut self.events);
                let events = self.mend_events(&mut menders, events);
                self.events = menders;
                vec![Said::Events(events)]
            }
            Said::Embeddings(vectors) => vec![Said::Embeddings(vectors)],
        }
    }

    /// A JSON text of which every string is whole; `None` where nothing in it changes.
    fn document(&self, json: &[u8]) -> Option<Bytes> {
        let text = std::str::from_utf8(json).ok()?;
        let has_any = text.match_indices('[').any(|(at, _)| self.vault.open(&text[at..]).is_some());
        if !has_any || !is_json(text) {
            return None;
        }
        let changed = rewrite(text, |path, escaped| {
            escaped.contains('[').then(|| mend_whole(&self.vault, self.depth(path), escaped))
        });
        Some(Bytes::from(changed))
    }

    /// How many strings of JSON a text stands in.
    fn depth(&self, path: &[&str]) -> u8 {
        let is_said = matches!(path.last(), Some(&("content" | "text")))
            && !path.iter().any(|name| name.contains("reasoning") || *name == "summary");
        let is_nested = path.last() == Some(&"arguments") || self.is_json && is_said;
        1 + u8::from(is_nested)
    }
}

/// Whether a piece of JSON may hold a bracket that is the beginning of a placeholder, or of a part of one.
fn may_matter(json: &[u8]) -> bool {
    json.windows(2).any(|pair| pair[0] == b'[' && (pair[1] == b'"' || pair[1].is_ascii_uppercase()))
}
