//! What the wires have in common for the exchange that runs over them.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use super::fault::Rule;
use super::refusal::Refusal;
use super::reply::Reply;

/// A request read from a wire, which knows how to answer on it.
pub(super) trait Wire: Send + Sync {
    fn model(&self) -> &str;

    fn is_streamed(&self) -> bool;

    /// The tags that the call carries for whoever reads the provider's logs.
    fn metadata(&self) -> Option<Value> {
        None
    }

    /// The checks that need the model, and the answer that the rule makes of it.
    fn answer(&self, rule: &Rule) -> Result<Answer, Refusal>;
}

/// An answer on its way out, and what it is billed as.
pub(super) struct Answer {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content: Content,
}

pub(super) enum Content {
    Document(Value),
    Stream(Stream),
}

/// Words an error that follows so many chunks.
pub(super) type WordError = Box<dyn Fn(&Refusal, usize) -> Bytes + Send>;

/// A streamed answer: its chunks, and how the wire words an error among them.
pub(super) struct Stream {
    pub(super) content_type: &'static str,
    pub(super) chunks: Vec<Bytes>,
    pub(super) word_error: WordError,
}

impl Answer {
    pub(super) fn of(reply: &Reply, content: Content) -> Self {
        Self {
            input_tokens: reply.usage.input,
            output_tokens: reply.usage.output,
            headers: Vec::new(),
            content,
        }
    }
}

impl Stream {
    pub(super) fn server_sent(chunks: Vec<Bytes>) -> Self {
        let word_error = |refusal: &Refusal, _: usize| server_sent(&refusal.openai_error().to_string());
        Self { content_type: "text/event-stream", chunks, word_error: Box::new(word_error) }
    }
}

pub(super) fn server_sent(data: &str) -> Bytes {
    format!("data: {data}\n\n").into()
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
