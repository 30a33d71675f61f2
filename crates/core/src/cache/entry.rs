//! What is kept of an answer.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::cache::key::CacheKey;
use crate::cache::template::Template;
use crate::idempotency::Form;
use crate::money::Nanos;
use crate::name::Name;
use crate::semantic::features::Features;
use crate::time::Timestamp;
use crate::usage::Usage;

/// The longest answer that is kept, before it is packed.
pub const MAX_REPLY_BYTES: usize = 6 * 1024 * 1024;

/// A cached answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Everything but the answer.
    pub about: About,
    /// The JSON body, or the whole event stream.
    pub reply: Bytes,
}

/// What is known of a cached answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The id of the call that got it.
    pub request_id: String,
    /// What the reply is.
    pub form: Form,
    /// Whether a stream of chat has the chunk with the usage.
    #[serde(default)]
    pub include_usage: bool,
    /// Who gave it.
    pub target: String,
    /// What the provider counted.
    pub usage: Usage,
    /// What it cost.
    pub cost_nanos: Nanos,
    /// When the call came that it answered, in microseconds.
    pub asked_us: Timestamp,
    /// Epoch seconds from which it is no longer served.
    #[serde(rename = "expiresAt")]
    pub expires_at: u64,
    /// What purges know it by.
    #[serde(flatten)]
    pub labels: Labels,
    /// The question, where others that mean the same may be given the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
}

/// A question that others are compared with. No text of a caller is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// For whom the answer is, and all else that must match exactly.
    pub partition: CacheKey,
    /// Its words, hashed.
    pub features: Features,
}

/// What purges know an entry by, besides its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// Whose it is.
    pub tenant: Name,
    /// The model that was named.
    pub model: String,
    /// The prompt template that the call was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    /// What the caller tagged it with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Name>,
}

impl About {
    /// Whether it may still be served at `now`.
    #[must_use]
    pub const fn is_fresh(&self, now: Timestamp) -> bool {
        now.as_secs() < self.expires_at
    }
}
