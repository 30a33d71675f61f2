//! Streams in chat: what is held back of a text is said with its next piece, with the first piece of another text, or
//! with the finish.

use bytes::Bytes;
use serde_json::Error;
use serde_json::value::RawValue;

use super::mender::Menders;
use super::{Restorer, may_matter};
use crate::raw::RawObject;

/// Texts of a delta, in the order in which they are said.
const TEXTS: [&str; 4] = ["reasoning", "reasoning_content", "content", "refusal"];

/// Which text a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ChatPlace {
    Text(&'static str),
    FunctionCall,
    Arguments(u64),
    Input(u64),
}

impl Restorer {
    /// A chunk; `None` where nothing in it changes, or where it is none.
    pub(super) fn chat_chunk(&mut self, json: &[u8]) -> Option<Bytes> {
        if self.chat.values().all(Menders::is_idle) && !may_matter(json) {
            return None;
        }
        let mut chunk: RawObject = serde_json::from_slice(json).ok()?;
        let mut choices: Vec<RawObject> = chunk.read("choices").ok()??;
        for choice in &mut choices {
            self.mend_choice(choice).ok()?;
        }
        chunk.set("choices", &choices).ok()?;
        serde_json::to_vec(&chunk).ok().map(Bytes::from)
    }

    fn mend_choice(&mut self, choice: &mut RawObject) -> Result<(), Error> {
        let index = choice.read::<u64>("index")?.unwrap_or(0);
        let is_finished = choice.raw("finish_reason").is_some_and(|reason| reason.get() != "null");
        let mut delta: RawObject = choice.read("delta")?.unwrap_or_default();
        let pieces = pieces(&delta)?;
        let mut menders = self.chat.remove(&index).unwrap_or_default();
        let mut mended = Vec::new();
        for (place, piece) in &pieces {
            mended.push((*place, menders.feed(&self.vault, (*place, self.chat_depth(*place)), piece)));
        }
        let is_said =
            |place: &ChatPlace| pieces.iter().any(|(said, piece)| said == place && !piece.is_empty());
        let says_other =
            |place: &ChatPlace| pieces.iter().any(|(said, piece)| said != place && !piece.is_empty());
        let ended = menders.end_where(|place| is_finished || says_other(place) && !is_said(place));
        for (place, held) in ended {
            match mended.iter_mut().find(|(said, _)| *said == place) {
                Some((_, text)) => text.push_str(&held),
                None => mended.push((place, held)),
            }
        }
        self.chat.insert(index, menders);
        if mended.is_empty() {
            return Ok(());
        }
        for (place, text) in &mended {
            put(&mut delta, *place, text)?;
        }
        choice.set("delta", &delta)
    }

    fn chat_depth(&self, place: ChatPlace) -> u8 {
        match place {
            ChatPlace::FunctionCall | ChatPlace::Arguments(_) => 2,
            ChatPlace::Text("content") if self.is_json => 2,
            ChatPlace::Text(_) | ChatPlace::Input(_) => 1,
        }
    }
}

/// The pieces of texts in a delta, as they are escaped.
fn pieces(delta: &RawObject) -> Result<Vec<(ChatPlace, String)>, Error> {
    let mut pieces = Vec::new();
    for name in TEXTS {
        pieces.extend(string(delta, name).map(|text| (ChatPlace::Text(name), text)));
    }
    if let Some(call) = object(delta, "function_call")? {
        pieces.extend(string(&call, "arguments").map(|text| (ChatPlace::FunctionCall, text)));
    }
    for call in delta.read::<Vec<RawObject>>("tool_calls")?.unwrap_or_default() {
        let index = call.read::<u64>("index")?.unwrap_or(0);
        if let Some(function) = object(&call, "function")? {
            pieces.extend(string(&function, "arguments").map(|text| (ChatPlace::Arguments(index), text)));
        }
        if let Some(custom) = object(&call, "custom")? {
            pieces.extend(string(&custom, "input").map(|text| (ChatPlace::Input(index), text)));
        }
    }
    Ok(pieces)
}

fn object(around: &RawObject, name: &str) -> Result<Option<RawObject>, Error> {
    around.read(name)
}

fn string(object: &RawObject, name: &str) -> Option<String> {
    let quoted = object.raw(name)?.get();
    Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

fn quoted(escaped: &str) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(format!("\"{escaped}\""))
}

/// Puts a text where it belongs.
fn put(delta: &mut RawObject, place: ChatPlace, escaped: &str) -> Result<(), Error> {
    let (within, name, index) = match place {
        ChatPlace::Text(name) => return delta.set(name, &quoted(escaped)?),
        ChatPlace::FunctionCall => {
            let mut call = object(delta, "function_call")?.unwrap_or_default();
            call.set("arguments", &quoted(escaped)?)?;
            return delta.set("function_call", &call);
        }
        ChatPlace::Arguments(index) => ("function", "arguments", index),
        ChatPlace::Input(index) => ("custom", "input", index),
    };
    let mut calls: Vec<RawObject> = delta.read("tool_calls")?.unwrap_or_default();
    let is_it = |call: &RawObject| call.read::<u64>("index").is_ok_and(|known| known.unwrap_or(0) == index);
    let position = calls.iter().position(is_it);
    let position = match position {
        Some(position) => position,
        None => {
            let mut call = RawObject::default();
            call.set("index", &index)?;
            calls.insert(0, call);
            0
        }
    };
    let mut inner = object(&calls[position], within)?.unwrap_or_default();
    inner.set(name, &quoted(escaped)?)?;
    calls[position].set(within, &inner)?;
    delta.set("tool_calls", &calls)
}
