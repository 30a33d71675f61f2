//! Embeddings: texts in, vectors out.

/// Vectors, one per input, in the order of the inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// What the provider counted, if it said so.
    pub input_tokens: Option<u64>,
}
