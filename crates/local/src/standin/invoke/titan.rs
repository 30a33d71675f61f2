//! Titan's text embeddings: one text a call.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Embedding, malformed};
use crate::standin::embeddings::Vector;
use crate::standin::refusal::Refusal;
use crate::standin::reply::count_tokens;

const DIMENSIONS: &[usize] = &[256, 512, 1024];
const LONGEST_INPUT: u64 = 8192;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Titan {
    input_text: String,
    dimensions: Option<usize>,
    #[serde(rename = "normalize")]
    _normalize: Option<bool>,
    embedding_types: Option<Vec<Kind>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Float,
    Binary,
}

impl Embedding for Titan {
    fn embed(&self) -> Result<(Value, u64), Refusal> {
        let dimension = self.dimensions.unwrap_or(1024);
        if !DIMENSIONS.contains(&dimension) {
            return Err(malformed(&format!("#/dimensions: {dimension} is not a valid enum value")));
        }
        if self.input_text.is_empty() {
            return Err(malformed("#/inputText: expected minLength: 1, actual: 0"));
        }
        let tokens = count_tokens(&self.input_text);
        if tokens > LONGEST_INPUT {
            return Err(Refusal::invalid(format!(
                "400 Bad Request: Too many input tokens. Max input tokens: {LONGEST_INPUT}, request input token count: {tokens}"
            )));
        }
        let vector = Vector::of(&self.input_text, dimension);
        let kinds = self.embedding_types.as_deref().unwrap_or(&[Kind::Float]);
        let by_type: Map<_, _> = kinds
            .iter()
            .map(|kind| match kind {
                Kind::Float => ("float".to_owned(), vector.numbers()),
                Kind::Binary => ("binary".to_owned(), vector.bits()),
            })
            .collect();
        let mut document = json!({ "embeddingsByType": by_type, "inputTextTokenCount": tokens });
        if kinds.contains(&Kind::Float) {
            document["embedding"] = vector.numbers();
        }
        Ok((document, tokens))
    }
}
