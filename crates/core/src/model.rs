//! What a provider is asked, and what it may answer.

use std::time::Duration;

use bytes::Bytes;

use crate::catalogue::Target;
use crate::chat::ChatRequest;
use crate::ports::Chunks;
use crate::settings::Tenant;
use crate::usage::Usage;

/// One call of one target.
pub struct Call<'a> {
    /// The call's id in the ledger.
    pub request_id: &'a str,
    /// What the caller asked.
    pub request: &'a ChatRequest,
    /// Whom we ask.
    pub target: &'a Target,
    /// The output cap that is sent.
    pub output_cap: u64,
    /// On whose behalf, for session tags and request metadata.
    pub identity: Identity<'a>,
    /// How long the first byte of the answer may take.
    pub timeout: Duration,
}

/// On whose behalf a call is made.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The user.
    pub user: &'a str,
    /// The team.
    pub team: &'a str,
    /// The tenant's name.
    pub tenant_id: &'a str,
    /// The tenant, whose role is assumed where it has one.
    pub tenant: &'a Tenant,
}

/// An answer.
pub enum Reply {
    /// A whole `chat.completion`.
    Json {
        /// Its JSON text.
        body: Bytes,
        /// What the provider counted, if it said so.
        usage: Option<Usage>,
    },
    /// `chat.completion.chunk`s; the end of the stream is the provider's own end.
    Stream(Chunks),
}

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
    /// Our credentials do not work there.
    #[error("not authorized")]
    Unauthorized(#[source] Cause),
    /// The target does not have the model, or is down.
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
            Self::Refused { .. } | Self::Throttled { .. } | Self::Unauthorized(_) | Self::Unavailable(_) => {
                false
            }
        }
    }
}
