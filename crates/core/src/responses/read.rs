//! A caller's request, read into a prompt. Nothing of what cannot be translated is lost: it is named.

use super::item::read_input;
use super::node::unbounded;
use super::setting::read_settings;
use super::tool::read_tools;
use crate::error::Error;
use crate::prompt::{Item, Part, Prompt, Role};
use crate::raw::RawObject;

/// The members that have a word in a prompt, or none in an answer's meaning.
const KNOWN: [&str; 24] = [
    "background",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// What stands for text that only the provider has.
const KEPT: [&str; 2] = ["conversation", "prompt"];

/// Some servers make more answers than they return, sum up on the way, ask other models, or search.
const UNBOUNDED: [&str; 5] = ["best_of", "context_management", "models", "n", "plugins"];

/// Reads a request. Every error names the field that is wrong.
pub(crate) fn read(body: &RawObject) -> Result<Prompt, Error> {
    refuse_unbounded(body)?;
    let mut prompt = Prompt { continues: body.field("previous_response_id")?, ..Prompt::default() };
    read_settings(body, &mut prompt)?;
    read_tools(body, &mut prompt)?;
    if let Some(input) = body.raw("input").filter(|input| input.get() != "null") {
        read_input(input, &mut prompt)?;
    }
    if prompt.items.is_empty() && prompt.continues.is_none() {
        return Err(Error::invalid("input", "\"input\" is required, and must not be empty"));
    }
    let instructions: Option<String> = body.field("instructions")?;
    if let Some(text) = instructions.filter(|text| !text.is_empty()) {
        prompt.items.insert(0, Item::Message { role: Role::System, parts: vec![Part::Text(text)] });
    }
    let others = body.members().filter(|(name, value)| !KNOWN.contains(name) && value.get() != "null");
    prompt.strange.extend(others.map(|(name, _)| name.to_owned()));
    Ok(prompt)
}

fn refuse_unbounded(body: &RawObject) -> Result<(), Error> {
    if body.field::<bool>("background")? == Some(true) {
        return Err(unbounded("background", "an answer in the background"));
    }
    let is_there = |name: &&str| body.raw(name).is_some_and(|value| value.get() != "null");
    if let Some(name) = KEPT.into_iter().find(is_there) {
        return Err(unbounded(name, &format!("\"{name}\", which is kept at the provider,")));
    }
    match UNBOUNDED.into_iter().find(is_there) {
        Some(name) => Err(unbounded(name, &format!("\"{name}\""))),
        None => Ok(()),
    }
}
