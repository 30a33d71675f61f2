//! Bodies of `InvokeModel` for embeddings: each maker has its own. Texts that are too long are refused, never cut.
//!
//! - Titan: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>
//! - Cohere: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html>
//! - Nova: <https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html>

use bytes::Bytes;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Value, json};

use crate::catalogue::InvokeBody;
use crate::completion::NoAnswer;
use crate::embedding::{EmbeddingRequest, Embeddings, Inputs};
use crate::parameter::Unfit;

/// The most texts of one call of Cohere's model.
const COHERE_TEXTS: usize = 96;

/// The bodies of the calls that serve a request, in the order of its inputs; or what the model cannot do.
pub(crate) fn say(request: &EmbeddingRequest, body: InvokeBody, model_id: &str) -> Result<Vec<Bytes>, Unfit> {
    let unfit = |field: &str| Unfit { field: field.to_owned(), model: model_id.to_owned() };
    let Inputs::Texts(texts) = &request.inputs else {
        return Err(unfit("input"));
    };
    if request.dimensions.is_some_and(|dimensions| !lengths(body).contains(&dimensions)) {
        return Err(unfit("dimensions"));
    }
    let bodies: Vec<Value> = match body {
        InvokeBody::Chat => return Err(unfit("model")),
        InvokeBody::TitanEmbedding => texts.iter().map(|text| titan(text, request.dimensions)).collect(),
        InvokeBody::CohereEmbedding => {
            texts.chunks(COHERE_TEXTS).map(|texts| cohere(texts, request.dimensions)).collect()
        }
        InvokeBody::NovaEmbedding => texts.iter().map(|text| nova(text, request.dimensions)).collect(),
    };
    Ok(bodies.iter().map(|body| Bytes::from(body.to_string())).collect())
}

const fn lengths(body: InvokeBody) -> &'static [u64] {
    match body {
        InvokeBody::Chat => &[],
        InvokeBody::TitanEmbedding => &[256, 512, 1_024],
        InvokeBody::CohereEmbedding => &[256, 512, 1_024, 1_536],
        InvokeBody::NovaEmbedding => &[256, 384, 1_024, 3_072],
    }
}

fn titan(text: &str, dimensions: Option<u64>) -> Value {
    with("dimensions", dimensions, json!({"inputText": text, "normalize": true, "embeddingTypes": ["float"]}))
}

/// OpenAI's request does not say what the vectors are for: they are taken for what is searched, not for what is sought.
fn cohere(texts: &[String], dimensions: Option<u64>) -> Value {
    let body = json!({
        "texts": texts, "input_type": "search_document", "embedding_types": ["float"], "truncate": "NONE"
    });
    with("output_dimension", dimensions, body)
}

fn nova(text: &str, dimensions: Option<u64>) -> Value {
    let text = json!({"truncationMode": "NONE", "value": text});
    let parameters = json!({"embeddingPurpose": "GENERIC_INDEX", "text": text});
    json!({
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": with("embeddingDimension", dimensions, parameters)
    })
}

fn with(name: &str, dimensions: Option<u64>, mut body: Value) -> Value {
    if let Some(dimensions) = dimensions {
        body[name] = json!(dimensions);
    }
    body
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Titan {
    embedding: Vec<f32>,
    input_text_token_count: Option<u64>,
}

#[derive(Deserialize)]
struct Cohere {
    embeddings: CohereVectors,
}

/// The first form comes where `embedding_types` was named.
#[derive(Deserialize)]
#[serde(untagged)]
enum CohereVectors {
    ByType { float: Vec<Vec<f32>> },
    Floats(Vec<Vec<f32>>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Nova {
    embeddings: Vec<NovaVector>,
    input_token_count: Option<u64>,
}

#[derive(Deserialize)]
struct NovaVector {
    embedding: Vec<f32>,
}

/// Reads the answer of one call. Where it counts no tokens, a header of the answer does.
pub fn hear(body: InvokeBody, json: &[u8]) -> Result<Embeddings, NoAnswer> {
    let embeddings = match body {
        InvokeBody::Chat => return Err(garbled("chat has no vectors")),
        InvokeBody::TitanEmbedding => {
            let Titan { embedding, input_text_token_count } = read(json)?;
            Embeddings { vectors: vec![embedding], input_tokens: input_text_token_count }
        }
        InvokeBody::CohereEmbedding => {
            let (CohereVectors::ByType { float: vectors } | CohereVectors::Floats(vectors)) =
                read::<Cohere>(json)?.embeddings;
            Embeddings { vectors, input_tokens: None }
        }
        InvokeBody::NovaEmbedding => {
            let Nova { embeddings, input_token_count } = read(json)?;
            let vectors: Vec<_> = embeddings.into_iter().map(|vector| vector.embedding).collect();
            if vectors.len() > 1 {
                return Err(garbled("more vectors than texts"));
            }
            Embeddings { vectors, input_tokens: input_token_count }
        }
    };
    if embeddings.vectors.is_empty() || embeddings.vectors.iter().any(Vec::is_empty) {
        return Err(garbled("a vector is missing"));
    }
    Ok(embeddings)
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, NoAnswer> {
    serde_json::from_slice(json).map_err(NoAnswer::Garbled)
}

fn garbled(what: &str) -> NoAnswer {
    NoAnswer::Garbled(serde_json::Error::custom(what))
}
