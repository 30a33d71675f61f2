//! Who calls AWS: the emulator's account, or a function's role by STS.

use std::time::SystemTime;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials};
use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::clock;
use crate::emulator::ROOT_KEY;
use crate::function;
use crate::http::BoxError;

/// The emulator's account.
pub fn root() -> Credentials {
    Credentials::new(ROOT_KEY, ROOT_KEY, None, None, "emulator's account")
}

/// A function's role: every request gives fresh credentials, as each new environment of Lambda gets them.
#[derive(Clone, Debug)]
pub struct RoleCredentials {
    sts: aws_sdk_sts::Client,
    role_arn: String,
    session_name: String,
}

impl RoleCredentials {
    /// The role of the function with that name, assumed at the emulator.
    pub fn new(endpoint: &str, region: &str, role_arn: &str, function_name: &str) -> Self {
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(endpoint)
            .credentials_provider(root())
            .build();
        Self {
            sts: aws_sdk_sts::Client::from_conf(config),
            role_arn: role_arn.to_owned(),
            session_name: function_name.to_owned(),
        }
    }

    async fn assume(&self) -> Result<Credentials, CredentialsError> {
        let request = self.sts.assume_role().role_arn(&self.role_arn).role_session_name(&self.session_name);
        let answer = request.send().await.map_err(CredentialsError::provider_error)?;
        let given =
            answer.credentials.ok_or_else(|| CredentialsError::not_loaded("STS gave no credentials"))?;
        let expires_at =
            SystemTime::try_from(given.expiration).map_err(CredentialsError::invalid_configuration)?;
        let (id, secret, token) = (given.access_key_id, given.secret_access_key, given.session_token);
        Ok(Credentials::new(id, secret, Some(token), Some(expires_at), "function's role"))
    }
}

impl ProvideCredentials for RoleCredentials {
    fn provide_credentials<'a>(&'a self) -> provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        provider::future::ProvideCredentials::new(self.assume())
    }
}

impl function::CredentialsSource for RoleCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<function::Credentials, BoxError>> {
        Box::pin(async {
            let given = self.assume().await?;
            let left = given.expiry().and_then(|expiry| expiry.duration_since(clock::now()).ok());
            Ok(function::Credentials {
                access_key_id: given.access_key_id().to_owned(),
                secret_access_key: given.secret_access_key().to_owned(),
                session_token: given.session_token().map(str::to_owned),
                expires_at: left.map(|left| Instant::now() + left),
            })
        })
    }
}
