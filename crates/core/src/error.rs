//! Everything that can be said to a caller instead of an answer: the one map to HTTP and to OpenAI's error body.

use crate::constraint::TARGET_HEADER;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;

use crate::flow::{FlowRefusal, TokenStanding};
use crate::metrics::Brake;
use crate::money::Nanos;
use crate::spend::{Exhausted, Measure, Window};
use crate::time::whole_secs;

/// Why a call is not answered. The variants are what a caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The body or a header is wrong.
    #[error("{message}")]
    Invalid {
        /// What is wrong, in words.
        message: String,
        /// The field, as OpenAI names it.
        param: Option<String>,
    },
    /// The body is larger than we take.
    #[error("the request body is larger than {limit} bytes")]
    TooLarge {
        /// The most we take.
        limit: usize,
    },
    /// Nobody vouched for the caller.
    #[error("incorrect API key provided")]
    Unauthenticated,
    /// No such path.
    #[error("unknown request URL: {method} {path}")]
    NotFound {
        /// As it was sent.
        method: String,
        /// As it was sent.
        path: String,
    },
    /// No such model.
    #[error("the model \"{0}\" does not exist")]
    ModelNotFound(String),
    /// The key may not use the model.
    #[error("this key may not use the model \"{0}\"")]
    ModelNotAllowed(String),
    /// No target of the model is allowed by the constraints that the call is under.
    #[error("no target of \"{0}\" is allowed for this tenant, residency and class of data")]
    NotAllowedAnywhere(String),
    /// The key may not name the target that serves its calls.
    #[error("this key may not name a target: {TARGET_HEADER} is for keys of the role prober")]
    TargetNotNamed,
    /// Nobody knows what it costs.
    #[error("the model \"{0}\" has no price, so no call is admitted")]
    ModelNotPriced(String),
    /// The authorizer let the call come only to be refused here.
    #[error("{message}")]
    RateLimited {
        /// In the authorizer's words.
        message: String,
        /// In seconds.
        retry_after_secs: u64,
    },
    /// The key uses as much at once as it may.
    #[error("{}", flow_message(.0))]
    FlowExceeded(FlowRefusal),
    /// A budget of the caller is spent: its own, or that of its team, tenant or organisation.
    #[error("{}", quota_message(.0))]
    InsufficientQuota(Exhausted),
    /// An operator or the enforcer stopped calls.
    #[error("calls are stopped: {0}")]
    BudgetExceeded(String),
    /// The provider refused what the caller sent; its own words.
    #[error("the provider refused the request")]
    Refused {
        /// The provider's status, 4xx.
        status: u16,
        /// The provider's body in OpenAI's shape.
        body: Bytes,
    },
    /// No target could answer.
    #[error("no provider could answer: {}", .causes.join("; "))]
    Unavailable {
        /// One line per attempt.
        causes: Vec<String>,
        /// The longest that a provider asked for, if any did.
        retry_after: Option<Duration>,
    },
    /// The gateway's own state cannot be read or written, so nothing is called.
    #[error("{0} cannot be reached")]
    StateUnavailable(&'static str),
    /// What the call builds on is not finished.
    #[error("the earlier call is still running")]
    StillRunning,
    /// The caller's idempotency key stands for another request.
    #[error("this Idempotency-Key was used for another request within the last 24 hours")]
    IdempotencyKeyReused,
    /// The call under the caller's idempotency key has ended, and there is nothing to replay.
    #[error(
        "the call {0} under this Idempotency-Key has ended and was charged, but its answer was not kept; use a new key"
    )]
    AnswerLost(String),
    /// Too many calls wanted the same budget at the same moment.
    #[error("the budget is contended")]
    Contended,
    /// The answer did not come in time.
    #[error("the answer did not come within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The stream ended before its end.
    #[error("the provider's stream broke off")]
    StreamBroken,
    /// A fault of ours.
    #[error("internal error")]
    Internal,
}

/// OpenAI's error body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Envelope {
    error: Body,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Body {
    message: String,
    r#type: &'static str,
    param: Option<String>,
    code: &'static str,
}

