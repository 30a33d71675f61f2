//! Models on Amazon Bedrock: the OpenAI wire over signed HTTPS, and Converse through the SDK.

mod converse;
mod invoke;
mod openai_wire;
mod runtime;
#[cfg(test)]
mod samples;

use async_trait::async_trait;
use aws_config::SdkConfig;
use tollgate_core::catalogue::Wire;
use tollgate_core::model::{Call, ModelError, Reply};
use tollgate_core::ports::Model;

use crate::clock;
use crate::credentials::CallCredentials;
use converse::ConverseClient;
use openai_wire::OpenaiWire;

/// Both wires of Bedrock.
#[derive(Debug)]
pub struct Bedrock {
    credentials: CallCredentials,
    openai: OpenaiWire,
    converse: ConverseClient,
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
    /// Builds the clients, once. `mantle_endpoint` stands in for the hosts of the catalogue on a laptop.
    pub fn new(config: &SdkConfig, mantle_endpoint: Option<String>) -> Result<Self, BedrockError> {
        Ok(Self {
            credentials: CallCredentials::new(config).ok_or(BedrockError::NoCredentials)?,
            openai: OpenaiWire::new(mantle_endpoint)?,
            converse: ConverseClient::new(config),
        })
    }
}

#[async_trait]
impl Model for Bedrock {
    async fn call(&self, call: &Call<'_>) -> Result<Reply, ModelError> {
        let credentials = self.credentials.for_call(&call.identity, clock::now()).await?;
        match &call.target.wire {
            Wire::OpenaiSigv4 { host, path_prefix, signing_name } => {
                let endpoint = openai_wire::Endpoint { host, path_prefix, signing_name };
                self.openai.call(call, &endpoint, &credentials).await
            }
            Wire::Converse { .. } => self.converse.call(call, credentials).await,
        }
    }
}
