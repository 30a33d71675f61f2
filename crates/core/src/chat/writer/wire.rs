//! The JSON of answers and chunks.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::event::FinishReason;
use crate::usage::ChatUsage;

/// An answer or a chunk.
#[derive(Serialize)]
pub(super) struct Head<'a, C> {
    pub(super) id: &'a str,
    pub(super) object: &'static str,
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) choices: Vec<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Option<ChatUsage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<&'a str>,
}

/// A chunk's one choice.
#[derive(Default, Serialize)]
pub(super) struct Choice<'a> {
    pub(super) index: usize,
    pub(super) delta: Delta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<Logprobs<'a>>,
    pub(super) finish_reason: Option<&'static str>,
}

/// What a chunk adds.
#[derive(Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_calls: Option<[Call<'a>; 1]>,
}

/// A call, or a piece of one; only chunks have an index.
#[derive(Serialize)]
pub(super) struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) r#type: Option<&'static str>,
    pub(super) function: Function<'a>,
}

/// The function that is called.
#[derive(Serialize)]
pub(super) struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) arguments: &'a str,
}

/// Probabilities of tokens.
#[derive(Serialize)]
pub(super) struct Logprobs<'a> {
    pub(super) content: Vec<&'a RawValue>,
    pub(super) refusal: Option<()>,
}

impl<'a> Call<'a> {
    /// A call begins.
    pub(super) const fn begin(index: Option<usize>, id: &'a str, name: &'a str, arguments: &'a str) -> Self {
        let function = Function { name: Some(name), arguments };
        Self { index, id: Some(id), r#type: Some("function"), function }
    }

    /// A piece of the arguments.
    pub(super) const fn piece(index: usize, arguments: &'a str) -> Self {
        Self { index: Some(index), id: None, r#type: None, function: Function { name: None, arguments } }
    }
}

/// Chat's word for why an answer is finished.
pub(super) const fn finish_word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// The JSON of an answer, a chunk or an error.
pub(super) fn to_bytes(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).expect("structs of texts, numbers and JSON are always JSON")
}
