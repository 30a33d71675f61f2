//! The chunks of a stream, folded into the `chat.completion` that they make. What the target says beside the answer's
//! text stays as it says it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::completion::NoAnswer;
use crate::raw::RawObject;

/// Strings of a delta that name something, so that a later one is no further part of it.
const NAMES: [&str; 5] = ["id", "type", "role", "name", "format"];

/// What was heard of a stream.
#[derive(Clone, Debug, Default)]
pub struct ChatFold {
    /// The fields beside the choices, as they stood where they first had a value.
    head: RawObject,
    /// Choices by their index, each with its `message`.
    choices: BTreeMap<u64, Map<String, Value>>,
    /// Something was heard that is no part of what was heard before.
    is_torn: bool,
}

impl ChatFold {
    /// Takes a `chat.completion.chunk`.
    pub fn add(&mut self, json: &[u8]) -> Result<(), NoAnswer> {
        self.take(json).map_err(NoAnswer::Garbled)
    }

    /// The `chat.completion`; an error where a choice is not finished, or there is none.
    pub fn whole(mut self) -> Result<Bytes, NoAnswer> {
        if self.is_torn || self.choices.is_empty() || !self.choices.values().all(is_whole) {
            return Err(NoAnswer::Failed);
        }
        let choices: Vec<_> =
            self.choices.into_iter().map(|(index, choice)| finished(index, choice)).collect();
        let mut write = || {
            self.head.set("object", "chat.completion")?;
            self.head.set("choices", &choices)?;
            serde_json::to_vec(&self.head)
        };
        write().map(Bytes::from).map_err(NoAnswer::Garbled)
    }

    fn take(&mut self, json: &[u8]) -> Result<(), serde_json::Error> {
        let chunk: RawObject = serde_json::from_slice(json)?;
        for (name, value) in chunk.members() {
            // The last one is padding, which hides how long the chunk is.
            let is_apart = matches!(name, "object" | "choices" | "obfuscation");
            // Some servers count on the way: the last count is the whole one.
            let is_new = name == "usage" || self.head.raw(name).is_none();
            if !is_apart && is_new && value.get() != "null" {
                self.head.set(name, value)?;
            }
        }
        for choice in chunk.read::<Vec<Map<String, Value>>>("choices")?.unwrap_or_default() {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            self.is_torn |= !fold_choice(self.choices.entry(index).or_default(), choice);
        }
        Ok(())
    }
}

/// Whether the piece belongs to what there is.
fn fold_choice(whole: &mut Map<String, Value>, piece: Map<String, Value>) -> bool {
    let mut fits = true;
    for (name, value) in piece {
        match name.as_str() {
            "index" => {}
            "delta" => fits &= join(whole.entry("message").or_insert_with(|| json!({})), value, ""),
            "logprobs" => fits &= join(whole.entry(name).or_insert(Value::Null), value, ""),
            _ if value.is_null() => {}
            _ => {
                whole.insert(name, value);
            }
        }
    }
    fits
}

/// Whether a choice is finished, and each of its calls can be answered.
fn is_whole(choice: &Map<String, Value>) -> bool {
    let calls = choice.get("message").and_then(|message| message.get("tool_calls")?.as_array());
    let has_id = |call: &Value| call.get("id").is_some_and(|id| id.is_string() && !is_nothing(id));
    choice.get("finish_reason").is_some_and(Value::is_string) && calls.into_iter().flatten().all(has_id)
}

/// Puts a piece to what there is of a value, and says whether they belong together. Elements that have an index are
/// pieces of the one that has it, too.
fn join(whole: &mut Value, piece: Value, name: &str) -> bool {
    match (whole, piece) {
        (_, Value::Null) => true,
        (Value::Object(whole), Value::Object(piece)) => {
            piece.into_iter().fold(true, |fits, (name, piece)| {
                let there = whole.entry(name.clone()).or_insert(Value::Null);
                join(there, piece, &name) && fits
            })
        }
        (Value::Array(whole), Value::Array(pieces)) => pieces.into_iter().fold(true, |fits, piece| {
            let place = match name {
                "tool_calls" => place_of_call(whole, &piece),
                _ => place_by_index(whole, &piece),
            };
            match place {
                Some(place) => join(&mut whole[place], piece, "") && fits,
                None => {
                    whole.push(piece);
                    fits
                }
            }
        }),
        (Value::String(whole), Value::String(piece)) if NAMES.contains(&name) => {
            if !piece.is_empty() {
                *whole = piece;
            }
            true
        }
        (Value::String(whole), Value::String(piece)) => {
            whole.push_str(&piece);
            true
        }
        (whole, piece @ Value::Array(_)) if is_nothing(whole) => {
            *whole = json!([]);
            join(whole, piece, name)
        }
        (whole, piece) => {
            let fits = is_nothing(whole) || whole.is_number() || whole.is_boolean();
            *whole = piece;
            fits
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn place_by_index(whole: &[Value], piece: &Value) -> Option<usize> {
    let index = piece.get("index").filter(|index| index.is_u64())?;
    whole.iter().position(|there| there.get("index") == Some(index))
}

/// As [`super::reader`] knows calls: by index and id, as far as a piece says them, and else the last one.
fn place_of_call(whole: &[Value], piece: &Value) -> Option<usize> {
    let index = piece.get("index").filter(|index| index.is_u64());
    let id = piece.get("id").filter(|id| !is_nothing(id));
    whole.iter().rposition(|there| {
        (index.is_none() || there.get("index") == index) && (id.is_none() || there.get("id") == id)
    })
}

/// A choice as it stands in a whole answer.
fn finished(index: u64, mut choice: Map<String, Value>) -> Value {
    let message = choice.entry("message").or_insert_with(|| json!({}));
    if let Some(message) = message.as_object_mut() {
        message.entry("role").or_insert_with(|| json!("assistant"));
        message.entry("content").or_insert(Value::Null);
    }
    let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten().filter_map(Value::as_object_mut) {
        call.remove("index");
    }
    choice.insert("index".to_owned(), json!(index));
    Value::Object(choice)
}

#[cfg(test)]
mod tests;
