//! What the two wires have in common for the exchange that runs over them.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use super::refusal::Refusal;
use super::reply::{Prompt, Reply};

/// A request read from a wire, which knows how to answer on it.
pub(super) trait Wire: Send + Sync {
    fn model(&self) -> &str;

    fn is_streamed(&self) -> bool;

    /// The checks that need the model, and what is asked of it.
    fn prompt(&self) -> Result<Prompt, Refusal>;

    fn document(&self, reply: &Reply) -> Value;

    fn stream(&self, reply: &Reply) -> Stream;
}

/// A streamed answer: its chunks, and how the wire words an error among them.
pub(super) struct Stream {
    pub(super) content_type: &'static str,
    pub(super) chunks: Vec<Bytes>,
    pub(super) word_error: fn(&Refusal) -> Bytes,
}

/// Reads a JSON body; a refusal names the member at fault.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        match error.inner().classify() {
            Category::Data => Refusal::invalid_param(
                "invalid_type",
                &error.path().to_string(),
                format!("Invalid value for '{}': {}", error.path(), error.inner()),
            ),
            Category::Syntax | Category::Eof | Category::Io => not_json(),
        }
    })?;
    deserializer.end().map_err(|_| not_json())?;
    Ok(value)
}

fn not_json() -> Refusal {
    Refusal::invalid("We could not parse the JSON body of your request.")
}
