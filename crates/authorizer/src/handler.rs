//! One invocation: key, rate, verdict.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::Diagnostic;
use secrecy::SecretString;
use serde_json::Value;
use tollgate_aws::causes::Causes;
use tollgate_core::caller::{KeyRecord, refusal_context, standing_context};
use tollgate_core::ports::{Keys, Rates, StoreError, Taken};
use tollgate_core::time::Timestamp;

pub use crate::answer::Answer;
use crate::answer::Effect;
use crate::config::Refusal;
use crate::recent_keys::RecentKeys;
use crate::request::{CredentialError, EventError, Request};

/// How long the rate may take, with all its rounds; see `RecentKeys`.
const RATE_PATIENCE: Duration = Duration::from_secs(2);

/// The function's handler.
pub struct Handler {
    keys: RecentKeys,
    rates: Arc<dyn Rates>,
    pepper: SecretString,
    refusal: Refusal,
}

/// A caller that is known, and whether the rate admits the call.
struct Decision {
    record: KeyRecord,
    taken: Taken,
    stage_arn: String,
}

/// Why there is no decision.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the event cannot be read")]
    Event(#[from] EventError),
    #[error("nobody we know")]
    Credential(#[from] CredentialError),
    #[error("nobody has the key {0}")]
    Unknown(String),
    #[error("the key {0} is revoked, suspended or has expired")]
    Void(String),
    #[error("the caller cannot be judged")]
    Store(#[from] StoreError),
}

impl Handler {
    /// Over these stores.
    #[must_use]
    pub fn new(keys: Arc<dyn Keys>, rates: Arc<dyn Rates>, pepper: SecretString, refusal: Refusal) -> Self {
        Self { keys: RecentKeys::new(keys), rates, pepper, refusal }
    }

    /// One invocation. Its id, which no client can choose as it can API Gateway's, marks the call in the rate.
    pub async fn handle(
        &self,
        event: &Value,
        invocation_id: &str,
        now: Timestamp,
    ) -> Result<Answer, Diagnostic> {
        match self.decide(event, invocation_id, now).await {
            Ok(decision) => {
                decision.log();
                Ok(decision.into_answer(self.refusal))
            }
            Err(failure) => {
                failure.log();
                Err(failure.into())
            }
        }
    }

    async fn decide(&self, event: &Value, invocation_id: &str, now: Timestamp) -> Result<Decision, Failure> {
        let Request { stage_arn, key } = Request::read(event)?;
        let key = key?;
        let found = self.keys.find(&key.hash(&self.pepper), now).await?;
        let record = found.ok_or_else(|| Failure::Unknown(key.id()))?;
        if !record.is_valid(now) {
            return Err(Failure::Void(key.id()));
        }
        let scope = format!("{}/{}", record.tenant, record.user);
        let take = self.rates.take(&scope, &record.rate, invocation_id, now);
        let taken = tokio::time::timeout(RATE_PATIENCE, take)
            .await
            .map_err(|late| StoreError { store: "limits", cause: Box::new(late) })??;
        Ok(Decision { record, taken, stage_arn })
    }
}

impl Decision {
    fn into_answer(self, refusal: Refusal) -> Answer {
        let Self { record, taken, stage_arn } = self;
        let caller = record.caller().to_context();
        let (effect, context) = match taken {
            Taken::Admitted(standing) => {
                (Effect::Allow, caller.into_iter().chain(standing_context(&standing)).collect())
            }
            Taken::Refused(verdict) => {
                let verdict = refusal_context(&record.rate, verdict);
                match refusal {
                    Refusal::Deny => (Effect::Deny, verdict.into()),
                    Refusal::Context => (Effect::Allow, caller.into_iter().chain(verdict).collect()),
                }
            }
        };
        Answer::new(effect, record.key_id.to_string(), stage_arn, context)
    }

    fn log(&self) {
        let KeyRecord { key_id, user, team, tenant, .. } = &self.record;
        let outcome = match self.taken {
            Taken::Admitted(_) => "admitted",
            Taken::Refused(_) => "rate_limited",
        };
        tracing::info!(
            outcome,
            key.id = %key_id,
            user.id = %user,
            team.id = %team,
            tenant.id = %tenant,
            "caller.judged"
        );
    }
}

impl Failure {
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Event(_) => "malformed",
            Self::Credential(_) | Self::Unknown(_) | Self::Void(_) => "unauthorized",
            Self::Store(_) => "unavailable",
        }
    }

    fn log(&self) {
        let outcome = self.outcome();
        match self {
            Self::Event(_) | Self::Store(_) => {
                tracing::error!(outcome, error = %Causes(self), "caller.not_judged");
            }
            Self::Credential(_) | Self::Unknown(_) | Self::Void(_) => {
                tracing::info!(outcome, reason = %Causes(self), "caller.judged");
            }
        }
    }
}

/// API Gateway answers 401 where the message is `Unauthorized` to the letter, and `AUTHORIZER_FAILURE` to any other.
impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_message = match &failure {
            Failure::Credential(_) | Failure::Unknown(_) | Failure::Void(_) => "Unauthorized".to_owned(),
            Failure::Event(_) | Failure::Store(_) => Causes(&failure).to_string(),
        };
        Self { error_type: failure.outcome().to_owned(), error_message }
    }
}

#[cfg(test)]
mod tests;
