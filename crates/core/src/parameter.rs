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
#[error("{field} is not supported by {model}")]
pub struct Unfit {
    /// The field, as the caller wrote it where that is known.
    pub field: String,
    /// The model's id at the provider.
    pub model: String,
}

/// How a target is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// In a dialect of OpenAI's wire.
    Openai(Dialect),
    /// In Converse.
    Converse,
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

    /// All that are set.
    pub fn iter(&self) -> impl Iterator<Item = (Parameter, &Value)> {
        self.0.iter().map(|(parameter, value)| (*parameter, value))
    }
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

    /// Where it stands in a request of this dialect, from the outside in; `None` where the dialect has no word for it.
    /// `logprobs` of Responses is asked for by `include`.
    #[must_use]
    pub const fn place(self, dialect: Dialect) -> Option<&'static [&'static str]> {
        match (dialect, self) {
            (Dialect::Embeddings, Self::User) => Some(&["user"]),
            (Dialect::Embeddings, _) => None,
            (Dialect::Chat, Self::MaxOutputTokens) => Some(&["max_completion_tokens"]),
            (Dialect::Chat, Self::ReasoningSummary) => None,
            (Dialect::Responses, Self::ReasoningEffort) => Some(&["reasoning", "effort"]),
            (Dialect::Responses, Self::ReasoningSummary) => Some(&["reasoning", "summary"]),
            (Dialect::Responses, Self::Verbosity) => Some(&["text", "verbosity"]),
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
            (Dialect::Chat | Dialect::Responses, parameter) => Some(parameter.own_place()),
        }
    }

    const fn own_place(self) -> &'static [&'static str] {
        match self {
            Self::MaxOutputTokens => &["max_output_tokens"],
            Self::Temperature => &["temperature"],
            Self::TopP => &["top_p"],
            Self::Stop => &["stop"],
            Self::Seed => &["seed"],
            Self::PresencePenalty => &["presence_penalty"],
            Self::FrequencyPenalty => &["frequency_penalty"],
            Self::LogitBias => &["logit_bias"],
            Self::Logprobs => &["logprobs"],
            Self::TopLogprobs => &["top_logprobs"],
            Self::N => &["n"],
            Self::ReasoningEffort => &["reasoning_effort"],
            Self::ReasoningSummary => &["reasoning_summary"],
            Self::Verbosity => &["verbosity"],
            Self::ParallelToolCalls => &["parallel_tool_calls"],
            Self::ServiceTier => &["service_tier"],
            Self::Store => &["store"],
            Self::Metadata => &["metadata"],
            Self::User => &["user"],
            Self::SafetyIdentifier => &["safety_identifier"],
            Self::PromptCacheKey => &["prompt_cache_key"],
        }
    }
}
