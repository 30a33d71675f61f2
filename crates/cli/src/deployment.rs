//! The deployment that a command works on: found by its stack's name, reached through the SDK's own environment.

use aws_config::SdkConfig;
use secrecy::SecretString;
use tollgate_aws::config_store::ConfigStore;
use tollgate_aws::key_register::KeyRegister;
use tollgate_aws::reports::Reports;
use tollgate_aws::sdk::{self, Patience};
use tollgate_aws::stack::Stack;
use tollgate_aws::tenants::Tenants;

use crate::error::Error;

/// Everything that a command may touch.
pub(crate) struct Deployment {
    pub(crate) config: ConfigStore,
    pub(crate) keys: KeyRegister,
    pub(crate) reports: Reports,
    pub(crate) tenants: Tenants,
    sdk: SdkConfig,
    pepper_arn: String,
}

impl Deployment {
    /// Finds the tables of a stack.
    pub(crate) async fn find(stack: &str) -> Result<Self, Error> {
        let sdk = sdk::load(Patience::LONG).await;
        let stack = Stack::find(&aws_sdk_cloudformation::Client::new(&sdk), stack).await?;
        let tables = aws_sdk_dynamodb::Client::new(&sdk);
        Ok(Self {
            config: ConfigStore::new(&tables, &stack.config_table),
            keys: KeyRegister::new(&tables, &stack.keys_table),
            reports: Reports::new(&tables, &stack.ledger_table, &stack.rollups_table),
            tenants: Tenants::new(&tables, &stack.config_table),
            sdk,
            pepper_arn: stack.key_pepper_secret_arn,
        })
    }

    /// The secret that keys the hash of API keys.
    pub(crate) async fn pepper(&self) -> Result<SecretString, Error> {
        let secrets = aws_sdk_secretsmanager::Client::new(&self.sdk);
        let reply = secrets.get_secret_value().secret_id(&self.pepper_arn).send().await;
        let secret = reply.map_err(|error| Error::Pepper(Box::new(error)))?.secret_string;
        secret.filter(|text| !text.is_empty()).map(SecretString::from).ok_or(Error::EmptyPepper)
    }
}