impl Error {
    /// A request that is wrong in this field.
    #[must_use]
    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), param: Some(param.to_owned()) }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid { .. } | Self::ModelNotPriced(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NotFound { .. } | Self::ModelNotFound(_) => StatusCode::NOT_FOUND,
            Self::ModelNotAllowed(_) | Self::NotAllowedAnywhere(_) | Self::TargetNotNamed => {
                StatusCode::FORBIDDEN
            }
            Self::RateLimited { .. }
            | Self::FlowExceeded(_)
            | Self::InsufficientQuota(_)
            | Self::BudgetExceeded(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused { status, .. } => StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST),
            Self::Unavailable { .. } | Self::StateUnavailable(_) | Self::Contended => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::StillRunning | Self::IdempotencyKeyReused | Self::AnswerLost(_) => StatusCode::CONFLICT,
            Self::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::StreamBroken => StatusCode::BAD_GATEWAY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Which brake of ours refused the call. What the authorizer refuses it has counted itself.
    #[must_use]
    pub const fn brake(&self) -> Option<Brake> {
        match self {
            Self::FlowExceeded(_) => Some(Brake::Rate),
            Self::InsufficientQuota(_) | Self::BudgetExceeded(_) => Some(Brake::Budget),
            _ => None,
        }
    }

    /// OpenAI's `code`, and the outcome in the ledger.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid_request",
            Self::TooLarge { .. } => "request_too_large",
            Self::Unauthenticated => "invalid_api_key",
            Self::NotFound { .. } => "unknown_url",
            Self::ModelNotFound(_) => "model_not_found",
            Self::ModelNotAllowed(_) => "model_not_allowed",
            Self::NotAllowedAnywhere(_) => "no_allowed_target",
            Self::TargetNotNamed => "target_not_allowed",
            Self::ModelNotPriced(_) => "model_not_priced",
            Self::RateLimited { .. } | Self::FlowExceeded(_) => "rate_limit_exceeded",
            Self::InsufficientQuota(_) => "insufficient_quota",
            Self::BudgetExceeded(_) => "budget_exceeded",
            Self::Refused { .. } => "provider_refused",
            Self::Unavailable { .. } => "provider_unavailable",
            Self::StateUnavailable(_) => "gateway_unavailable",
            Self::StillRunning => "still_running",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::AnswerLost(_) => "idempotency_answer_lost",
            Self::Contended => "contended",
            Self::TimedOut(_) => "timeout",
            Self::StreamBroken => "stream_broken",
            Self::Internal => "internal_error",
        }
    }

    /// Seconds after which a retry may help.
    #[must_use]
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_secs, .. } => Some(*retry_after_secs),
            Self::FlowExceeded(FlowRefusal::Tokens { retry_after, .. }) => retry_after.map(whole_secs),
            Self::FlowExceeded(FlowRefusal::Concurrency { .. }) => Some(1),
            Self::Unavailable { retry_after, .. } => Some(retry_after.map_or(5, whole_secs)),
            Self::StateUnavailable(_) => Some(5),
            Self::StillRunning | Self::Contended => Some(1),
            Self::Invalid { .. }
            | Self::TooLarge { .. }
            | Self::Unauthenticated
            | Self::NotFound { .. }
            | Self::ModelNotFound(_)
            | Self::ModelNotAllowed(_)
            | Self::NotAllowedAnywhere(_)
            | Self::TargetNotNamed
            | Self::ModelNotPriced(_)
            | Self::InsufficientQuota(_)
            | Self::BudgetExceeded(_)
            | Self::Refused { .. }
            | Self::IdempotencyKeyReused
            | Self::AnswerLost(_)
            | Self::TimedOut(_)
            | Self::StreamBroken
            | Self::Internal => None,
        }
    }

    /// Whether the same call would be refused again, although clients try its status again by themselves.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::IdempotencyKeyReused
                | Self::AnswerLost(_)
                | Self::FlowExceeded(FlowRefusal::Tokens { retry_after: None, .. })
        )
    }

    /// The body in OpenAI's shape.
    #[must_use]
    pub fn body(&self) -> Bytes {
        match self {
            Self::Refused { body, .. } => body.clone(),
            _ => serde_json::to_vec(&self.envelope()).map_or_else(|_| Bytes::from_static(b"{}"), Bytes::from),
        }
    }

    /// OpenAI's error object.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        let param = match self {
            Self::Invalid { param, .. } => param.clone(),
            Self::ModelNotFound(_) | Self::ModelNotAllowed(_) | Self::ModelNotPriced(_) => {
                Some("model".to_owned())
            }
            _ => None,
        };
        Envelope { error: Body { message: self.to_string(), r#type: self.kind(), param, code: self.code() } }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Invalid { .. }
            | Self::TooLarge { .. }
            | Self::Unauthenticated
            | Self::NotFound { .. }
            | Self::ModelNotFound(_)
            | Self::ModelNotPriced(_)
            | Self::StillRunning
            | Self::IdempotencyKeyReused
            | Self::AnswerLost(_)
            | Self::Refused { .. } => "invalid_request_error",
            Self::ModelNotAllowed(_) | Self::NotAllowedAnywhere(_) | Self::TargetNotNamed => {
                "permission_error"
            }
            Self::RateLimited { .. } | Self::FlowExceeded(FlowRefusal::Concurrency { .. }) => "requests",
            Self::FlowExceeded(FlowRefusal::Tokens { .. }) => "tokens",
            Self::InsufficientQuota(_) | Self::BudgetExceeded(_) => "insufficient_quota",
            Self::Unavailable { .. }
            | Self::StateUnavailable(_)
            | Self::Contended
            | Self::TimedOut(_)
            | Self::StreamBroken
            | Self::Internal => "server_error",
        }
    }
}

