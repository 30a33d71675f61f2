//! Nova's multimodal embeddings, of one text a call.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Embedding, malformed};
use crate::standin::embeddings::Vector;
use crate::standin::refusal::Refusal;
use crate::standin::reply::count_tokens;

const DIMENSIONS: &[usize] = &[256, 384, 1024, 3072];
const SINGLE: &str = "SINGLE_EMBEDDING";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Nova {
    #[serde(rename = "schemaVersion")]
    _schema_version: Option<String>,
    task_type: String,
    single_embedding_params: Params,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    #[serde(rename = "embeddingPurpose")]
    _embedding_purpose: String,
    embedding_dimension: Option<usize>,
    text: Text,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Text {
    #[serde(rename = "truncationMode")]
    _truncation_mode: String,
    value: String,
}

impl Embedding for Nova {
    fn embed(&self) -> Result<(Value, u64), Refusal> {
        let dimension = self.single_embedding_params.embedding_dimension.unwrap_or(3072);
        let text = &self.single_embedding_params.text.value;
        if self.task_type != SINGLE {
            return Err(malformed(&format!("#/taskType: {} is not a valid enum value", self.task_type)));
        }
        if !DIMENSIONS.contains(&dimension) {
            return Err(malformed(&format!("#/embeddingDimension: {dimension} is not a valid enum value")));
        }
        if text.is_empty() {
            return Err(malformed("#/text/value: expected minLength: 1, actual: 0"));
        }
        let embedding = Vector::of(text, dimension).numbers();
        let document = json!({ "embeddings": [{ "embeddingType": "TEXT", "embedding": embedding }] });
        Ok((document, count_tokens(text)))
    }
}
