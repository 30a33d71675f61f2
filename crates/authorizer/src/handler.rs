//! One invocation: key, rate, verdict.

use std::sync::Arc;

use lambda_runtime::Diagnostic;
use secrecy::SecretString;
use serde_json::{Value, json};
use tollgate_aws::causes::Causes;
use tollgate_core::caller::{KeyRecord, refusal_context, standing_context};
use tollgate_core::metrics::{Brake, Refusals};
use tollgate_core::ports::{Keys, Rates, StoreError, Taken};
use tollgate_core::rate::Take;
use tollgate_core::time::Timestamp;

pub use crate::answer::Answer;
use crate::answer::{Effect, Subject};
use crate::config::Refusal;
use crate::costs::Costs;
use crate::gate::Gate;
use crate::recent_keys::RecentKeys;
use crate::request::{CredentialError, EventError, Request};

/// The function's handler.
pub struct Handler {
    keys: RecentKeys,
    gate: Gate,
    pepper: SecretString,
    rules: Rules,
}

/// How this deployment judges.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How a call over its rate is refused.
    pub refusal: Refusal,
    /// What a call costs of its rate.
    pub costs: Costs,
    /// What the values of the API keys of the plan tiers begin with.
    pub usage_key_prefix: String,
    /// Counts the calls that are over their rate.
    pub refusals: Refusals,
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
    pub fn new(keys: Arc<dyn Keys>, rates: Arc<dyn Rates>, pepper: SecretString, rules: Rules) -> Self {
        Self { keys: RecentKeys::new(keys), gate: Gate::new(rates), pepper, rules }
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
                decision.log(&self.rules.refusals, now);
                Ok(decision.into_answer(&self.rules))
            }
            Err(failure) => {
                failure.log();
                Err(failure.into())
            }
        }
    }

    async fn decide(&self, event: &Value, invocation_id: &str, now: Timestamp) -> Result<Decision, Failure> {
        let Request { stage_arn, route, key } = Request::read(event)?;
        let key = key?;
        let found = self.keys.find(&key.hash(&self.pepper), now).await?;
        let record = found.ok_or_else(|| Failure::Unknown(key.id()))?;
        if !record.is_valid(now) {
            return Err(Failure::Void(key.id()));
        }
        let take = Take { units: self.rules.costs.of(&route), request_id: invocation_id, now };
        let taken = self.gate.take(&record, take).await?;
        Ok(Decision { record, taken, stage_arn })
    }
}

impl Decision {
    fn into_answer(self, rules: &Rules) -> Answer {
        let Self { record, taken, stage_arn } = self;
        let caller = record.caller().to_context();
        let (effect, context) = match taken {
            Taken::Admitted(standing) => {
                (Effect::Allow, caller.into_iter().chain(standing_context(&standing)).collect())
            }
            Taken::Refused(refusal) => {
                let verdict = refusal_context(refusal);
                // Invoke knows a refusal by its `retryAfter`, which one for good does not have.
                match (rules.refusal, refusal.retry_after_secs()) {
                    (Refusal::Context, Some(_)) => {
                        (Effect::Allow, caller.into_iter().chain(verdict).collect())
                    }
                    (Refusal::Deny, _) | (_, None) => (Effect::Deny, verdict.into_iter().collect()),
                }
            }
        };
        let usage_key = format!("{}{}", rules.usage_key_prefix, record.plan_tier());
        let subject = Subject { key_id: record.key_id.to_string(), usage_key, resource: stage_arn };
        Answer::new(effect, subject, context)
    }

    /// A call over its rate leaves no other trace than this line, which counts it.
    fn log(&self, refusals: &Refusals, now: Timestamp) {
        let KeyRecord { key_id, user, team, tenant, .. } = &self.record;
        match self.taken {
            Taken::Admitted(_) => tracing::info!(
                outcome = "admitted",
                key.id = %key_id,
                user.id = %user,
                team.id = %team,
                tenant.id = %tenant,
                "caller.judged"
            ),
            Taken::Refused(_) => {
                let fields = json!({
                    "message": "caller.judged",
                    "outcome": "rate_limited",
                    "key.id": key_id,
                    "user.id": user,
                    "team.id": team,
                    "tenant.id": tenant,
                });
                refusals.count(Brake::Rate, (tenant, team), now, &fields);
            }
        }
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
