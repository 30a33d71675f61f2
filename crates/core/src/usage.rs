//! Tokens that a provider counted, and what they cost.

use serde::{Deserialize, Serialize};

use crate::money::{Nanos, PerMillion, round_up};

/// Tokens of one call. Cached tokens are part of the input, reasoning tokens part of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens, cached and written ones included.
    pub input: u64,
    /// Input tokens read from the provider's prompt cache.
    pub cached: u64,
    /// Input tokens written to the provider's prompt cache.
    pub cache_write: u64,
    /// All output tokens, reasoning included.
    pub output: u64,
    /// Output tokens spent on reasoning.
    pub reasoning: u64,
}

/// Usage on OpenAI's chat wire.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatUsage {
    /// All input tokens.
    pub prompt_tokens: u64,
    /// All output tokens.
    pub completion_tokens: u64,
    /// Their sum.
    pub total_tokens: u64,
    /// Parts of the input.
    #[serde(deserialize_with = "null_as_default")]
    pub prompt_tokens_details: PromptDetails,
    /// Parts of the output.
    #[serde(deserialize_with = "null_as_default")]
    pub completion_tokens_details: CompletionDetails,
}

/// Parts of the input.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PromptDetails {
    /// Read from the prompt cache.
    #[serde(deserialize_with = "null_as_default")]
    pub cached_tokens: u64,
    /// Written to the prompt cache.
    #[serde(deserialize_with = "null_as_default")]
    pub cache_write_tokens: u64,
}

/// Parts of the output.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CompletionDetails {
    /// Spent on reasoning.
    #[serde(deserialize_with = "null_as_default")]
    pub reasoning_tokens: u64,
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl From<ChatUsage> for Usage {
    fn from(wire: ChatUsage) -> Self {
        Self {
            input: wire.prompt_tokens,
            cached: wire.prompt_tokens_details.cached_tokens,
            cache_write: wire.prompt_tokens_details.cache_write_tokens,
            output: wire.completion_tokens,
            reasoning: wire.completion_tokens_details.reasoning_tokens,
        }
    }
}

impl From<Usage> for ChatUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cached,
                cache_write_tokens: usage.cache_write,
            },
            completion_tokens_details: CompletionDetails { reasoning_tokens: usage.reasoning },
        }
    }
}

/// The price of one target, in dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Input that no cache served.
    pub input: PerMillion,
    /// Input read from the provider's prompt cache; as input where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<PerMillion>,
    /// Input written to the provider's prompt cache; as input where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<PerMillion>,
    /// Output, reasoning included.
    pub output: PerMillion,
    /// The dearer price of a whole call whose input is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_context: Option<LongContext>,
}

/// The price of a call with more input than `above_tokens`, for all of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongContext {
    /// The longest input at the ordinary price.
    pub above_tokens: u64,
    /// As in [`Price`].
    pub input: PerMillion,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<PerMillion>,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<PerMillion>,
    /// As in [`Price`].
    pub output: PerMillion,
}

impl Price {
    /// What a call with this usage costs.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Nanos {
        let rates = self.rates(usage.input);
        let special = usage.cached.saturating_add(usage.cache_write);
        let plain = usage.input.saturating_sub(special);
        round_up(
            rates.input.times(plain)
                + rates.cached.times(usage.cached)
                + rates.write.times(usage.cache_write)
                + rates.output.times(usage.output),
        )
    }

    /// The most that a call can cost with at most this much input and output, cached or not.
    #[must_use]
    pub fn bound(&self, input: u64, output: u64) -> Nanos {
        let at = |rates: Rates| {
            let dearest = rates.input.max(rates.cached).max(rates.write);
            round_up(dearest.times(input) + rates.output.times(output))
        };
        at(self.rates(0)).max(at(self.rates(input)))
    }

    fn rates(&self, input: u64) -> Rates {
        let long = self.long_context.filter(|long| input > long.above_tokens);
        let (input, cached, write, output) = match long {
            Some(long) => (long.input, long.cached_input, long.cache_write, long.output),
            None => (self.input, self.cached_input, self.cache_write, self.output),
        };
        Rates { input, cached: cached.unwrap_or(input), write: write.unwrap_or(input), output }
    }
}

#[derive(Clone, Copy)]
struct Rates {
    input: PerMillion,
    cached: PerMillion,
    write: PerMillion,
    output: PerMillion,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gpt_5_5() -> Price {
        serde_json::from_str(
            r#"{"input": "5.50", "cached_input": "0.55", "output": "33",
                "long_context": {"above_tokens": 272000, "input": "11", "cached_input": "1.1", "output": "49.5"}}"#,
        )
        .unwrap()
    }

    #[test]
    fn cached_input_is_priced_once_and_cheaper() {
        let usage = Usage { input: 2_000, cached: 1_500, output: 100, reasoning: 40, ..Usage::default() };

        // 500 × 5,500 + 1,500 × 550 + 100 × 33,000 nano-dollars.
        assert_eq!(gpt_5_5().cost(&usage), Nanos(6_875_000));
    }

    #[test]
    fn a_long_input_makes_the_whole_call_dearer() {
        let usage = Usage { input: 272_001, output: 10, ..Usage::default() };

        // 272,001 × 11,000 + 10 × 49,500 nano-dollars.
        assert_eq!(gpt_5_5().cost(&usage), Nanos(2_992_506_000));
    }

    #[test]
    fn usage_is_read_with_null_details() {
        let wire: ChatUsage = serde_json::from_str(
            r#"{"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "prompt_tokens_details": null}"#,
        )
        .unwrap();

        assert_eq!(Usage::from(wire), Usage { input: 3, output: 2, ..Usage::default() });
    }

    proptest! {
        #[test]
        fn a_bound_is_never_below_a_cost(
            input in 0..600_000_u64, output in 0..200_000_u64, cached in 0..600_000_u64, less in 0..100_u64,
        ) {
            let usage = Usage { input, cached: cached.min(input), output, ..Usage::default() };

            prop_assert!(gpt_5_5().bound(input + less, output + less) >= gpt_5_5().cost(&usage));
        }
    }
}
