//! The settings of a request: the form of its answer, sampling, caps, effort.

use serde_json::Value;
use serde_json::value::RawValue;

use super::INCLUDE_LOGPROBS;
use super::node::Node;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::parameter::{Parameter, Place};
use crate::prompt::{Format, Prompt};
use crate::raw::RawObject;

#[derive(Clone, Copy)]
enum Kind {
    Cap,
    Count,
    Number,
    Flag,
    Text,
    Notes,
}

const SETTINGS: [(Parameter, Kind); 14] = [
    (Parameter::MaxOutputTokens, Kind::Cap),
    (Parameter::Temperature, Kind::Number),
    (Parameter::TopP, Kind::Number),
    (Parameter::TopLogprobs, Kind::Count),
    (Parameter::ReasoningEffort, Kind::Text),
    (Parameter::ReasoningSummary, Kind::Text),
    (Parameter::Verbosity, Kind::Text),
    (Parameter::ParallelToolCalls, Kind::Flag),
    (Parameter::ServiceTier, Kind::Text),
    (Parameter::Store, Kind::Flag),
    (Parameter::Metadata, Kind::Notes),
    (Parameter::User, Kind::Text),
    (Parameter::SafetyIdentifier, Kind::Text),
    (Parameter::PromptCacheKey, Kind::Text),
];

/// Reads settings, the form of the answer, and what is included.
pub(super) fn read_settings(body: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    for (parameter, kind) in SETTINGS {
        let (path, value) = match parameter.place(Dialect::Responses) {
            Some(Place { within: Some(outer), name }) => match Node::member(body, outer)? {
                Some(node) => (node.path_of(name), node.field::<Value>(name)?),
                None => continue,
            },
            Some(Place { within: None, name }) => (name.to_owned(), body.field::<Value>(name)?),
            None => continue,
        };
        let Some(value) = value else { continue };
        if !kind.takes(&value) {
            return Err(Error::invalid(&path, format!("\"{path}\" must be {}", kind.wanted())));
        }
        prompt.parameters.set(parameter, value);
    }
    read_include(body, prompt)?;
    read_truncation(body, prompt)?;
    if let Some(reasoning) = Node::member(body, "reasoning")? {
        prompt.strange.extend(reasoning.others(&["effort", "summary"]));
    }
    if let Some(text) = Node::member(body, "text")? {
        prompt.strange.extend(text.others(&["format", "verbosity"]));
        prompt.format = read_format(&text)?;
    }
    Ok(())
}

fn read_include(body: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let include: Vec<String> = body.field("include")?.unwrap_or_default();
    for name in include {
        match name.as_str() {
            INCLUDE_LOGPROBS => prompt.parameters.set(Parameter::Logprobs, true),
            // Every answer with such reasoning says it anyway.
            "reasoning.encrypted_content" => {}
            _ => prompt.strange.push(format!("include.{name}")),
        }
    }
    Ok(())
}

fn read_truncation(body: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let truncation: Option<String> = body.field("truncation")?;
    if truncation.is_some_and(|truncation| truncation != "disabled") {
        prompt.strange.push("truncation".to_owned());
    }
    Ok(())
}

fn read_format(text: &Node) -> Result<Option<Format>, Error> {
    let Some(format) = text.raw("format") else { return Ok(None) };
    let node = Node::open(text.path_of("format"), format)?;
    let kind: String = node.need("type")?;
    match kind.as_str() {
        "text" => Ok(Some(Format::Text)),
        "json_object" => Ok(Some(Format::JsonObject)),
        "json_schema" => {
            let schema: Box<RawValue> = node.need("schema")?;
            Node::open(node.path_of("schema"), &schema)?;
            Ok(Some(Format::JsonSchema {
                name: node.need("name")?,
                description: node.field("description")?,
                schema,
                strict: node.field("strict")?,
            }))
        }
        _ => Err(Error::invalid(
            &node.path_of("type"),
            format!("\"{kind}\" is no format: text, json_object and json_schema are"),
        )),
    }
}

impl Kind {
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Cap => value.as_u64().is_some_and(|cap| cap > 0),
            Self::Count => value.is_u64(),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Text => value.is_string(),
            Self::Notes => value.as_object().is_some_and(|notes| notes.values().all(Value::is_string)),
        }
    }

    const fn wanted(self) -> &'static str {
        match self {
            Self::Cap => "a whole number that is at least 1",
            Self::Count => "a whole number",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::Text => "a string",
            Self::Notes => "an object of strings",
        }
    }
}
