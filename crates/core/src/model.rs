//! What a provider is asked, and what it may answer.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::catalogue::Target;
use crate::converse::ConverseRequest;
use crate::dialect::Dialect;
use crate::embedding::Embeddings;
use crate::event::Event;
use crate::identity::Identity;

/// One call of one target.
pub struct Call<'a> {
    /// The call's id in the ledger.
    pub request_id: &'a str,
    /// Whom we ask.
    pub target: &'a Target,
    /// What we ask, in the target's own words.
    pub payload: &'a Payload,
    /// Whether the answer is to come as a stream.
    pub stream: bool,
    /// On whose behalf, for session tags and request metadata.
    pub identity: Identity<'a>,
    /// The trace that the call belongs to, as a `traceparent`.
    pub traceparent: &'a str,
    /// How long the whole call may take, or a stream up to its first event.
    pub timeout: Duration,
}

/// A request in a target's own words.
#[derive(Clone, Debug)]
pub enum Payload {
    /// JSON for a path of OpenAI's wire.
    Openai {
        /// Which path.
        dialect: Dialect,
        /// The body.
        body: Bytes,
    },
    /// For Converse.
    Converse(Box<ConverseRequest>),
    /// Bodies for `InvokeModel`, one per call: embedding models that take one text a call need several.
    Invoke(Vec<Bytes>),
}

/// An answer.
pub enum Reply {
    /// All of it.
    Whole(Said),
    /// As it comes; the end of the stream is the provider's own end.
    Stream(Pieces),
}

/// What came of an answer.
#[derive(Clone, Debug)]
pub enum Said {
    /// JSON text on OpenAI's wire: a whole answer, or the data of one event.
    Json(Bytes),
    /// What another wire said, read.
    Events(Vec<Event>),
    /// Vectors.
    Embeddings(Embeddings),
}

/// A streamed answer.
pub type Pieces = BoxStream<'static, Result<Said, ModelError>>;

/// Why there is no answer, by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The request itself is wrong: nobody else would take it either.
    #[error("refused with status {status}")]
    Refused {
        /// 4xx.
        status: u16,
        /// In OpenAI's shape.
        body: Bytes,
    },
    /// Too much at once.
    #[error("throttled")]
    Throttled {
        /// If the provider said so.
        retry_after: Option<Duration>,
    },
    /// Our own bucket for its quota is empty; the provider was not asked.
    #[error("over our share of its quota")]
    OverQuota {
        /// Until the bucket holds more.
        retry_after: Duration,
    },
    /// Our credentials do not work there.
    #[error("not authorized")]
    Unauthorized(#[source] Cause),
    /// What our account may use there is used up; waiting does not bring it back.
    #[error("quota used up")]
    Spent(#[source] Cause),
    /// The target does not have the model.
    #[error("model gone")]
    Gone(#[source] Cause),
    /// The target is down, or cannot be reached.
    #[error("unavailable")]
    Unavailable(#[source] Cause),
    /// Nothing came in time; it may still be billed.
    #[error("timed out")]
    TimedOut,
    /// The answer cannot be understood; it may be billed.
    #[error("garbled answer")]
    Garbled(#[source] Cause),
    /// The stream broke off.
    #[error("stream broken")]
    Broken(#[source] Cause),
}

/// What a library said, boxed.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl ModelError {
    /// Whether the provider may bill the attempt although no answer came.
    #[must_use]
    pub const fn may_be_billed(&self) -> bool {
        match self {
            Self::TimedOut | Self::Garbled(_) | Self::Broken(_) => true,
            Self::Refused { .. }
            | Self::Throttled { .. }
            | Self::OverQuota { .. }
            | Self::Unauthorized(_)
            | Self::Spent(_)
            | Self::Gone(_)
            | Self::Unavailable(_) => false,
        }
    }
}
