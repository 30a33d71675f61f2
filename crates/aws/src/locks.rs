//! The last grade: what could call a model is taken away, through a role that may do this and nothing else.

mod plans;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_sdk_apigateway as apigateway;
use aws_sdk_dynamodb as dynamodb;
use aws_sdk_iam as iam;
use futures_util::{StreamExt, stream};
use tollgate_core::caller::{KeyRecord, KeyStatus, Suspension};
use tollgate_core::enforcement::{LockReport, Scope, Wish};
use tollgate_core::name::Name;
use tollgate_core::ports::{LockError, Locks};

use crate::clock;
use crate::key_register::{KeyRegister, Switch};

pub use plans::{Plan, PlanError, parse_plans};

/// Who suspends keys: what an operator suspended is not resumed with the lock.
const WHO: &str = "enforcer";

/// Keys that are written at once.
const KEYS_AT_ONCE: usize = 16;

/// What there is to lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lockable {
    /// The role through which it is done.
    pub role_arn: String,
    /// Invoke's role, which calls models.
    pub invoke_role: String,
    /// The policy that denies it that.
    pub deny_policy_arn: String,
    /// The usage plans, with their throughput as it was deployed.
    pub plans: Vec<Plan>,
    /// The table of keys.
    pub keys_table: String,
}

/// Locks through the role.
#[derive(Clone, Debug)]
pub struct RoleLocks {
    gateway: apigateway::Client,
    iam: iam::Client,
    keys: KeyRegister,
    lockable: Lockable,
}

impl RoleLocks {
    /// The role is assumed when something is to be locked, and not before.
    pub async fn new(sdk: &SdkConfig, lockable: Lockable) -> Self {
        let role = AssumeRoleProvider::builder(&lockable.role_arn).session_name("tollgate-lock");
        let role = role.configure(sdk).build().await;
        let sdk =
            sdk.to_builder().credentials_provider(dynamodb::config::SharedCredentialsProvider::new(role));
        let sdk = sdk.build();
        Self {
            gateway: apigateway::Client::new(&sdk),
            iam: iam::Client::new(&sdk),
            keys: KeyRegister::new(&dynamodb::Client::new(&sdk), &lockable.keys_table),
            lockable,
        }
    }

    async fn is_denied(&self) -> Result<bool, LockError> {
        let attached = self.iam.list_attached_role_policies().role_name(&self.lockable.invoke_role);
        let attached = attached.send().await.map_err(cannot("the policies of invoke's role"))?;
        let arn = Some(self.lockable.deny_policy_arn.as_str());
        Ok(attached.attached_policies().iter().any(|policy| policy.policy_arn() == arn))
    }

    async fn deny(&self) -> Result<&'static str, LockError> {
        if self.is_denied().await? {
            return Ok("was attached before");
        }
        let Lockable { invoke_role, deny_policy_arn, .. } = &self.lockable;
        let attach = self.iam.attach_role_policy().role_name(invoke_role).policy_arn(deny_policy_arn);
        attach.send().await.map_err(cannot("the policies of invoke's role"))?;
        Ok("attached")
    }

    async fn allow(&self) -> Result<&'static str, LockError> {
        if !self.is_denied().await? {
            return Ok("was not attached");
        }
        let Lockable { invoke_role, deny_policy_arn, .. } = &self.lockable;
        let detach = self.iam.detach_role_policy().role_name(invoke_role).policy_arn(deny_policy_arn);
        detach.send().await.map_err(cannot("the policies of invoke's role"))?;
        Ok("detached")
    }

    async fn keys_of(
        &self,
        scope: &Scope,
        is_meant: impl Fn(&KeyRecord) -> bool,
    ) -> Result<Vec<Name>, LockError> {
        let keys = self.keys.list().await.map_err(cannot("the keys"))?;
        let meant = keys.into_iter().filter(|key| scope.covers(&key.tenant, &key.team) && is_meant(key));
        Ok(meant.map(|key| key.key_id).collect())
    }

    async fn suspend_keys(&self, scope: &Scope, why: &str) -> Result<Vec<String>, LockError> {
        let suspension =
            Suspension { who: WHO.to_owned(), why: why.to_owned(), since: clock::now().to_string() };
        let ids = self.keys_of(scope, |key| key.status == KeyStatus::Active).await?;
        let suspend = ids.into_iter().map(|id| {
            let suspension = &suspension;
            async move { (self.keys.suspend(&id, suspension).await, id) }
        });
        switched(suspend).await
    }

    async fn resume_keys(&self, scope: &Scope) -> Result<Vec<String>, LockError> {
        let is_ours = |key: &KeyRecord| {
            key.status == KeyStatus::Suspended && key.suspension.as_ref().is_some_and(|by| by.who == WHO)
        };
        let ids = self.keys_of(scope, is_ours).await?;
        switched(ids.into_iter().map(|id| async move { (self.keys.resume(&id).await, id) })).await
    }
}

#[async_trait]
impl Locks for RoleLocks {
    async fn lock(&self, wish: &Wish, why: &str) -> Result<LockReport, LockError> {
        let mut report = LockReport::default();
        if wish.lock.deny_models {
            report.deny_policy = Some(self.deny().await?.to_owned());
        }
        if let Some(throttle) = wish.lock.throttle {
            report.plans = plans::lower(&self.gateway, &self.lockable.plans, throttle).await?;
        }
        if wish.lock.suspend_keys {
            report.keys = self.suspend_keys(&wish.scope, why).await?;
        }
        Ok(report)
    }

    async fn unlock(&self, wish: &Wish) -> Result<LockReport, LockError> {
        let mut report = LockReport::default();
        if wish.lock.deny_models {
            report.deny_policy = Some(self.allow().await?.to_owned());
        }
        if wish.lock.throttle.is_some() {
            report.plans = plans::restore(&self.gateway, &self.lockable.plans).await?;
        }
        if wish.lock.suspend_keys {
            report.keys = self.resume_keys(&wish.scope).await?;
        }
        Ok(report)
    }
}

/// The keys that were changed by this; the others were changed or taken back meanwhile.
async fn switched<F>(switches: impl Iterator<Item = F>) -> Result<Vec<String>, LockError>
where
    F: Future<Output = (Result<Switch, tollgate_core::ports::StoreError>, Name)>,
{
    let mut switches = stream::iter(switches).buffer_unordered(KEYS_AT_ONCE);
    let mut ids = Vec::new();
    while let Some((switch, id)) = switches.next().await {
        if switch.map_err(cannot("the keys"))? == Switch::Done {
            ids.push(id.to_string());
        }
    }
    ids.sort();
    Ok(ids)
}

fn cannot<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl Fn(E) -> LockError {
    move |cause| LockError { what, cause: Box::new(cause) }
}

#[cfg(test)]
mod tests;
