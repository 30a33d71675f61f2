//! Tokens that a provider counted.

use serde::{Deserialize, Serialize};

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

impl Usage {
    /// Input and output together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_with_null_details() {
        let wire: ChatUsage = serde_json::from_str(
            r#"{"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "prompt_tokens_details": null}"#,
        )
        .unwrap();

        assert_eq!(Usage::from(wire), Usage { input: 3, output: 2, ..Usage::default() });
    }
}
