//! What is read of a target's answer.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::given::Kind;
use crate::completion::NoAnswer;
use crate::responses::usage::ResponsesUsage;

/// The name of an event.
#[derive(Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow)]
    pub(super) r#type: Cow<'a, str>,
}

/// An event that says something of the answer.
#[derive(Deserialize)]
pub(super) struct Step<'a> {
    pub(super) output_index: Option<usize>,
    pub(super) content_index: Option<usize>,
    pub(super) summary_index: Option<usize>,
    pub(super) delta: Option<String>,
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) arguments: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) logprobs: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub(super) item: Option<Output<'a>>,
}

/// The event that ends a stream.
#[derive(Deserialize)]
pub(super) struct End<'a> {
    #[serde(borrow)]
    pub(super) response: Response<'a>,
}

/// A whole answer.
#[derive(Deserialize)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) output: Option<Vec<Output<'a>>>,
    #[serde(borrow)]
    pub(super) incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow)]
    pub(super) service_tier: Option<Cow<'a, str>>,
    pub(super) usage: Option<ResponsesUsage>,
}

#[derive(Deserialize)]
pub(super) struct Incomplete<'a> {
    #[serde(borrow)]
    pub(super) reason: Option<Cow<'a, str>>,
}

/// An item of the output: what any kind of it may hold.
#[derive(Deserialize)]
pub(super) struct Output<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) call_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) arguments: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) content: Option<Vec<Part<'a>>>,
    #[serde(borrow)]
    pub(super) summary: Option<Vec<Part<'a>>>,
    #[serde(borrow)]
    pub(super) encrypted_content: Option<Cow<'a, str>>,
}

/// A part of what an item says.
#[derive(Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) logprobs: Option<Vec<&'a RawValue>>,
}

impl Output<'_> {
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.r#type.as_ref() {
            "message" => Some(Kind::Message),
            "reasoning" => Some(Kind::Reasoning),
            "function_call" => Some(Kind::Call),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    error: &'a RawValue,
}

/// Reads JSON of this form; an error in its place is told apart from what is no answer at all.
pub(in crate::responses) fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, NoAnswer> {
    serde_json::from_slice(json).map_err(|error| match serde_json::from_slice::<Failure<'_>>(json) {
        Ok(Failure { error }) if error.get() != "null" => NoAnswer::Failed,
        _ => NoAnswer::Garbled(error),
    })
}
