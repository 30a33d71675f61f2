//! Which calls a route is for: what kind of task they are, what they name, whose they are.

use serde::{Deserialize, Serialize};

use super::{Query, Route};
use crate::name::Name;
use crate::time::Timestamp;

/// A route for some calls. The first rule that fits is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What ledger and metrics call it.
    pub name: Name,
    /// Which calls.
    pub when: When,
    /// Where they go.
    pub route: Route,
}

/// What all of a rule's calls have in common; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The kind of task, such as `classification`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Name>,
    /// The model that is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The caller's team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    /// The caller's tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Name>,
}

impl When {
    /// Whether it names anything at all.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a call is one of these.
    #[must_use]
    pub fn fits(&self, query: &Query<'_>) -> bool {
        let is = |wanted: &Option<Name>, name: &Name| wanted.as_ref().is_none_or(|wanted| wanted == name);
        is(&self.team, query.team)
            && is(&self.tenant, query.tenant)
            && self.model.as_ref().is_none_or(|model| model == query.model)
            && self.task.as_ref().is_none_or(|task| query.task == Some(task))
    }
}

/// When an experiment runs: outside of it, its group is like everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// From this instant on, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<jiff::Timestamp>,
    /// Until shortly before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<jiff::Timestamp>,
}

impl Window {
    /// Whether it is open.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        self.from.is_none_or(|from| from.as_microsecond() <= micros)
            && self.until.is_none_or(|until| micros < until.as_microsecond())
    }

    /// Whether it ever opens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from.zip(self.until).is_some_and(|(from, until)| until <= from)
    }
}
