//! The chunks of a stream, folded into the `chat.completion` that they make. What the target says beside the answer's
//! text stays as it says it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::map::Entry;
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
}

impl ChatFold {
    /// Takes a `chat.completion.chunk`.
    pub fn add(&mut self, json: &[u8]) -> Result<(), NoAnswer> {
        self.take(json).map_err(NoAnswer::Garbled)
    }

    /// The `chat.completion`; an error where a choice is not finished, or there is none.
    pub fn whole(mut self) -> Result<Bytes, NoAnswer> {
        let is_finished =
            |choice: &Map<String, Value>| choice.get("finish_reason").is_some_and(Value::is_string);
        if self.choices.is_empty() || !self.choices.values().all(is_finished) {
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
            fold_choice(self.choices.entry(index).or_default(), choice);
        }
        Ok(())
    }
}

fn fold_choice(whole: &mut Map<String, Value>, piece: Map<String, Value>) {
    for (name, value) in piece {
        match name.as_str() {
            "index" => {}
            "delta" => join(whole.entry("message").or_insert_with(|| json!({})), value, ""),
            "logprobs" => join(whole.entry(name).or_insert(Value::Null), value, ""),
            _ if value.is_null() => {}
            _ => {
                whole.insert(name, value);
            }
        }
    }
}

/// Puts a piece to what there is of a value. Elements that have an index are pieces of the one that has it, too.
fn join(whole: &mut Value, piece: Value, name: &str) {
    match (whole, piece) {
        (_, Value::Null) => {}
        (Value::Object(whole), Value::Object(piece)) => {
            for (name, piece) in piece {
                match whole.entry(name.clone()) {
                    Entry::Occupied(mut there) => join(there.get_mut(), piece, &name),
                    Entry::Vacant(place) => join(place.insert(Value::Null), piece, &name),
                }
            }
        }
        (Value::Array(whole), Value::Array(pieces)) => {
            for piece in pieces {
                let index = piece.get("index").filter(|index| index.is_u64()).cloned();
                let same =
                    index.and_then(|index| whole.iter_mut().find(|there| there.get("index") == Some(&index)));
                match same {
                    Some(there) => join(there, piece, ""),
                    None => whole.push(piece),
                }
            }
        }
        (Value::String(whole), Value::String(piece)) if !NAMES.contains(&name) => whole.push_str(&piece),
        (Value::String(whole), Value::String(piece)) if piece.is_empty() && !whole.is_empty() => {}
        (whole @ Value::Null, pieces @ Value::Array(_)) => {
            *whole = json!([]);
            join(whole, pieces, name);
        }
        (whole, piece) => *whole = piece,
    }
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
