//! The settings of a request that are no content, by one name in all dialects; and what a target makes of them.
//!
//! What is safe is adapted and said; what would change the meaning makes the target unfit for the call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dialect::Dialect;

/// A setting. Its name in the catalogue is the field's name in Chat Completions, where that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameter {
    /// The output cap: `max_completion_tokens`, `max_tokens`, `max_output_tokens`.
    MaxOutputTokens,
    /// Sampling.
    Temperature,
    /// Sampling.
    TopP,
    /// Texts that end the answer: an array of strings.
    Stop,
    /// For answers that can be repeated, as far as the provider can.
    Seed,
    /// Sampling.
    PresencePenalty,
    /// Sampling.
    FrequencyPenalty,
    /// Sampling.
    LogitBias,
    /// Whether the answer's tokens come with their probabilities.
    Logprobs,
    /// How many other tokens come with them.
    TopLogprobs,
    /// How many answers.
    N,
    /// How much the model thinks.
    ReasoningEffort,
    /// Whether its reasoning is summed up: `auto`, `concise`, `detailed`.
    ReasoningSummary,
    /// How much the model says.
    Verbosity,
    /// Whether several functions may be called at once.
    ParallelToolCalls,
    /// The provider's tier.
    ServiceTier,
    /// Whether the provider keeps the answer.
    Store,
    /// The caller's own notes.
    Metadata,
    /// The caller's own user.
    User,
    /// The caller's own user, hashed.
    SafetyIdentifier,
    /// What the provider's prompt cache is keyed by.
    PromptCacheKey,
}

/// Where a setting stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The object around it, where it is not the request itself.
    pub within: Option<&'static str>,
    /// Its name there.
    pub name: &'static str,
}

/// The settings that a request names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(BTreeMap<Parameter, Value>);

/// What a target takes of one setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Other names for values, such as `low` for `minimal`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub renamed: BTreeMap<String, String>,
    /// The values it takes: a call with another one goes elsewhere. None at all where empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<Value>>,
    /// Less is raised to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
    /// More is lowered to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// It is left out: the target has it anyway, or can do without.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
    /// The field's name at this target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_as: Option<String>,
}

/// A target's rules.
pub type Rules = BTreeMap<Parameter, Rule>;

/// Why a target cannot serve a request: it has no word for this, or refuses it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{model} does not take this \"{field}\"")]
pub struct Unfit {
    /// The field, as the caller wrote it where that is known.
    pub field: String,
    /// The model's id at the provider.
    pub model: String,
}

impl Parameters {
    /// The value of a setting.
    #[must_use]
    pub fn get(&self, parameter: Parameter) -> Option<&Value> {
        self.0.get(&parameter)
    }

    /// The value of a setting that is a count.
    #[must_use]
    pub fn count(&self, parameter: Parameter) -> Option<u64> {
        self.get(parameter)?.as_u64()
    }

    /// The value of a setting that is a text.
    #[must_use]
    pub fn text(&self, parameter: Parameter) -> Option<&str> {
        self.get(parameter)?.as_str()
    }

    /// Sets a setting.
    pub fn set(&mut self, parameter: Parameter, value: impl Into<Value>) {
        self.0.insert(parameter, value.into());
    }

    /// Takes a setting out.
    pub fn remove(&mut self, parameter: Parameter) {
        self.0.remove(&parameter);
    }

    /// What a target makes of the settings: those to send, and what that changes, as `name=value`.
    pub fn adapt(&self, rules: &Rules, model: &str) -> Result<(Self, Vec<String>), Unfit> {
        let (mut sent, mut adapted) = (self.clone(), Vec::new());
        for (parameter, given) in self.iter() {
            let Some(rule) = rules.get(&parameter) else { continue };
            let unfit = || Unfit { field: parameter.as_str().to_owned(), model: model.to_owned() };
            let value = rule.apply(given).ok_or_else(unfit)?;
            if rule.dropped {
                sent.remove(parameter);
                if rule.allowed.is_none() && parameter.is_missed(given) {
                    adapted.push(format!("{}=dropped", parameter.as_str()));
                }
            } else if value != *given {
                adapted.push(format!("{}={}", parameter.as_str(), plain(&value)));
                sent.set(parameter, value);
            }
        }
        Ok((sent, adapted))
    }

    /// All that are set.
    pub fn iter(&self) -> impl Iterator<Item = (Parameter, &Value)> {
        self.0.iter().map(|(parameter, value)| (*parameter, value))
    }
}

impl Rule {
    /// The value to send; `None` where the target does not take it.
    fn apply(&self, given: &Value) -> Option<Value> {
        let renamed = given.as_str().and_then(|text| self.renamed.get(text));
        let value = renamed.map_or_else(|| given.clone(), |name| Value::from(name.as_str()));
        let is_allowed = |allowed: &Vec<Value>| allowed.iter().any(|known| is_same(known, &value));
        if !self.allowed.as_ref().is_none_or(is_allowed) {
            return None;
        }
        let Some(count) = value.as_u64() else { return Some(value) };
        let raised = count.max(self.at_least.unwrap_or(0));
        Some(Value::from(raised.min(self.at_most.unwrap_or(u64::MAX))))
    }
}

