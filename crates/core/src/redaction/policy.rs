//! What is taken out before a request leaves for a target.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Class;
use crate::catalogue::Guardrail;

/// Classes.
pub type Classes = BTreeSet<Class>;

/// What a target must not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redact {
    /// What is found by its form. Names have none.
    pub classes: Classes,
    /// The guardrail that finds names; they stay where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Guardrail>,
}

impl Default for Redact {
    /// All that has a form.
    fn default() -> Self {
        let classes = Class::ALL.into_iter().filter(|class| *class != Class::Name).collect();
        Self { classes, names: None }
    }
}

impl Redact {
    /// Nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { classes: Classes::new(), names: None }
    }

    /// Whether anything is taken out at all.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.classes.is_empty() && self.names.is_none()
    }

    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        if self.classes.contains(&Class::Name) {
            return Some("redact finds names by a guardrail only: \"names\" says which");
        }
        let is_empty = |guardrail: &Guardrail| guardrail.id.is_empty() || guardrail.version.is_empty();
        self.names.as_ref().is_some_and(is_empty).then_some("redact.names has no id or no version")
    }
}
