//! The deployment that a command works on: found by its stack's name, reached through the SDK's own environment.

use std::time::Duration;

use secrecy::SecretString;
use tollgate_aws::breakers::DynamoBreakers;
use tollgate_aws::bypasses::Bypasses;
use tollgate_aws::comparison::Comparer;
use tollgate_aws::config_store::ConfigStore;
use tollgate_aws::counters::Counters;
use tollgate_aws::enforcement::DynamoEnforcement;
use tollgate_aws::entries::Entries;
use tollgate_aws::key_register::KeyRegister;
use tollgate_aws::lanes::Lanes;
use tollgate_aws::locks::{Lockable, RoleLocks, parse_plans};
use tollgate_aws::meters::Meters;
use tollgate_aws::outcomes::DynamoOutcomes;
use tollgate_aws::outlook::Outlook;
use tollgate_aws::reports::Reports;
use tollgate_aws::sdk::{self, Patience, SdkConfig};
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
    pub(crate) bypasses: Bypasses,
    pub(crate) comparer: Comparer,
    pub(crate) outlook: Outlook,
    pub(crate) config: ConfigStore,
    pub(crate) counters: Counters,
    pub(crate) enforcement: DynamoEnforcement,
    pub(crate) entries: Entries,
    pub(crate) keys: KeyRegister,
    pub(crate) lanes: Lanes,
    pub(crate) outcomes: DynamoOutcomes,
    pub(crate) reports: Reports,
    pub(crate) settings: DynamoSettings,
    pub(crate) tenants: Tenants,
    secrets: Secrets,
    stack: Stack,
    sdk: SdkConfig,
}

impl Deployment {
    /// Finds the tables of a stack.
    pub(crate) async fn find(stack: &str) -> Result<Self, Error> {
        let sdk = sdk::load(PATIENCE).await;
        let stack = Stack::find(&CloudFormationClient::new(&sdk), stack).await?;
        let tables = DynamoClient::new(&sdk);
        let lanes = Lanes::new(tables.clone(), stack.limits_table.clone());
        let reports = Reports::new(&tables, &stack.ledger_table, &stack.rollups_table);
        let settings = DynamoSettings::new(tables.clone(), stack.config_table.clone());
        Ok(Self {
            breakers: DynamoBreakers::new(tables.clone(), stack.config_table.clone()).consistent(),
            bypasses: Bypasses::new(&tables, &stack.rollups_table),
            comparer: Comparer::new(reports.clone(), settings.clone(), Meters::new(&sdk)),
            config: ConfigStore::new(&tables, &stack.config_table),
            counters: Counters::new(tables.clone(), stack.limits_table.clone()),
            enforcement: DynamoEnforcement::new(tables.clone(), stack.config_table.clone()),
            entries: Entries::new(tables.clone(), stack.cache_table.clone()),
            outlook: Outlook::new(reports.clone(), lanes.clone()),
            lanes,
            keys: KeyRegister::new(&tables, &stack.keys_table),
            outcomes: DynamoOutcomes::new(tables.clone(), stack.rollups_table.clone()),
            reports,
            settings,
            tenants: Tenants::new(&tables, &stack.config_table),
            secrets: Secrets::new(&sdk),
            stack,
            sdk,
        })
    }

    /// What notices may have locked, reached through the role that locked it.
    pub(crate) async fn locks(&self) -> Result<RoleLocks, Error> {
        let Stack { lock_role_arn, invoke_role, deny_policy_arn, usage_plans, keys_table, .. } = &self.stack;
        let lockable = Lockable {
            role_arn: lock_role_arn.clone(),
            invoke_role: invoke_role.clone(),
            deny_policy_arn: deny_policy_arn.clone(),
            plans: parse_plans(usage_plans)?,
            keys_table: keys_table.clone(),
        };
        Ok(RoleLocks::new(&self.sdk, lockable).await)
    }

    /// The secret that keys the hash of API keys.
    pub(crate) async fn pepper(&self) -> Result<SecretString, Error> {
        Ok(self.secrets.text(&self.stack.key_pepper_secret_arn).await?)
    }
}