/// Whether two values mean the same: `1` and `1.0` do.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other).is_eq(),
        _ => one == other,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Parameter {
    /// Its name in the catalogue and in `x-tollgate-adapted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxOutputTokens => "max_output_tokens",
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::Stop => "stop",
            Self::Seed => "seed",
            Self::PresencePenalty => "presence_penalty",
            Self::FrequencyPenalty => "frequency_penalty",
            Self::LogitBias => "logit_bias",
            Self::Logprobs => "logprobs",
            Self::TopLogprobs => "top_logprobs",
            Self::N => "n",
            Self::ReasoningEffort => "reasoning_effort",
            Self::ReasoningSummary => "reasoning_summary",
            Self::Verbosity => "verbosity",
            Self::ParallelToolCalls => "parallel_tool_calls",
            Self::ServiceTier => "service_tier",
            Self::Store => "store",
            Self::Metadata => "metadata",
            Self::User => "user",
            Self::SafetyIdentifier => "safety_identifier",
            Self::PromptCacheKey => "prompt_cache_key",
        }
    }

    /// Whether anybody would miss it: not what asks for nothing, and not notes that change no answer.
    fn is_missed(self, value: &Value) -> bool {
        match self {
            Self::User | Self::SafetyIdentifier | Self::Metadata => false,
            Self::Store => *value != Value::Bool(false),
            _ => true,
        }
    }

    /// Where it stands in a request of this dialect; `None` where the dialect has no word for it. `logprobs` of Responses
    /// is asked for by `include`.
    #[must_use]
    pub const fn place(self, dialect: Dialect) -> Option<Place> {
        match (dialect, self) {
            (Dialect::Embeddings, Self::User) => Some(Place { within: None, name: "user" }),
            (Dialect::Embeddings, _) | (Dialect::Chat, Self::ReasoningSummary) => None,
            (Dialect::Chat, Self::MaxOutputTokens) => {
                Some(Place { within: None, name: "max_completion_tokens" })
            }
            (Dialect::Responses, Self::ReasoningEffort) => {
                Some(Place { within: Some("reasoning"), name: "effort" })
            }
            (Dialect::Responses, Self::ReasoningSummary) => {
                Some(Place { within: Some("reasoning"), name: "summary" })
            }
            (Dialect::Responses, Self::Verbosity) => Some(Place { within: Some("text"), name: "verbosity" }),
            (
                Dialect::Responses,
                Self::Stop
                | Self::Seed
                | Self::PresencePenalty
                | Self::FrequencyPenalty
                | Self::LogitBias
                | Self::Logprobs
                | Self::N,
            ) => None,
            (Dialect::Chat | Dialect::Responses, _) => Some(Place { within: None, name: self.as_str() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn adapt(parameter: Parameter, value: Value, rule: Value) -> Result<(Option<Value>, Vec<String>), Unfit> {
        let mut given = Parameters::default();
        given.set(parameter, value);
        let rules = Rules::from([(parameter, serde_json::from_value(rule).unwrap())]);
        let (sent, adapted) = given.adapt(&rules, "m")?;
        Ok((sent.get(parameter).cloned(), adapted))
    }

    #[test]
    fn a_value_that_the_target_has_anyway_is_left_out_without_a_word() {
        let rule = json!({"allowed": [1], "dropped": true});

        assert_eq!(adapt(Parameter::Temperature, json!(1.0), rule.clone()), Ok((None, Vec::new())));
        let unfit = adapt(Parameter::Temperature, json!(0.7), rule).unwrap_err();
        assert_eq!(unfit.to_string(), "m does not take this \"temperature\"");
    }

    #[test]
    fn what_is_safe_is_adapted_and_said() {
        let effort = json!({"renamed": {"minimal": "low"}, "allowed": ["low", "high"]});
        let said = |note: &str| vec![note.to_owned()];

        assert_eq!(
            adapt(Parameter::ReasoningEffort, json!("minimal"), effort.clone()),
            Ok((Some(json!("low")), said("reasoning_effort=low")))
        );
        assert_eq!(
            adapt(Parameter::MaxOutputTokens, json!(3), json!({"at_least": 16})),
            Ok((Some(json!(16)), said("max_output_tokens=16")))
        );
        assert_eq!(
            adapt(Parameter::Seed, json!(3), json!({"dropped": true})),
            Ok((None, said("seed=dropped")))
        );
        assert_eq!(adapt(Parameter::Store, json!(false), json!({"dropped": true})), Ok((None, Vec::new())));
        assert!(adapt(Parameter::ReasoningEffort, json!("max"), effort).is_err());
        assert!(adapt(Parameter::Stop, json!(["x"]), json!({"allowed": []})).is_err());
    }

    #[test]
    fn names_in_the_catalogue_are_the_names_that_are_said() {
        for name in ["max_output_tokens", "reasoning_effort", "prompt_cache_key", "n"] {
            let parameter: Parameter = serde_json::from_value(json!(name)).unwrap();

            assert_eq!(parameter.as_str(), name);
        }
    }
}
