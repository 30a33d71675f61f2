//! Models by provider kind: OpenAI's wire over HTTPS, and Bedrock's own wires through the SDK.

#[cfg(test)]
mod broken_servers;
mod converse;
mod invoke;
mod names;
mod openai_wire;
mod runtime;

use async_trait::async_trait;
use aws_config::SdkConfig;
use tollgate_core::model::{Call, ModelError, Payload, Reply};
use tollgate_core::ports::Model;

use crate::api_keys::ApiKeys;
use crate::clock;
use crate::credentials::CallCredentials;
use crate::secrets::Secrets;
use converse::ConverseClient;
use invoke::InvokeClient;
use openai_wire::OpenaiWire;

pub use self::names::GuardrailNames;

/// Every provider kind, Bedrock's among them.
#[derive(Debug)]
pub struct Bedrock {
    credentials: CallCredentials,
    openai: OpenaiWire,
    converse: ConverseClient,
    invoke: InvokeClient,
}

/// What the clients are told beside the SDK's configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Stands in for the hosts of the catalogue on a laptop, as scheme and host.
    pub provider_endpoint: Option<String>,
    /// Whether API keys and unsigned calls may go to private addresses.
    pub allow_private: bool,
    /// Secrets with API keys to fetch at start.
    pub prefetch: Vec<String>,
}

/// Why the clients cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BedrockError {
    /// The function has no role and no keys.
    #[error("no AWS credentials are configured")]
    NoCredentials,
    /// The HTTPS client cannot be built.
    #[error("the HTTPS client cannot be built")]
    Https(#[from] reqwest::Error),
}

impl Bedrock {
    /// Builds the clients, once, and fetches the keys that are wanted at once.
    pub async fn new(config: &SdkConfig, options: Options) -> Result<Self, BedrockError> {
        let credentials = CallCredentials::new(config).ok_or(BedrockError::NoCredentials)?;
        let keys = ApiKeys::new(Secrets::new(config));
        keys.prefetch(&options.prefetch, clock::now()).await;
        Ok(Self {
            credentials,
            openai: OpenaiWire::new(options.provider_endpoint, keys, options.allow_private)?,
            converse: ConverseClient::new(config),
            invoke: InvokeClient::new(config),
        })
    }
}

#[async_trait]
impl Model for Bedrock {
    async fn call(&self, call: &Call<'_>) -> Result<Reply, ModelError> {
        let credentials = || self.credentials.for_call(&call.identity, clock::now());
        match call.payload {
            // Whether it needs AWS credentials is for the target to say: a key of OpenAI's must not wait for them.
            Payload::Openai { .. } => self.openai.call(call, &self.credentials).await,
            Payload::Converse(request) => self.converse.call(call, request, credentials().await?).await,
            Payload::Invoke(bodies) => self.invoke.call(call, bodies, credentials().await?).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use wiremock::matchers::body_partial_json;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    #[tokio::test]
    async fn without_aws_credentials_there_are_no_clients() {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).build();

        let error = Bedrock::new(&config, Options::default()).await.unwrap_err();

        assert!(matches!(error, BedrockError::NoCredentials));
    }

    #[tokio::test]
    async fn keys_that_are_wanted_at_start_are_fetched_then_and_need_not_come() {
        let vault = MockServer::start().await;
        Mock::given(body_partial_json(serde_json::json!({"SecretId": "openai-key"})))
            .respond_with(ResponseTemplate::new(400))
            .expect(1)
            .mount(&vault)
            .await;
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-2"))
            .endpoint_url(vault.uri())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let options = Options { prefetch: vec!["openai-key".to_owned()], ..Options::default() };

        assert!(Bedrock::new(&config, options).await.is_ok());
    }
}
