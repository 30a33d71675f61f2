//! What the gateway reads of an answer that passes as it is: usage, content, how it finished. The rest passes unread.

use crate::usage::Usage;

/// What a whole answer or a chunk says to the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// What the provider counted.
    pub usage: Option<Usage>,
    /// It holds something of the answer itself: from here on, nobody else can take over unseen.
    pub has_content: bool,
    /// It carries usage and no choices: the chunk that `include_usage` asks for.
    pub is_usage_chunk: bool,
    /// How the answer finished, if this says so.
    pub finish: Option<Finish>,
    /// The provider's own id of the response, where a later one can go on from it.
    pub response_id: Option<String>,
    /// The tier that served the call, if this says it.
    pub service_tier: Option<String>,
}

/// How an answer finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Whole.
    Whole,
    /// Cut by the cap, or filtered.
    Partial,
}

/// Why a text is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// No JSON, or none of the dialect's answers.
    #[error("not a model's answer")]
    Garbled(#[source] serde_json::Error),
    /// The provider says that it failed.
    #[error("the provider reports an error")]
    Failed,
}
