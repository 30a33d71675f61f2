//! A chat request on its way to a target that speaks chat as well: what the gateway does not set leaves byte for byte.

use bytes::Bytes;

use crate::asking::Asking;
use crate::dialect::Dialect;
use crate::parameter::{Parameter, Parameters};
use crate::raw::RawObject;

/// The caller's body as the target is to have it; `given` are the settings as the caller named them.
pub(crate) fn forward(
    body: &RawObject,
    given: &Parameters,
    asking: &Asking<'_>,
) -> Result<Bytes, serde_json::Error> {
    let mut wire = body.clone();
    wire.set("model", &asking.target.model_id)?;
    let removed = given.iter().filter(|(parameter, _)| asking.parameters.get(*parameter).is_none());
    for (parameter, _) in removed {
        if let Some(name) = given_name(body, parameter) {
            wire.remove(name);
        }
    }
    for (parameter, value) in asking.parameters.iter() {
        let old = given_name(body, parameter);
        let Some(new) = asking.name_of(parameter).or(old).or_else(|| place(parameter)) else { continue };
        let is_same = given.get(parameter) == Some(value) && old == Some(new);
        if is_same {
            continue;
        }
        if let Some(old) = old.filter(|old| *old != new) {
            wire.remove(old);
        }
        wire.set(new, value)?;
    }
    set_stream(&mut wire, asking.stream)?;
    serde_json::to_vec(&wire).map(Bytes::from)
}

/// The field in which the caller wrote a setting, if there is a value in it.
fn given_name(body: &RawObject, parameter: Parameter) -> Option<&'static str> {
    let legacy = (parameter == Parameter::MaxOutputTokens).then_some("max_tokens");
    let has_value = |name: &&str| body.raw(name).is_some_and(|value| value.get() != "null");
    place(parameter).into_iter().chain(legacy).find(has_value)
}

fn place(parameter: Parameter) -> Option<&'static str> {
    Some(parameter.place(Dialect::Chat)?.name)
}

fn set_stream(wire: &mut RawObject, stream: bool) -> Result<(), serde_json::Error> {
    if wire.read::<bool>("stream")?.unwrap_or(false) != stream {
        wire.set("stream", &stream)?;
    }
    if !stream {
        wire.remove("stream_options");
        return Ok(());
    }
    let mut options: RawObject = wire.read("stream_options")?.unwrap_or_default();
    options.set("include_usage", &true)?;
    wire.set("stream_options", &options)
}

#[cfg(test)]
mod tests;
