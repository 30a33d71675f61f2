//! How a request to a target ended, by whom it speaks against. Breakers, ledger and metrics use these names.

use serde::{Deserialize, Serialize};

use crate::model::ModelError;

/// The classes. A stream has one when it is over, never when it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It answered, to the end.
    Ok,
    /// The request was wrong, or the client held the stream up.
    Caller,
    /// The request is longer than the model's context.
    ContextLength,
    /// The provider refused the content.
    ContentFilter,
    /// Our credentials do not work there.
    Auth,
    /// What the account may use is used up, and waiting does not bring it back.
    Quota,
    /// Too much at once.
    Throttle,
    /// It is down or overloaded, or cannot be reached.
    Capacity,
    /// Nothing came in time.
    Timeout,
    /// It does not have the model.
    ModelGone,
    /// The answer broke off, or cannot be understood.
    Broken,
}

/// What an outcome says of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It works: a caller's own mistake says so, too.
    Good,
    /// It is busy, and says so.
    Soft,
    /// It failed.
    Hard,
    /// It fails until somebody changes something: the next call would, too.
    Fatal,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Caller,
        Self::ContextLength,
        Self::ContentFilter,
        Self::Auth,
        Self::Quota,
        Self::Throttle,
        Self::Capacity,
        Self::Timeout,
        Self::ModelGone,
        Self::Broken,
    ];

    /// Of an attempt without an answer; `None` where the provider was not asked.
    #[must_use]
    pub fn of(error: &ModelError) -> Option<Self> {
        Some(match error {
            ModelError::Refused { body, .. } => Self::of_refusal(body),
            ModelError::Throttled { .. } => Self::Throttle,
            ModelError::OverQuota { .. } => return None,
            ModelError::Unauthorized(_) => Self::Auth,
            ModelError::Spent(_) => Self::Quota,
            ModelError::Gone(_) => Self::ModelGone,
            ModelError::Unavailable(_) => Self::Capacity,
            ModelError::TimedOut => Self::Timeout,
            ModelError::Garbled(_) | ModelError::Broken(_) => Self::Broken,
        })
    }

    /// A refusal in OpenAI's shape says which it is by its code.
    fn of_refusal(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Refusal {
            error: Coded,
        }
        #[derive(Deserialize)]
        struct Coded {
            code: Option<String>,
        }
        let code = serde_json::from_slice::<Refusal>(body).ok().and_then(|refusal| refusal.error.code);
        match code.as_deref() {
            Some("context_length_exceeded") => Self::ContextLength,
            Some("content_filter" | "content_policy_violation") => Self::ContentFilter,
            _ => Self::Caller,
        }
    }

    /// What it says of the target.
    #[must_use]
    pub const fn weight(self) -> Weight {
        match self {
            Self::Ok | Self::Caller | Self::ContextLength | Self::ContentFilter => Weight::Good,
            Self::Throttle => Weight::Soft,
            Self::Capacity | Self::Timeout | Self::Broken => Weight::Hard,
            Self::Auth | Self::Quota | Self::ModelGone => Weight::Fatal,
        }
    }

    /// Whether it speaks of the account that called rather than of the target: in a tenant's own account it says nothing
    /// about anybody else's calls.
    #[must_use]
    pub const fn is_of_account(self) -> bool {
        matches!(self, Self::Auth | Self::Quota | Self::Throttle | Self::ModelGone)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Caller => "caller",
            Self::ContextLength => "context-length",
            Self::ContentFilter => "content-filter",
            Self::Auth => "auth",
            Self::Quota => "quota",
            Self::Throttle => "throttle",
            Self::Capacity => "capacity",
            Self::Timeout => "timeout",
            Self::ModelGone => "model-gone",
            Self::Broken => "broken",
        }
    }

    /// The cause of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn refused(code: &str) -> ModelError {
        let body = Bytes::from(format!(r#"{{"error":{{"message":"m","code":{code}}}}}"#));
        ModelError::Refused { status: 400, body }
    }

    #[test]
    fn every_error_of_a_model_has_a_cause() {
        let of = |error| Cause::of(&error);

        assert_eq!(of(refused("null")), Some(Cause::Caller));
        assert_eq!(of(refused(r#""context_length_exceeded""#)), Some(Cause::ContextLength));
        assert_eq!(of(refused(r#""content_filter""#)), Some(Cause::ContentFilter));
        assert_eq!(of(ModelError::Refused { status: 400, body: Bytes::new() }), Some(Cause::Caller));
        assert_eq!(of(ModelError::Throttled { retry_after: None }), Some(Cause::Throttle));
        assert_eq!(of(ModelError::OverQuota { retry_after: std::time::Duration::ZERO }), None);
        assert_eq!(of(ModelError::Unauthorized("x".into())), Some(Cause::Auth));
        assert_eq!(of(ModelError::Spent("x".into())), Some(Cause::Quota));
        assert_eq!(of(ModelError::Gone("x".into())), Some(Cause::ModelGone));
        assert_eq!(of(ModelError::Unavailable("x".into())), Some(Cause::Capacity));
        assert_eq!(of(ModelError::TimedOut), Some(Cause::Timeout));
        assert_eq!(of(ModelError::Garbled("x".into())), Some(Cause::Broken));
        assert_eq!(of(ModelError::Broken("x".into())), Some(Cause::Broken));
    }

    #[test]
    fn a_name_leads_back_to_its_cause() {
        for cause in Cause::ALL {
            assert_eq!(Cause::named(cause.as_str()), Some(cause));
            assert_eq!(serde_json::json!(cause), cause.as_str());
        }
        assert_eq!(Cause::named("none"), None);
    }

    #[test]
    fn what_callers_do_wrong_does_not_speak_against_a_target() {
        for cause in [Cause::Caller, Cause::ContextLength, Cause::ContentFilter] {
            assert_eq!(cause.weight(), Weight::Good);
        }
    }
}
