//! What the enforcer needs from the world.

use async_trait::async_trait;

use super::StoreError;
use crate::enforcement::{Action, LockReport, Order, Standing, Wish};
use crate::model::Cause;

/// Flag, restrictions and the audit trail.
#[async_trait]
pub trait Enforcement: Send + Sync {
    /// The text of the policy; `None` where nobody wrote one.
    async fn policy(&self) -> Result<Option<String>, StoreError>;
    /// The restrictions in force.
    async fn standing(&self) -> Result<Standing, StoreError>;
    /// Carries an order out, once: flag, restrictions, all copies of the head and the audit trail in one write.
    async fn act(&self, order: &Order) -> Result<Acted, StoreError>;
    /// Notes in the audit trail what was locked; `is_pending` says whether anything is left to do.
    async fn note(&self, id: &str, lock: Option<&LockReport>, is_pending: bool) -> Result<(), StoreError>;
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It was carried out now.
    Done(Box<Action>),
    /// It was carried out before, as its id says.
    Before(Box<Action>),
}

/// People who should know.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Tells them.
    async fn tell(&self, subject: &str, text: &str) -> Result<(), AlertError>;
}

/// They were not told.
#[derive(Debug, thiserror::Error)]
#[error("the alert was not sent")]
pub struct AlertError(#[source] pub Cause);

/// What could call a model: permissions, keys, throughput. Taking it away, or giving it back, twice changes nothing more.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Takes away what is wished; what is taken away already is not in the report.
    async fn lock(&self, wish: &Wish, why: &str) -> Result<LockReport, LockError>;
    /// Gives back what [`Locks::lock`] took from this scope.
    async fn unlock(&self, wish: &Wish) -> Result<LockReport, LockError>;
}

/// Something was not taken away, or not given back; what was done before it stays done.
#[derive(Debug, thiserror::Error)]
#[error("{what} could not be changed")]
pub struct LockError {
    /// What.
    pub what: &'static str,
    /// What the client library said.
    #[source]
    pub cause: Cause,
}
