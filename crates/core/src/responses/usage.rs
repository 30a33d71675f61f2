//! Usage on the wire of Responses.

use serde::{Deserialize, Deserializer, Serialize};

use crate::usage::Usage;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ResponsesUsage {
    input_tokens: u64,
    #[serde(deserialize_with = "null_as_default")]
    input_tokens_details: InputDetails,
    output_tokens: u64,
    #[serde(deserialize_with = "null_as_default")]
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct InputDetails {
    #[serde(deserialize_with = "null_as_default")]
    cached_tokens: u64,
    #[serde(deserialize_with = "null_as_default")]
    cache_write_tokens: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct OutputDetails {
    #[serde(deserialize_with = "null_as_default")]
    reasoning_tokens: u64,
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl From<ResponsesUsage> for Usage {
    fn from(wire: ResponsesUsage) -> Self {
        Self {
            input: wire.input_tokens,
            cached: wire.input_tokens_details.cached_tokens,
            cache_write: wire.input_tokens_details.cache_write_tokens,
            output: wire.output_tokens,
            reasoning: wire.output_tokens_details.reasoning_tokens,
        }
    }
}

impl From<Usage> for ResponsesUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cached,
                cache_write_tokens: usage.cache_write,
            },
            output_tokens: usage.output,
            output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning },
            total_tokens: usage.input.saturating_add(usage.output),
        }
    }
}
