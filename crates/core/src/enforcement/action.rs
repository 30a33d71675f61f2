//! Orders, and what the audit trail keeps of each.

use serde::{Deserialize, Serialize};

use super::{Grade, Lift, Lock, Restriction, Scope, State};
use crate::settings::Flag;
use crate::time::Timestamp;

/// What is to be done, and who says so. The id makes it happen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The id of the message; of an operator's word, one of its own.
    pub id: String,
    /// When.
    pub at_us: Timestamp,
    /// Who says so.
    pub who: String,
    /// Why.
    pub why: String,
    /// What changes.
    pub change: Change,
    /// The rules that the notice has reached.
    pub taken: Vec<Taken>,
    /// What is taken away besides.
    pub locks: Vec<Wish>,
}

/// How flag and restrictions change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These come in force.
    Restrict(Vec<Restriction>),
    /// These are lifted.
    Lift(Lift),
    /// The flag alone.
    Switch {
        /// Calls are admitted.
        enabled: bool,
    },
}

/// A rule that was obeyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// How much was done.
    pub grade: Grade,
    /// For whom.
    pub scope: Scope,
    /// From which share on.
    pub at_percent: u64,
}

/// What is to be locked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Whose keys.
    pub scope: Scope,
    /// What is taken away.
    pub lock: Lock,
}

/// What locking, or unlocking, changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockReport {
    /// What became of the policy that denies calls of models, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_policy: Option<String>,
    /// Keys that were suspended, or work again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Usage plans.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<Rethrottled>,
}

/// A usage plan whose throughput was changed; requests a second and at once, such as `200/400`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rethrottled {
    /// The plan's id.
    pub plan: String,
    /// As it was found.
    pub before: String,
    /// As it is now.
    pub after: String,
}

/// An order that was carried out, as the audit trail keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The order's id.
    #[serde(rename = "action_id")]
    pub id: String,
    /// When.
    pub at_us: Timestamp,
    /// Who said so.
    pub who: String,
    /// Why.
    pub why: String,
    /// The rules that were obeyed; none where a person acted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Taken>,
    /// What was lifted, where a person lifted anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted: Option<Lift>,
    /// The state before.
    pub before: State,
    /// The state after.
    pub after: State,
    /// What is still to be locked or told: tried again with the message, until nothing is.
    #[serde(default)]
    pub is_pending: bool,
    /// What was locked or unlocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockReport>,
}

impl LockReport {
    /// Both together; what was said of the policy first counts: a second try finds it attached.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.deny_policy = self.deny_policy.or(more.deny_policy);
        self.keys.extend(more.keys);
        self.plans.extend(more.plans);
        self
    }
}

impl Order {
    /// The flag as this order writes it.
    #[must_use]
    pub fn flag(&self, enabled: bool) -> Flag {
        let (who, why) = (self.who.clone(), self.why.clone());
        Flag { enabled, who, why, since_us: self.at_us, until_us: None }
    }

    /// What the audit trail keeps. A notice leaves something to do after the state is written: people are told.
    #[must_use]
    pub fn action(&self, before: &State) -> Action {
        let lifted = match &self.change {
            Change::Lift(lift) => Some(lift.clone()),
            Change::Restrict(_) | Change::Switch { .. } => None,
        };
        Action {
            id: self.id.clone(),
            at_us: self.at_us,
            who: self.who.clone(),
            why: self.why.clone(),
            taken: self.taken.clone(),
            lifted,
            before: before.clone(),
            after: before.after(self),
            is_pending: matches!(self.change, Change::Restrict(_)),
            lock: None,
        }
    }
}

impl Action {
    /// Whether flag and restrictions mean something else than before.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.before != self.after
    }
}
