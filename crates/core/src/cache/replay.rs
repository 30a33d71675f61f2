//! A kept answer, told to a caller: byte for byte where it was kept in the form that is wanted, otherwise said again. One that
//! came as a stream serves a caller who wants it whole, and the other way round.

use bytes::Bytes;

use crate::cache::entry::{About, Entry};
use crate::chat::{ChatReader, ChatWriter};
use crate::completion::NoAnswer;
use crate::dialect::Dialect;
use crate::event::Event;
use crate::idempotency::Form;
use crate::interpreter::dialects::{Reader, Writer};
use crate::model::Said;
use crate::request::Request;
use crate::responses::{ResponsesReader, ResponsesWriter};
use crate::sse::{DONE, SseDecoder};

/// The body for this caller; `None` where the kept one cannot be said in the form that is wanted: then it is a miss. `model` is
/// the model as its provider names it.
#[must_use]
pub fn replay(entry: &Entry, request: &Request, model: &str) -> Option<Bytes> {
    let Entry { about, reply } = entry;
    let wanted = if request.stream { Form::Events } else { Form::Json };
    let is_chat_stream = request.dialect == Dialect::Chat && wanted == Form::Events;
    if about.form == wanted && (!is_chat_stream || about.include_usage == request.include_usage) {
        return Some(reply.clone());
    }
    if !can_be_said_again(request) {
        return None;
    }
    let mut events = read(about.form, reply, request.dialect).ok()?;
    if !events.iter().any(|event| matches!(event, Event::Usage(_))) {
        events.push(Event::Usage(about.usage));
    }
    Some(say(about, &events, request, model))
}

/// The words of an answer, without what it thought; `None` where there are none, or it cannot be read.
#[must_use]
pub fn words(form: Form, reply: &Bytes, dialect: Dialect) -> Option<String> {
    let events = read(form, reply, dialect).ok()?;
    let texts = events.into_iter().filter_map(|event| match event {
        Event::Text(text) => Some(text),
        _ => None,
    });
    Some(texts.collect::<String>()).filter(|words| !words.trim().is_empty())
}

/// What only a caller's own dialect can carry passes unread, so it would be lost on the way.
fn can_be_said_again(request: &Request) -> bool {
    request.choices() == 1 && request.prompt().is_some_and(|prompt| prompt.strange.is_empty())
}

fn read(form: Form, reply: &Bytes, dialect: Dialect) -> Result<Vec<Event>, NoAnswer> {
    let mut reader = match dialect {
        Dialect::Chat => Reader::Chat(ChatReader::new(false)),
        Dialect::Responses => Reader::Responses(ResponsesReader::new()),
        Dialect::Embeddings => return Err(NoAnswer::Failed),
    };
    if form == Form::Json {
        return reader.whole(Said::Json(reply.clone()));
    }
    let mut events = Vec::new();
    for data in SseDecoder::default().feed(reply).map_err(|_| NoAnswer::Failed)? {
        if *data != *DONE {
            events.extend(reader.piece(Said::Json(data))?);
        }
    }
    events.extend(reader.end());
    Ok(events)
}

/// The answer keeps the id of the call that got it, so that a later one can go on from it.
fn say(about: &About, events: &[Event], request: &Request, model: &str) -> Bytes {
    let (id, at) = (&about.request_id, about.asked_us);
    let mut writer = match request.dialect {
        Dialect::Responses => {
            Writer::Responses(ResponsesWriter::new(id, model, at).echoing(&request.parameters()))
        }
        Dialect::Chat | Dialect::Embeddings => {
            Writer::Chat(ChatWriter::new(id, model, at, request.include_usage))
        }
    };
    if !request.stream {
        return writer.whole(events);
    }
    [writer.begin(), writer.write(events), writer.end()].concat().concat().into()
}

#[cfg(test)]
mod tests;
