//! Embeddings: texts in, vectors out.

/// Vectors, one per input, in the order of the inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// What the provider counted, if it said so.
    pub input_tokens: Option<u64>,
}
use crate::{catalogue::InvokeBody, completion::*, error::Error, parameter::*, raw::RawObject};
use bytes::Bytes;
#[derive(Clone, Debug)]
pub struct EmbeddingRequest {
    pub inputs: Inputs,
    pub dimensions: Option<u64>,
    pub is_base64: bool,
}
#[derive(Clone, Debug)]
pub enum Inputs {
    Texts(Vec<String>),
    Tokens(Vec<Vec<u64>>),
}
pub(crate) fn read(_: &RawObject) -> Result<EmbeddingRequest, Error> {
    Err(Error::Internal)
}
pub(crate) fn forward(_: &RawObject, _: &str) -> Result<Bytes, serde_json::Error> {
    Ok(Default::default())
}
pub(crate) fn say(_: &EmbeddingRequest, _: InvokeBody, _: &str) -> Result<Vec<Bytes>, Unfit> {
    Ok(vec![])
}
pub fn hear(_: InvokeBody, _: &[u8]) -> Result<Embeddings, NoAnswer> {
    Err(NoAnswer::Failed)
}
pub fn whole(_: &Embeddings, _: &str, _: bool) -> Bytes {
    Bytes::new()
}
pub fn glimpse(_: &[u8]) -> Result<Glimpse, NoAnswer> {
    Err(NoAnswer::Failed)
}
