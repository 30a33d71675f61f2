//! What the semantic cache did for a call, as the ledger has it.

use serde::{Deserialize, Serialize};

use crate::budget::Amount;
use crate::cache::CacheKey;
use crate::semantic::similarity::Similarity;

/// What looking for a question that means the same has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// What was found, and done.
    pub finding: Finding,
    /// The entry that came into question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<CacheKey>,
    /// How near its question is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<Similarity>,
    /// Whether its answer says the same as the model's, where both were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_right: Option<bool>,
    /// What the embeddings cost: it is part of what the call is charged.
    #[serde(flatten)]
    pub embedded: Amount,
}

/// What was found, and done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// A kept answer was served.
    Served,
    /// One would have been served; the model was asked all the same, and both were compared.
    WouldServe,
    /// One was near, without evidence that it is right: the model was asked, and both were compared.
    Explored,
    /// None was near enough.
    Nothing,
    /// Embeddings, vectors or evidence did not come in time.
    Unavailable,
}
