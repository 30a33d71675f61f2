//! The settings of a chat request: checked for their types, so that nobody has to guess later what was meant.

use serde_json::Value;

use super::field_of;
use crate::error::Error;
use crate::parameter::{Parameter, Parameters};
use crate::raw::RawObject;

/// The most answers to one request.
const MAX_CHOICES: u64 = 128;

/// The most texts that end an answer.
const MAX_STOPS: usize = 4;

/// All but the cap, which has two names; and what each must be.
const SETTINGS: [(Parameter, Kind); 19] = [
    (Parameter::Temperature, Kind::Number),
    (Parameter::TopP, Kind::Number),
    (Parameter::Stop, Kind::Stop),
    (Parameter::Seed, Kind::Integer),
    (Parameter::PresencePenalty, Kind::Number),
    (Parameter::FrequencyPenalty, Kind::Number),
    (Parameter::LogitBias, Kind::Numbers),
    (Parameter::Logprobs, Kind::Flag),
    (Parameter::TopLogprobs, Kind::Count),
    (Parameter::N, Kind::Choices),
    (Parameter::ReasoningEffort, Kind::Text),
    (Parameter::Verbosity, Kind::Text),
    (Parameter::ParallelToolCalls, Kind::Flag),
    (Parameter::ServiceTier, Kind::Text),
    (Parameter::Store, Kind::Flag),
    (Parameter::Metadata, Kind::Texts),
    (Parameter::User, Kind::Text),
    (Parameter::SafetyIdentifier, Kind::Text),
    (Parameter::PromptCacheKey, Kind::Text),
];

#[derive(Clone, Copy)]
enum Kind {
    Number,
    Integer,
    Count,
    Choices,
    Flag,
    Text,
    Stop,
    Numbers,
    Texts,
}

/// Reads all settings that have a value.
pub(super) fn read(body: &RawObject) -> Result<Parameters, Error> {
    let mut parameters = Parameters::default();
    if let Some(cap) = read_cap(body)? {
        parameters.set(Parameter::MaxOutputTokens, cap);
    }
    for (parameter, kind) in SETTINGS {
        let name = field_of(parameter);
        let Some(value) = body.field::<Value>(name)? else { continue };
        let value = kind
            .check(value)
            .ok_or_else(|| Error::invalid(name, format!("\"{name}\" must be {}", kind.in_words())))?;
        if let Some(value) = value {
            parameters.set(parameter, value);
        }
    }
    Ok(parameters)
}

/// Whether a field of this name is one of these settings.
pub(super) fn is_setting(name: &str) -> bool {
    SETTINGS.iter().any(|(parameter, _)| field_of(*parameter) == name)
}

fn read_cap(body: &RawObject) -> Result<Option<u64>, Error> {
    match (positive(body, "max_completion_tokens")?, positive(body, "max_tokens")?) {
        (Some(_), Some(_)) => {
            Err(Error::invalid("max_tokens", "give max_completion_tokens or max_tokens, not both"))
        }
        (cap, None) | (None, cap) => Ok(cap),
    }
}

fn positive(body: &RawObject, name: &str) -> Result<Option<u64>, Error> {
    match body.field::<u64>(name)? {
        Some(0) => Err(Error::invalid(name, format!("{name} is at least 1"))),
        number => Ok(number),
    }
}

impl Kind {
    /// The value as it is kept: `None` if it is wrong, `Some(None)` if it says nothing.
    fn check(self, value: Value) -> Option<Option<Value>> {
        let is_right = match self {
            Self::Number => value.is_number(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Count => value.is_u64(),
            Self::Choices => value.as_u64().is_some_and(|count| (1..=MAX_CHOICES).contains(&count)),
            Self::Flag => value.is_boolean(),
            Self::Text => value.is_string(),
            Self::Numbers => value.as_object().is_some_and(|map| map.values().all(Value::is_number)),
            Self::Texts => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
            Self::Stop => return stops(value),
        };
        is_right.then_some(Some(value))
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Integer => "an integer",
            Self::Count => "an integer that is not negative",
            Self::Choices => "an integer from 1 to 128",
            Self::Flag => "true or false",
            Self::Text => "a string",
            Self::Stop => "a string or an array of up to 4 strings",
            Self::Numbers => "an object of numbers",
            Self::Texts => "an object of strings",
        }
    }
}

fn stops(value: Value) -> Option<Option<Value>> {
    match value {
        Value::String(_) => Some(Some(Value::Array(vec![value]))),
        Value::Array(stops) if stops.len() <= MAX_STOPS && stops.iter().all(Value::is_string) => {
            Some((!stops.is_empty()).then_some(Value::Array(stops)))
        }
        _ => None,
    }
}