fn quota_message(exhausted: &Exhausted) -> String {
    let Exhausted { scope, window, measure, limit, spent, needed, resets_at } = exhausted;
    let window = match window {
        Window::Day => "day",
        Window::Month => "month",
    };
    let amount = |amount: u64| match measure {
        Measure::Money => format!("{} USD", Nanos(amount)),
        Measure::Tokens => format!("{amount} tokens"),
    };
    let (limit, spent, needed) = (amount(*limit), amount(*spent), amount(*needed));
    format!(
        "the budget of {scope} for this {window} is {limit}, of which {spent} are spent or reserved; \
         this call may use up to {needed}; the budget resets at {resets_at}"
    )
}

fn flow_message(refusal: &FlowRefusal) -> String {
    match refusal {
        FlowRefusal::Tokens { standing: TokenStanding { limit, .. }, needed, retry_after: Some(wait) } => {
            let secs = whole_secs(*wait);
            format!(
                "Rate limit reached for tokens per minute: {limit}, of which this call may use {needed}. \
                 Please try again in {secs}s."
            )
        }
        FlowRefusal::Tokens { standing: TokenStanding { limit, .. }, needed, retry_after: None } => format!(
            "This call may use {needed} tokens, more than the limit of {limit} tokens per minute. \
             Shorten it, or lower its output cap."
        ),
        FlowRefusal::Concurrency { limit } => {
            format!("Rate limit reached for calls at the same time: {limit}. Please try again in 1s.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn a_spent_budget_names_scope_window_limit_and_reset() {
        let error = Error::InsufficientQuota(Exhausted {
            scope: "user#default/alice".to_owned(),
            window: Window::Day,
            measure: Measure::Money,
            limit: 1_000_000_000,
            spent: 900_000_000,
            needed: 270_336_000,
            resets_at: Timestamp::from_secs(1_795_392_000),
        });

        insta::assert_json_snapshot!(error.envelope(), @r###"
        {
          "error": {
            "message": "the budget of user#default/alice for this day is 1 USD, of which 0.9 USD are spent or reserved; this call may use up to 0.270336 USD; the budget resets at 2026-11-23T00:00:00Z",
            "type": "insufficient_quota",
            "param": null,
            "code": "insufficient_quota"
          }
        }
        "###);
        assert_eq!(error.status(), StatusCode::TOO_MANY_REQUESTS);
    }

    #[test]
    fn a_provider_that_asks_to_wait_is_passed_on() {
        let retry_after = Some(Duration::from_millis(1500));
        let error = Error::Unavailable { causes: vec!["a: throttled".to_owned()], retry_after };

        assert_eq!(error.retry_after_secs(), Some(2));
        assert_eq!(error.to_string(), "no provider could answer: a: throttled");
    }

    #[test]
    fn the_providers_own_words_reach_the_caller() {
        let body = Bytes::from_static(br#"{"error":{"message":"no"}}"#);
        let error = Error::Refused { status: 400, body: body.clone() };

        assert_eq!(error.body(), body);
    }
}
