//! Cohere's embeddings: many texts a call.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Embedding;
use crate::standin::embeddings::Vector;
use crate::standin::refusal::Refusal;
use crate::standin::reply::count_tokens;

const DIMENSIONS: &[usize] = &[256, 512, 1024, 1536];
const MOST_TEXTS: usize = 96;
const INPUT_TYPES: &[&str] = &["search_document", "search_query", "classification", "clustering", "image"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cohere {
    #[serde(default)]
    texts: Vec<String>,
    input_type: Option<String>,
    output_dimension: Option<usize>,
    embedding_types: Option<Vec<String>>,
    #[serde(rename = "truncate")]
    _truncate: Option<String>,
    #[serde(rename = "max_tokens")]
    _max_tokens: Option<u64>,
}

impl Cohere {
    fn check(&self, dimension: usize) -> Result<(), Refusal> {
        let has_type = self.input_type.as_deref().is_some_and(|kind| INPUT_TYPES.contains(&kind));
        let kinds = self.embedding_types.iter().flatten();
        let problem = match () {
            () if !has_type => "valid input_type must be provided with the provided model",
            () if self.texts.is_empty() => "valid texts must be provided",
            () if self.texts.len() > MOST_TEXTS => "total number of texts must be at most 96",
            () if !DIMENSIONS.contains(&dimension) => "output_dimension must be one of 256, 512, 1024, 1536",
            () if kinds.clone().any(|kind| kind != "float") => "the stand-in knows embedding type float only",
            () => return Ok(()),
        };
        Err(Refusal::invalid(format!("invalid request: {problem}")))
    }
}

impl Embedding for Cohere {
    fn embed(&self) -> Result<(Value, u64), Refusal> {
        let dimension = self.output_dimension.unwrap_or(1536);
        self.check(dimension)?;
        let vectors: Vec<_> = self.texts.iter().map(|text| Vector::of(text, dimension).numbers()).collect();
        let (kind, embeddings) = match &self.embedding_types {
            Some(_) => ("embeddings_by_type", json!({ "float": vectors })),
            None => ("embeddings_floats", vectors.into()),
        };
        let document = json!({
            "id": Uuid::now_v7().to_string(),
            "response_type": kind,
            "embeddings": embeddings,
            "texts": self.texts,
        });
        Ok((document, self.texts.iter().map(|text| count_tokens(text)).sum()))
    }
}
