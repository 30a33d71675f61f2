//! Blocks of text that users and tools say again later: a file that is read once more, a page that is pasted into
//! every question.

use std::collections::HashSet;

use serde_json::Error;
use serde_json::value::to_raw_value;

use super::MARKER;
use super::entry::{Entry, Part, Speaker, parts_of, read_part};
use crate::raw::RawObject;

/// A shorter text is not worth a marker, and may well mean something each time.
const MIN_BYTES: usize = 256;

/// Leaves a long block in the last message that says it and puts the marker in its place in earlier ones. What the user
/// says in the last turn stays whole, and what the model said is its own.
pub(super) fn mark(entries: &mut [Entry]) -> Result<(), Error> {
    let last_turn = entries.last().map(|entry| entry.turn);
    let mut later = HashSet::new();
    for entry in entries.iter_mut().rev() {
        let is_marked = match entry.speaker {
            Speaker::User => Some(entry.turn) != last_turn,
            Speaker::Tool { .. } => true,
            Speaker::Operator | Speaker::Model { .. } => continue,
        };
        let mut object = entry.object()?;
        let (blocks, repeats) = mark_member(&mut object, entry.said_in, &later)?;
        if is_marked && repeats > 0 {
            entry.replace(&object)?;
            entry.repeats = repeats;
        }
        later.extend(blocks);
    }
    Ok(())
}

/// Marks what is said in a member; the long blocks that it had, and how many of them are replaced.
fn mark_member(
    object: &mut RawObject,
    name: &str,
    later: &HashSet<String>,
) -> Result<(Vec<String>, usize), Error> {
    let Some(said) = object.raw(name) else { return Ok((Vec::new(), 0)) };
    let Some(mut parts) = parts_of(said) else {
        let text: String = serde_json::from_str(said.get())?;
        let is_repeated = later.contains(&text);
        if is_repeated {
            object.set(name, MARKER)?;
        }
        let blocks = if text.len() >= MIN_BYTES { vec![text] } else { Vec::new() };
        return Ok((blocks, usize::from(is_repeated)));
    };
    let (mut blocks, mut repeats) = (Vec::new(), 0);
    for part in &mut parts {
        let Part::Text(text) = read_part(part) else { continue };
        if later.contains(&text) {
            let mut marked: RawObject = serde_json::from_str(part.get())?;
            marked.set("text", MARKER)?;
            *part = to_raw_value(&marked)?;
            repeats += 1;
        }
        if text.len() >= MIN_BYTES {
            blocks.push(text);
        }
    }
    if repeats > 0 {
        object.set(name, &parts)?;
    }
    Ok((blocks, repeats))
}
