//! Shortening a conversation that its caller wants no longer than so many tokens: repeated blocks are said once, then
//! the oldest turns go. Operators' texts, the last user turn and what follows it stay, no tool call is parted from its
//! result, and what stays is as it came, byte for byte.

mod entry;
mod repeats;
mod size;
mod turns;

use serde_json::value::RawValue;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::request::Request;
use entry::Entry;
use size::Size;
use turns::Cut;

/// What stands in the place of a block that is said again later.
pub const MARKER: &str = "[repeated below]";

/// A request with a shortened conversation.
#[derive(Clone, Debug)]
pub struct Trimmed {
    /// The request as it goes on.
    pub request: Request,
    /// What was done, as `name=value` with parameters: `context=trimmed;turns=3;repeats=2`.
    pub note: String,
}

/// Shortens a request to about this many tokens, by an estimate that is no limit: what may not go stays, however long.
/// `None` where it fits already, or where nothing in it may go.
pub fn trim(request: &Request, budget_tokens: u64) -> Result<Option<Trimmed>, Error> {
    let Some(elements) = elements(request)? else { return Ok(None) };
    let mut entries = Entry::read_all(request.dialect, elements).map_err(unreadable)?;
    let instructions = instructions(request);
    if turns::total(&entries, instructions).tokens() <= budget_tokens {
        return Ok(None);
    }
    repeats::mark(&mut entries).map_err(unreadable)?;
    let cut = turns::cut(&entries, instructions, budget_tokens);
    entries.retain(|entry| entry.is_operators() || entry.turn >= cut.turns);
    let repeats = entries.iter().map(|entry| entry.repeats).sum();
    if cut.turns == 0 && repeats == 0 {
        return Ok(None);
    }
    let elements: Vec<_> = entries.into_iter().map(|entry| entry.raw).collect();
    Ok(Some(Trimmed { request: with_elements(request, &elements)?, note: note(&cut, repeats) }))
}

/// The elements of the conversation; none where it is one text, or goes on from what the provider keeps.
fn elements(request: &Request) -> Result<Option<Vec<Box<RawValue>>>, Error> {
    if request.prompt().is_none_or(|prompt| prompt.continues.is_some()) {
        return Ok(None);
    }
    let elements = request.body().raw(field(request.dialect)).filter(|value| value.get().starts_with('['));
    elements.map(|elements| serde_json::from_str(elements.get()).map_err(unreadable)).transpose()
}

fn with_elements(request: &Request, elements: &[Box<RawValue>]) -> Result<Request, Error> {
    let mut body = request.body().clone();
    body.set(field(request.dialect), elements).map_err(unreadable)?;
    Request::parse(request.dialect, &serde_json::to_vec(&body).map_err(unreadable)?)
}

/// Operators' text beside the conversation counts as it does within.
fn instructions(request: &Request) -> Size {
    let text = request.body().raw("instructions").filter(|_| request.dialect == Dialect::Responses);
    text.map_or_else(Size::default, Size::of_text)
}

fn field(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "messages",
        Dialect::Responses | Dialect::Embeddings => "input",
    }
}

fn note(cut: &Cut, repeats: usize) -> String {
    let mut note = "context=trimmed".to_owned();
    for (name, count) in [("turns", cut.turns), ("repeats", repeats)] {
        if count > 0 {
            note.push_str(&format!(";{name}={count}"));
        }
    }
    if cut.is_over {
        note.push_str(";over_budget");
    }
    note
}

/// The request was read before, so this is a fault of ours.
fn unreadable(_: serde_json::Error) -> Error {
    Error::Internal
}

#[cfg(test)]
mod tests;
