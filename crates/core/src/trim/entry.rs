//! An element of a conversation in either dialect, unread but for what decides whether it may go.

use serde_json::Error;
use serde_json::value::RawValue;

use super::size::Size;
use crate::dialect::Dialect;
use crate::raw::RawObject;

/// A message or an item.
pub(super) struct Entry {
    pub(super) raw: Box<RawValue>,
    pub(super) speaker: Speaker,
    /// The name of the member with what is said.
    pub(super) said_in: &'static str,
    /// The turn that it belongs to, counted from the first. A turn is what the user says, and all that follows until
    /// the user speaks again.
    pub(super) turn: usize,
    pub(super) size: Size,
    /// How many of its blocks were replaced.
    pub(super) repeats: usize,
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// System and developer: they stand outside of the turns.
    Operator,
    User,
    /// Messages, calls and reasoning.
    Model {
        calls: Vec<String>,
    },
    Tool {
        call_id: String,
    },
}

/// A part of what is said.
pub(super) enum Part {
    Text(String),
    Image,
    Other,
}

impl Entry {
    pub(super) fn read_all(dialect: Dialect, elements: Vec<Box<RawValue>>) -> Result<Vec<Self>, Error> {
        let mut entries: Vec<Self> = Vec::with_capacity(elements.len());
        let (mut turn, mut before) = (0, None);
        for raw in elements {
            let (speaker, said_in) = Speaker::read(dialect, &serde_json::from_str(raw.get())?)?;
            let begins = speaker == Speaker::User && before.is_some_and(|is_user: bool| !is_user);
            turn += usize::from(begins);
            if speaker != Speaker::Operator {
                before = Some(speaker == Speaker::User);
            }
            let mut entry = Self { raw, speaker, said_in, turn, size: Size::default(), repeats: 0 };
            entry.size = entry.measure()?;
            entries.push(entry);
        }
        Ok(entries)
    }

    pub(super) fn is_operators(&self) -> bool {
        self.speaker == Speaker::Operator
    }

    pub(super) fn object(&self) -> Result<RawObject, Error> {
        serde_json::from_str(self.raw.get())
    }

    /// Puts another object in the place of what came.
    pub(super) fn replace(&mut self, object: &RawObject) -> Result<(), Error> {
        self.raw = serde_json::value::to_raw_value(object)?;
        self.size = self.measure()?;
        Ok(())
    }

    fn measure(&self) -> Result<Size, Error> {
        let object = self.object()?;
        let whole = Size::of_text(&self.raw);
        let Some(parts) = object.raw(self.said_in).and_then(parts_of) else {
            return Ok(whole);
        };
        let images = parts.iter().filter(|part| matches!(read_part(part), Part::Image));
        Ok(images.fold(whole, |size, image| size - Size::of_text(image) + Size::of_image()))
    }
}

impl Speaker {
    /// Who speaks, and in which member.
    fn read(dialect: Dialect, object: &RawObject) -> Result<(Self, &'static str), Error> {
        if dialect == Dialect::Chat {
            return Ok((Self::of_chat(object)?, "content"));
        }
        match object.read::<String>("type")?.as_deref() {
            None | Some("message") => Ok((Self::of_message(object)?, "content")),
            Some("function_call_output" | "custom_tool_call_output") => {
                Ok((Self::Tool { call_id: text(object, "call_id")? }, "output"))
            }
            Some("function_call" | "custom_tool_call") => {
                Ok((Self::Model { calls: vec![text(object, "call_id")?] }, "content"))
            }
            Some(_) => Ok((Self::Model { calls: Vec::new() }, "content")),
        }
    }

    fn of_chat(object: &RawObject) -> Result<Self, Error> {
        match text(object, "role")?.as_str() {
            "assistant" => Ok(Self::Model { calls: calls(object)? }),
            "tool" => Ok(Self::Tool { call_id: text(object, "tool_call_id")? }),
            // The deprecated calls of functions have no ids, but names.
            "function" => Ok(Self::Tool { call_id: text(object, "name")? }),
            _ => Self::of_message(object),
        }
    }

    fn of_message(object: &RawObject) -> Result<Self, Error> {
        Ok(match text(object, "role")?.as_str() {
            "system" | "developer" => Self::Operator,
            "user" => Self::User,
            _ => Self::Model { calls: Vec::new() },
        })
    }
}

fn calls(object: &RawObject) -> Result<Vec<String>, Error> {
    let calls: Vec<RawObject> = object.read("tool_calls")?.unwrap_or_default();
    let function: Option<RawObject> = object.read("function_call")?;
    let ids = calls.iter().map(|call| text(call, "id"));
    ids.chain(function.iter().map(|function| text(function, "name"))).collect()
}

fn text(object: &RawObject, name: &str) -> Result<String, Error> {
    Ok(object.read(name)?.unwrap_or_default())
}

/// The parts of what is said; none where it is one text.
pub(super) fn parts_of(said: &RawValue) -> Option<Vec<Box<RawValue>>> {
    if said.get().starts_with('[') { serde_json::from_str(said.get()).ok() } else { None }
}

/// Reads a part. One that cannot be told is left alone.
pub(super) fn read_part(part: &RawValue) -> Part {
    let Ok(object) = serde_json::from_str::<RawObject>(part.get()) else { return Part::Other };
    let member = |name| object.read::<String>(name).ok().flatten();
    match member("type").as_deref() {
        Some("text" | "input_text" | "output_text") => member("text").map_or(Part::Other, Part::Text),
        Some("image_url" | "input_image") => Part::Image,
        _ => Part::Other,
    }
}
