//! With whose credentials a model is called: the function's own, or a tenant's role, assumed for one team.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::Client;
use aws_sdk_sts::types::Tag;
use tollgate_core::identity::Identity;
use tollgate_core::model::{Cause, ModelError};
use tollgate_core::time::Timestamp;

/// Role chaining allows no more than an hour.
const SESSION_SECS: i32 = 3_600;

/// Credentials are replaced this long before they expire: longer than the longest call.
const MARGIN: Duration = Duration::from_secs(600);

/// Credentials of this environment, per tenant and team.
#[derive(Debug)]
pub struct CallCredentials {
    own: SharedCredentialsProvider,
    sts: Client,
    assumed: Mutex<HashMap<(String, String), Assumed>>,
}

#[derive(Clone, Debug)]
struct Assumed {
    credentials: Credentials,
    role_arn: String,
    expires: Timestamp,
}

impl CallCredentials {
    /// From the function's own configuration; `None` where it has no credentials at all.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Option<Self> {
        let own = config.credentials_provider()?;
        Some(Self { own, sts: Client::new(config), assumed: Mutex::default() })
    }

    /// The credentials to call with. A role that cannot be assumed makes the target unavailable.
    pub async fn for_call(&self, identity: &Identity<'_>, now: Timestamp) -> Result<Credentials, ModelError> {
        let Some(role_arn) = &identity.tenant.role_arn else {
            return self
                .own
                .provide_credentials()
                .await
                .map_err(|error| ModelError::Unauthorized(Box::new(error)));
        };
        let key = (identity.tenant_id.to_owned(), identity.team.to_owned());
        let is_good = |known: &Assumed| known.role_arn == *role_arn && now.plus(MARGIN) < known.expires;
        if let Some(known) = self.known(&key).filter(is_good) {
            return Ok(known.credentials);
        }
        let fresh = self.assume(role_arn, identity).await.map_err(ModelError::Unauthorized)?;
        if let Ok(mut assumed) = self.assumed.lock() {
            assumed.insert(key, fresh.clone());
        }
        Ok(fresh.credentials)
    }

    fn known(&self, key: &(String, String)) -> Option<Assumed> {
        self.assumed.lock().ok()?.get(key).cloned()
    }

    async fn assume(&self, role_arn: &str, identity: &Identity<'_>) -> Result<Assumed, Cause> {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let answer = self
            .sts
            .assume_role()
            .role_arn(role_arn)
            .role_session_name(session_name(identity.team))
            .set_external_id(identity.tenant.external_id.clone())
            .duration_seconds(SESSION_SECS)
            .tags(tag("tollgate:tenant", identity.tenant_id)?)
            .tags(tag("tollgate:team", identity.team)?)
            .send()
            .await?;
        let given = answer.credentials().ok_or("STS gave no credentials")?;
        let expires = u64::try_from(given.expiration().secs()).unwrap_or_default();
        let credentials = Credentials::new(
            given.access_key_id(),
            given.secret_access_key(),
            Some(given.session_token().to_owned()),
            None,
            "tollgate-tenant",
        );
        Ok(Assumed { credentials, role_arn: role_arn.to_owned(), expires: Timestamp::from_secs(expires) })
    }
}

/// A session name has at most 64 characters of those that a team's name has too.
fn session_name(team: &str) -> String {
    format!("tollgate-{team}").chars().take(64).collect()
}

#[cfg(test)]
mod tests;
