//! The credentials that an environment is born with, as its function's role would give them.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::http::BoxError;

/// Credentials of one environment.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    /// An environment is given no work that could outlive its credentials.
    pub expires_at: Option<Instant>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    pub(crate) fn variables(&self) -> BTreeMap<&'static str, &str> {
        let mut variables = BTreeMap::from([
            ("AWS_ACCESS_KEY_ID", self.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.as_str()),
        ]);
        if let Some(token) = &self.session_token {
            variables.insert("AWS_SESSION_TOKEN", token);
        }
        variables
    }
}

/// Where each new environment gets its credentials.
pub trait CredentialsSource: Send + Sync {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, BoxError>>;
}

/// The same credentials for every environment, for ever.
#[derive(Clone, Debug)]
pub struct StaticCredentials(pub Credentials);

impl CredentialsSource for StaticCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, BoxError>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}
