//! Embeddings: texts in, vectors out. Callers speak OpenAI's dialect; targets speak it too, or have bodies of their own.

mod invoke;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::completion::{Finish, Glimpse, NoAnswer};
use crate::error::Error;
use crate::raw::RawObject;
use crate::usage::Usage;

pub use invoke::hear;
pub(crate) use invoke::say;

/// The most inputs of one request, as OpenAI has it.
const MAX_INPUTS: usize = 2_048;

/// Vectors, one per input, in the order of the inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// What the provider counted, if it said so.
    pub input_tokens: Option<u64>,
}

/// What is to be embedded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// Texts.
    Texts(Vec<String>),
    /// Token ids, which mean something to one model only.
    Tokens(Vec<Vec<u64>>),
}

/// A request of `POST /v1/embeddings` whose acted-on fields are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingRequest {
    /// What is to be embedded; nothing in it is empty.
    pub inputs: Inputs,
    /// How long the vectors are to be; the model's own length where absent.
    pub dimensions: Option<u64>,
    /// Whether the vectors are to come as base64.
    pub is_base64: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireInput {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u64>),
    TokenLists(Vec<Vec<u64>>),
}

/// Reads a body. Every error names the field that is wrong.
pub(crate) fn read(body: &RawObject) -> Result<EmbeddingRequest, Error> {
    let dimensions = body.field::<u64>("dimensions")?;
    if dimensions == Some(0) {
        return Err(Error::invalid("dimensions", "dimensions is at least 1"));
    }
    body.field::<String>("user")?;
    Ok(EmbeddingRequest { inputs: read_inputs(body)?, dimensions, is_base64: read_encoding(body)? })
}

fn read_inputs(body: &RawObject) -> Result<Inputs, Error> {
    let wrong = |message: &str| Error::invalid("input", message);
    let what = "input is a string, an array of strings, an array of token ids, or an array of such arrays";
    let input = body.read::<WireInput>("input").map_err(|_| wrong(what))?;
    // An empty array is read as one of no texts.
    let inputs = match input.ok_or_else(|| wrong("you must provide an input parameter"))? {
        WireInput::Text(text) => Inputs::Texts(vec![text]),
        WireInput::Texts(texts) => Inputs::Texts(texts),
        WireInput::Tokens(tokens) => Inputs::Tokens(vec![tokens]),
        WireInput::TokenLists(lists) => Inputs::Tokens(lists),
    };
    let (count, has_empty) = match &inputs {
        Inputs::Texts(texts) => (texts.len(), texts.iter().any(String::is_empty)),
        Inputs::Tokens(lists) => (lists.len(), lists.iter().any(Vec::is_empty)),
    };
    match count {
        0 => Err(wrong("input has at least one element")),
        _ if has_empty => Err(wrong("no input is empty")),
        1..=MAX_INPUTS => Ok(inputs),
        _ => Err(wrong(&format!("input has at most {MAX_INPUTS} elements"))),
    }
}

fn read_encoding(body: &RawObject) -> Result<bool, Error> {
    match body.field::<String>("encoding_format")?.as_deref() {
        None | Some("float") => Ok(false),
        Some("base64") => Ok(true),
        Some(_) => Err(Error::invalid("encoding_format", "encoding_format is \"float\" or \"base64\"")),
    }
}

/// The body for a target that speaks OpenAI's dialect: only the model differs from what came.
pub(crate) fn forward(body: &RawObject, model_id: &str) -> Result<Bytes, serde_json::Error> {
    let mut body = body.clone();
    body.set("model", model_id)?;
    serde_json::to_vec(&body).map(Bytes::from)
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Row<'a>>,
    model: &'a str,
    usage: WireUsage,
}

#[derive(Serialize)]
struct Row<'a> {
    object: &'static str,
    index: usize,
    embedding: Vector<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector<'a> {
    Floats(&'a [f32]),
    Base64(String),
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct WireUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// OpenAI's answer. In base64 a vector is its `f32`s in little-endian order.
#[must_use]
pub fn whole(embeddings: &Embeddings, model: &str, is_base64: bool) -> Bytes {
    let vector = |vector: &'_ Vec<f32>| {
        let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        Vector::Base64(BASE64_STANDARD.encode(bytes))
    };
    let rows = embeddings.vectors.iter().enumerate().map(|(index, floats)| Row {
        object: "embedding",
        index,
        embedding: if is_base64 { vector(floats) } else { Vector::Floats(floats) },
    });
    let tokens = embeddings.input_tokens.unwrap_or_default();
    let usage = WireUsage { prompt_tokens: tokens, total_tokens: tokens };
    let list = List { object: "list", data: rows.collect(), model, usage };
    serde_json::to_vec(&list).expect("numbers and texts are always JSON").into()
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    error: &'a RawValue,
}

/// Reads what the gateway acts on in OpenAI's own answer. An answer that counts nothing has no usage.
pub fn glimpse(json: &[u8]) -> Result<Glimpse, NoAnswer> {
    let answer: Answer<'_> =
        serde_json::from_slice(json).map_err(|error| match serde_json::from_slice::<Failure<'_>>(json) {
            Ok(Failure { error }) if error.get() != "null" => NoAnswer::Failed,
            _ => NoAnswer::Garbled(error),
        })?;
    let usage = answer.usage.filter(|usage| usage.prompt_tokens > 0);
    Ok(Glimpse {
        usage: usage.map(|usage| Usage { input: usage.prompt_tokens, ..Usage::default() }),
        has_content: !answer.data.is_empty(),
        finish: Some(Finish::Whole),
        ..Glimpse::default()
    })
}

#[cfg(test)]
mod tests;
