//! A caller's Chat Completions request, read into a prompt. What is wrong is refused here, with the field's name;
//! what only this dialect has a word for is named, so that nobody translates it away.

mod messages;
mod settings;
mod tools;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::parameter::Parameter;
use crate::prompt::{Format, Prompt};
use crate::raw::RawObject;

/// What is read elsewhere, or here into the prompt's own fields.
const KNOWN: [&str; 10] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "modalities",
];

/// Fields whose cost nothing bounds: some servers make more answers than they return, ask other models, or search.
const UNBOUNDED: [&str; 5] = ["audio", "best_of", "models", "plugins", "web_search_options"];

/// Reads a request's meaning.
pub(crate) fn read(body: &RawObject) -> Result<Prompt, Error> {
    for name in UNBOUNDED {
        if is_set(body, name) {
            return Err(Error::invalid(name, format!("{name} is not supported")));
        }
    }
    body.field::<RawObject>("stream_options")?;
    let mut prompt = Prompt { parameters: settings::read(body)?, ..Prompt::default() };
    messages::read(body, &mut prompt)?;
    tools::read(body, &mut prompt)?;
    prompt.format = read_format(body)?;
    check_modalities(body)?;
    for (name, _) in body.members() {
        let is_known = KNOWN.contains(&name) || settings::is_setting(name);
        if !is_known && is_set(body, name) {
            note(&mut prompt, name.to_owned());
        }
    }
    Ok(prompt)
}

/// Whether a member is there with a value.
fn is_set(object: &RawObject, name: &str) -> bool {
    object.raw(name).is_some_and(|value| value.get() != "null")
}

/// A member of an object that stands at `at` in the request.
fn member<'de, T: Deserialize<'de>>(
    object: &'de RawObject,
    at: &str,
    name: &str,
) -> Result<Option<T>, Error> {
    object.read(name).map_err(|error| {
        let param = format!("{at}.{name}");
        Error::invalid(&param, format!("invalid value for \"{name}\": {error}"))
    })
}

/// A member without which the object that stands at `at` means nothing.
fn required<'de, T: Deserialize<'de>>(object: &'de RawObject, at: &str, name: &str) -> Result<T, Error> {
    member(object, at, name)?
        .ok_or_else(|| Error::invalid(&format!("{at}.{name}"), format!("you must provide \"{name}\"")))
}

/// Names a field that no other dialect has a word for.
fn note(prompt: &mut Prompt, field: String) {
    if !prompt.strange.contains(&field) {
        prompt.strange.push(field);
    }
}

fn read_format(body: &RawObject) -> Result<Option<Format>, Error> {
    const AT: &str = "response_format";
    let Some(raw) = body.field::<RawObject>(AT)? else { return Ok(None) };
    let kind: String = required(&raw, AT, "type")?;
    match kind.as_str() {
        "text" => Ok(Some(Format::Text)),
        "json_object" => Ok(Some(Format::JsonObject)),
        "json_schema" => {
            let at = format!("{AT}.json_schema");
            let schema: RawObject = required(&raw, AT, "json_schema")?;
            Ok(Some(Format::JsonSchema {
                name: required(&schema, &at, "name")?,
                description: member(&schema, &at, "description")?,
                schema: read_schema(&schema, &at, "schema")?.ok_or_else(|| {
                    Error::invalid(&format!("{at}.schema"), "you must provide a schema".to_owned())
                })?,
                strict: member(&schema, &at, "strict")?,
            }))
        }
        other => Err(Error::invalid(
            "response_format.type",
            format!("formats of type \"{other}\" are not supported"),
        )),
    }
}

/// A JSON schema, unread, but an object.
fn read_schema(object: &RawObject, at: &str, name: &str) -> Result<Option<Box<RawValue>>, Error> {
    let schema: Option<Box<RawValue>> = member(object, at, name)?;
    match schema {
        Some(schema) if !schema.get().starts_with('{') => {
            Err(Error::invalid(&format!("{at}.{name}"), "a schema is a JSON object"))
        }
        schema => Ok(schema),
    }
}

/// No cap and no price that we know bounds what is not text.
fn check_modalities(body: &RawObject) -> Result<(), Error> {
    let modalities = body.field::<Vec<String>>("modalities")?.unwrap_or_default();
    match modalities.iter().find(|modality| *modality != "text") {
        Some(other) => Err(Error::invalid("modalities", format!("{other} is not supported"))),
        None => Ok(()),
    }
}

/// The field of a setting in this dialect.
fn field_of(parameter: Parameter) -> &'static str {
    use crate::dialect::Dialect;
    parameter.place(Dialect::Chat).map_or(parameter.as_str(), |place| place.name)
}

#[cfg(test)]
mod tests;
