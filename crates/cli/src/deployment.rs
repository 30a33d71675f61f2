//! The deployment that a command works on: found by its stack's name, reached through the SDK's own environment.

use std::time::Duration;

use secrecy::SecretString;
use tollgate_aws::breakers::DynamoBreakers;
use tollgate_aws::config_store::ConfigStore;
use tollgate_aws::counters::Counters;
use tollgate_aws::entries::Entries;
use tollgate_aws::flags::DynamoFlags;
use tollgate_aws::key_register::KeyRegister;
use tollgate_aws::lanes::Lanes;
use tollgate_aws::outcomes::DynamoOutcomes;
use tollgate_aws::reports::Reports;
use tollgate_aws::sdk::{self, Patience};
use tollgate_aws::secrets::Secrets;
use tollgate_aws::settings::DynamoSettings;
use tollgate_aws::stack::Stack;
use tollgate_aws::tenants::Tenants;
use tollgate_aws::{CloudFormationClient, DynamoClient};

use crate::error::Error;

/// A person waits: who cannot be reached is told so within seconds.
const PATIENCE: Patience =
    Patience { operation: Duration::from_secs(20), attempt: Duration::from_secs(5), attempts: 3 };

/// Everything that a command may touch.
pub(crate) struct Deployment {
    pub(crate) breakers: DynamoBreakers,
    pub(crate) config: ConfigStore,
    pub(crate) counters: Counters,
    pub(crate) entries: Entries,
    pub(crate) flags: DynamoFlags,
    pub(crate) keys: KeyRegister,
    pub(crate) lanes: Lanes,
    pub(crate) outcomes: DynamoOutcomes,
    pub(crate) reports: Reports,
    pub(crate) settings: DynamoSettings,
    pub(crate) tenants: Tenants,
    secrets: Secrets,
    pepper_arn: String,
}

impl Deployment {
    /// Finds the tables of a stack.
    pub(crate) async fn find(stack: &str) -> Result<Self, Error> {
        let sdk = sdk::load(PATIENCE).await;
        let stack = Stack::find(&CloudFormationClient::new(&sdk), stack).await?;
        let tables = DynamoClient::new(&sdk);
        Ok(Self {
            breakers: DynamoBreakers::new(tables.clone(), stack.config_table.clone()).consistent(),
            config: ConfigStore::new(&tables, &stack.config_table),
            counters: Counters::new(tables.clone(), stack.limits_table.clone()),
            entries: Entries::new(tables.clone(), stack.cache_table.clone()),
            flags: DynamoFlags::new(tables.clone(), stack.config_table.clone()),
            lanes: Lanes::new(tables.clone(), stack.limits_table.clone()),
            keys: KeyRegister::new(&tables, &stack.keys_table),
            outcomes: DynamoOutcomes::new(tables.clone(), stack.rollups_table.clone()),
            reports: Reports::new(&tables, &stack.ledger_table, &stack.rollups_table),
            settings: DynamoSettings::new(tables.clone(), stack.config_table.clone()),
            tenants: Tenants::new(&tables, &stack.config_table),
            secrets: Secrets::new(&sdk),
            pepper_arn: stack.key_pepper_secret_arn,
        })
    }

    /// The secret that keys the hash of API keys.
    pub(crate) async fn pepper(&self) -> Result<SecretString, Error> {
        Ok(self.secrets.text(&self.pepper_arn).await?)
    }
}
