//! The rates of one call: its key's own, where it has one, and its user's. It is admitted by both or by none.

use std::sync::Arc;
use std::time::Duration;

use tollgate_aws::causes::Causes;
use tollgate_core::caller::KeyRecord;
use tollgate_core::ports::{Rates, StoreError, Taken};
use tollgate_core::rate::{RatePolicy, Take};

/// How long the rates may take, with all their rounds; see `RecentKeys`.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a refused call waits for what its key gets back.
const GIVE_BACK_PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct Gate {
    rates: Arc<dyn Rates>,
}

impl Gate {
    pub(crate) const fn new(rates: Arc<dyn Rates>) -> Self {
        Self { rates }
    }

    /// Takes of both rates. What is told is of the one that refuses, or else of the one that has less left.
    pub(crate) async fn take(&self, record: &KeyRecord, take: Take<'_>) -> Result<Taken, StoreError> {
        let (of_key, of_user) = tokio::time::timeout(PATIENCE, self.both(record, take))
            .await
            .map_err(|late| StoreError { store: "limits", cause: Box::new(late) })??;
        match (of_key, of_user) {
            (Some(Taken::Admitted(of_key)), Taken::Admitted(of_user)) => {
                Ok(Taken::Admitted(of_user.lesser(of_key)))
            }
            (Some(Taken::Admitted(_)), refused @ Taken::Refused(_)) => {
                if let Some(policy) = &record.key_rate {
                    self.give_back(record, policy, take).await;
                }
                Ok(refused)
            }
            (Some(refused @ Taken::Refused(_)), _) => Ok(refused),
            (None, of_user) => Ok(of_user),
        }
    }

    /// The key's first: a key that is over its own rate costs its user nothing.
    async fn both(&self, record: &KeyRecord, take: Take<'_>) -> Result<(Option<Taken>, Taken), StoreError> {
        let of_key = match &record.key_rate {
            Some(policy) => Some(self.rates.take(&key_scope(record), policy, take).await?),
            None => None,
        };
        if let Some(refused @ Taken::Refused(_)) = of_key {
            return Ok((of_key, refused));
        }
        let user_scope = format!("{}/{}", record.tenant, record.user);
        Ok((of_key, self.rates.take(&user_scope, &record.rate, take).await?))
    }

    /// The refusal stands whether or not this succeeds; where it does not, the key is a call short for a moment.
    async fn give_back(&self, record: &KeyRecord, policy: &RatePolicy, take: Take<'_>) {
        let scope = key_scope(record);
        let giving = self.rates.give_back(&scope, policy, take);
        match tokio::time::timeout(GIVE_BACK_PATIENCE, giving).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(key.id = %record.key_id, error = %Causes(&error), "rate.not_given_back");
            }
            Err(late) => {
                tracing::warn!(key.id = %record.key_id, error = %Causes(&late), "rate.not_given_back");
            }
        }
    }
}

fn key_scope(record: &KeyRecord) -> String {
    format!("key#{}", record.key_id)
}

#[cfg(test)]
mod tests;
