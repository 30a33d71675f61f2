//! The events of a stream, counted as they are said.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::responses::frame::frame;
use crate::responses::output::{Output, Part, Response};

#[derive(Clone, Debug, Default)]
pub(super) struct Voice {
    sequence_number: u64,
    said: Vec<Bytes>,
}

/// What an event may say.
#[derive(Default, Serialize)]
pub(super) struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<&'a [Box<RawValue>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<&'a Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a Output>,
}

#[derive(Serialize)]
struct Numbered<'a, T> {
    r#type: &'static str,
    sequence_number: u64,
    #[serde(flatten)]
    said: &'a T,
}

impl Voice {
    pub(super) fn say<T: Serialize>(&mut self, kind: &'static str, said: &T) {
        let bytes = self.frame(kind, said);
        self.said.push(bytes);
    }

    /// The bytes of an event that are sent apart.
    pub(super) fn frame<T: Serialize>(&mut self, kind: &'static str, said: &T) -> Bytes {
        let numbered = Numbered { r#type: kind, sequence_number: self.sequence_number, said };
        self.sequence_number += 1;
        let json =
            serde_json::to_vec(&numbered).expect("texts, numbers and JSON can always be written as JSON");
        frame(kind, &json)
    }

    pub(super) fn take(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.said)
    }
}
