//! A kept answer, told to a caller: byte for byte where it was kept in the form that is wanted, otherwise said again. One that
//! came as a stream serves a caller who wants it whole, and the other way round.

use bytes::Bytes;

use crate::cache::entry::{About, Entry};
use crate::chat::{ChatReader, ChatWriter};
use crate::completion::NoAnswer;
use crate::dialect::Dialect;
use crate::event::Event;
use crate::idempotency::Form;
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
    let mut events = read(about, reply, request.dialect).ok()?;
    if !events.iter().any(|event| matches!(event, Event::Usage(_))) {
        events.push(Event::Usage(about.usage));
    }
    Some(say(about, &events, request, model))
}

/// What only a caller's own dialect can carry passes unread, so it would be lost on the way.
fn can_be_said_again(request: &Request) -> bool {
    request.choices() == 1 && request.prompt().is_some_and(|prompt| prompt.strange.is_empty())
}

enum Reader {
    Chat(ChatReader),
    Responses(ResponsesReader),
}

fn read(about: &About, reply: &[u8], dialect: Dialect) -> Result<Vec<Event>, NoAnswer> {
    let mut reader = match dialect {
        Dialect::Chat => Reader::Chat(ChatReader::new(false)),
        Dialect::Responses => Reader::Responses(ResponsesReader::new()),
        Dialect::Embeddings => return Err(NoAnswer::Failed),
    };
    let mut events = match about.form {
        Form::Json => reader.whole(reply)?,
        Form::Events => {
            let data = SseDecoder::default().feed(reply).map_err(|_| NoAnswer::Failed)?;
            let pieces = data.iter().filter(|data| ***data != *DONE).map(|data| reader.piece(data));
            pieces.collect::<Result<Vec<_>, _>>()?.concat()
        }
    };
    events.extend(reader.end());
    Ok(events)
}

impl Reader {
    fn whole(&mut self, json: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        match self {
            Self::Chat(reader) => reader.whole(json),
            Self::Responses(reader) => reader.whole(json),
        }
    }

    fn piece(&mut self, json: &[u8]) -> Result<Vec<Event>, NoAnswer> {
        match self {
            Self::Chat(reader) => reader.chunk(json),
            Self::Responses(reader) => reader.event(json),
        }
    }

    fn end(&mut self) -> Vec<Event> {
        match self {
            Self::Chat(reader) => reader.end(),
            Self::Responses(reader) => reader.end(),
        }
    }
}

/// The answer keeps the id of the call that got it, so that a later one can go on from it.
fn say(about: &About, events: &[Event], request: &Request, model: &str) -> Bytes {
    let (id, at) = (&about.request_id, about.asked_us);
    match request.dialect {
        Dialect::Responses => {
            let mut writer = ResponsesWriter::new(id, model, at).echoing(&request.parameters());
            if !request.stream {
                return writer.whole(events);
            }
            let mut frames = writer.begin();
            frames.extend(events.iter().flat_map(|event| writer.write(event)));
            frames.extend(writer.end());
            frames.concat().into()
        }
        Dialect::Chat | Dialect::Embeddings => {
            let mut writer = ChatWriter::new(id, model, at, request.include_usage);
            if !request.stream {
                return writer.whole(events);
            }
            let mut frames = writer.begin();
            frames.extend(events.iter().flat_map(|event| writer.write(event)));
            frames.extend(writer.end());
            frames.concat().into()
        }
    }
}

#[cfg(test)]
mod tests;
