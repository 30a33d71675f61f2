//! A request for a target that speaks Responses too: it passes, but for what the gateway sets.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::INCLUDE_LOGPROBS;
use super::seal::{is_readable, unseal};
use crate::asking::Asking;
use crate::dialect::Dialect;
use crate::parameter::{Parameter, Parameters, Place};
use crate::raw::RawObject;

/// Writes the request that came for a target, with notes on what it lost. `given` are the settings as the caller gave
/// them.
pub(crate) fn forward(
    body: &RawObject,
    given: &Parameters,
    asking: &Asking<'_>,
) -> Result<(Bytes, Vec<String>), serde_json::Error> {
    let mut notes = Vec::new();
    let mut body = body.clone();
    body.set("model", &asking.target.model_id)?;
    for parameter in changed(given, asking) {
        if !set(&mut body, parameter, asking)? {
            notes.push(format!("{}=dropped", parameter.as_str()));
        }
    }
    if body.read("stream")?.unwrap_or(false) != asking.stream {
        body.set("stream", &asking.stream)?;
        if !asking.stream {
            body.remove("stream_options");
        }
    }
    if let Some(id) = asking.continues {
        body.set("previous_response_id", id)?;
    }
    if unseal_input(&mut body, asking.target_id)? {
        notes.push("encrypted_reasoning=dropped".to_owned());
    }
    Ok((Bytes::from(serde_json::to_vec(&body)?), notes))
}

/// The settings that are not as the caller wrote them.
fn changed(given: &Parameters, asking: &Asking<'_>) -> Vec<Parameter> {
    let wanted = asking.parameters;
    let removed = given.iter().map(|(parameter, _)| parameter).filter(|name| wanted.get(*name).is_none());
    let differs =
        |parameter, value| given.get(parameter) != Some(value) || asking.name_of(parameter).is_some();
    let differing = wanted.iter().filter(|(parameter, value)| differs(*parameter, value));
    removed.chain(differing.map(|(parameter, _)| parameter)).collect()
}

/// Sets a setting to what is wanted, or takes it out; false where there is no word for it.
pub(super) fn set(
    body: &mut RawObject,
    parameter: Parameter,
    asking: &Asking<'_>,
) -> Result<bool, serde_json::Error> {
    let wanted = asking.parameters.get(parameter);
    if parameter == Parameter::Logprobs {
        include(body, INCLUDE_LOGPROBS, wanted == Some(&Value::Bool(true)))?;
        return Ok(true);
    }
    let place = parameter.place(Dialect::Responses);
    match asking.name_of(parameter) {
        Some(name) => {
            if let Some(place) = place {
                put(body, place, None)?;
            }
            put_member(body, name, wanted).map(|()| true)
        }
        None => match place {
            Some(place) => put(body, place, wanted).map(|()| true),
            None => Ok(wanted.is_none() || is_default(parameter, wanted)),
        },
    }
}

/// Whether leaving it out says the same.
fn is_default(parameter: Parameter, value: Option<&Value>) -> bool {
    parameter == Parameter::N && value.and_then(Value::as_u64) == Some(1)
}

fn put(body: &mut RawObject, place: Place, value: Option<&Value>) -> Result<(), serde_json::Error> {
    let Some(within) = place.within else { return put_member(body, place.name, value) };
    let outer: Option<RawObject> = body.read(within)?;
    if outer.is_none() && value.is_none() {
        return Ok(());
    }
    let mut outer = outer.unwrap_or_default();
    put_member(&mut outer, place.name, value)?;
    if outer.members().next().is_some() {
        body.set(within, &outer)?;
    } else {
        body.remove(within);
    }
    Ok(())
}

fn put_member(object: &mut RawObject, name: &str, value: Option<&Value>) -> Result<(), serde_json::Error> {
    match value {
        Some(value) => object.set(name, value),
        None => {
            object.remove(name);
            Ok(())
        }
    }
}

fn include(body: &mut RawObject, name: &str, is_wanted: bool) -> Result<(), serde_json::Error> {
    let mut included: Vec<String> = body.read("include")?.unwrap_or_default();
    included.retain(|known| known != name);
    if is_wanted {
        included.push(name.to_owned());
    }
    if included.is_empty() {
        body.remove("include");
        return Ok(());
    }
    body.set("include", &included)
}

/// Gives encrypted reasoning back to the target that made it and takes it from every other one; says whether any was
/// taken.
fn unseal_input(body: &mut RawObject, target_id: &str) -> Result<bool, serde_json::Error> {
    let Some(input) = body.raw("input").map(RawValue::get) else { return Ok(false) };
    if !input.starts_with('[') || !input.contains("\"reasoning\"") {
        return Ok(false);
    }
    let items: Vec<Box<RawValue>> = serde_json::from_str(input)?;
    let mut kept = Vec::with_capacity(items.len());
    let mut is_dropped = false;
    for item in items {
        match unseal_item(&item, target_id)? {
            Unsealed::Same => kept.push(item),
            Unsealed::Opened(object) => kept.push(serde_json::value::to_raw_value(&object)?),
            Unsealed::Dropped(visible) => {
                is_dropped = true;
                if let Some(object) = visible {
                    kept.push(serde_json::value::to_raw_value(&object)?);
                }
            }
        }
    }
    body.set("input", &kept)?;
    Ok(is_dropped)
}

enum Unsealed {
    Same,
    Opened(RawObject),
    /// What may still be seen of it, if anything.
    Dropped(Option<RawObject>),
}

#[derive(Deserialize)]
struct Reasoning<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    encrypted_content: Option<String>,
    #[serde(borrow, default)]
    summary: Option<Vec<&'a RawValue>>,
}

fn unseal_item(item: &RawValue, target_id: &str) -> Result<Unsealed, serde_json::Error> {
    let mut object: RawObject = serde_json::from_str(item.get())?;
    if object.read::<String>("type")?.as_deref() != Some("reasoning") {
        return Ok(Unsealed::Same);
    }
    let reasoning: Reasoning<'_> = serde_json::from_str(item.get())?;
    let Some(text) = &reasoning.encrypted_content else {
        // An id that the gateway made up for another dialect's reasoning names nothing at a provider.
        let is_ours = reasoning.id.as_deref().is_some_and(is_made_here);
        return Ok(if is_ours { drop_reasoning(object, &reasoning) } else { Unsealed::Same });
    };
    let sealed = unseal(text);
    if is_readable(&sealed, target_id) {
        if sealed.target.is_none() {
            return Ok(Unsealed::Same);
        }
        object.set("encrypted_content", &sealed.text)?;
        return Ok(Unsealed::Opened(object));
    }
    Ok(drop_reasoning(object, &reasoning))
}

/// Without its encrypted part an item is looked up by its id, which only its maker knows; and the reasoning itself is
/// taken from nobody, other than its summary.
fn drop_reasoning(mut object: RawObject, reasoning: &Reasoning<'_>) -> Unsealed {
    for name in ["encrypted_content", "id", "content"] {
        object.remove(name);
    }
    let is_visible = reasoning.summary.as_ref().is_some_and(|parts| !parts.is_empty());
    Unsealed::Dropped(is_visible.then_some(object))
}

/// Whether an item's id is one that [`super::ResponsesWriter`] gives: `rs_`, 32 hexadecimal digits, and a number.
fn is_made_here(id: &str) -> bool {
    let parts = id.strip_prefix("rs_").and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(call, index)| {
        call.len() == 32
            && call.bytes().all(|byte| byte.is_ascii_hexdigit())
            && index.bytes().all(|byte| byte.is_ascii_digit())
    })
}
