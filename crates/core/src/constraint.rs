//! Where a call may go at all: what its tenant, its residency and its class of data allow. No failover, no strategy and no
//! continuation goes past it, because targets that are not allowed are never candidates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalogue::Target;
use crate::error::Error;
use crate::name::Name;

/// The header that names a residency.
pub const RESIDENCY_HEADER: &str = "x-tollgate-residency";

/// The header that says what kind of data the prompt holds.
pub const DATA_CLASS_HEADER: &str = "x-tollgate-data-class";

/// The header that says what kind of task it is.
pub const TASK_HEADER: &str = "x-tollgate-task";

/// The header that names the target that serves the call; only of keys that may.
pub const TARGET_HEADER: &str = "x-tollgate-target";

/// The class of those who name none.
pub const GENERAL: &str = "general";

/// The class that needs no entry in the routing document.
pub const PERSONAL: &str = "personal";

/// What a target must be. What is absent does not matter; what the catalogue does not say of a target is not allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constraint {
    /// Regions in which it may be processed; `eu-*` stands for all that begin so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
    /// Providers, by the names that routing weighs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub providers: Option<Vec<String>>,
    /// Agreements, one of which the provider has signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreements: Option<Vec<String>>,
    /// How many days the provider may keep prompts and answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retention_days: Option<u32>,
    /// The provider must not train models on them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_training: bool,
}

/// The constraints of the routing document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constraints {
    /// By tenant.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<Name, Constraint>,
    /// By what callers name as `x-tollgate-residency`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub residencies: BTreeMap<Name, Constraint>,
    /// By what callers name as `x-tollgate-data-class`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data_classes: BTreeMap<Name, Constraint>,
}

/// What a call's headers say of where it may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Where its data must stay.
    pub residency: Option<Name>,
    /// What kind of data it holds; general where absent.
    pub data_class: Option<Name>,
    /// What kind of task it is.
    pub task: Option<Name>,
    /// The one target that may serve it, by its id.
    pub target: Option<String>,
}

impl Terms {
    /// Reads headers; `read` gives the value of one, by its name in small letters.
    pub fn read(read: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let name = |header: &str| named_in(header, read(header).as_deref());
        Ok(Self {
            residency: name(RESIDENCY_HEADER)?,
            data_class: name(DATA_CLASS_HEADER)?,
            task: name(TASK_HEADER)?,
            target: read(TARGET_HEADER),
        })
    }
}

/// The name that a header holds.
pub(crate) fn named_in(header: &str, value: Option<&str>) -> Result<Option<Name>, Error> {
    let wrong =
        |_| Error::invalid(header, format!("{header} is a name: 1 to 64 characters of A-Z a-z 0-9 . _ @ -"));
    value.map(|value| value.parse().map_err(wrong)).transpose()
}

impl Constraint {
    /// Whether a target is one of those.
    #[must_use]
    pub fn allows(&self, target: &Target) -> bool {
        let listed = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|one| one == name))
        };
        let regions = target.regions();
        let stays = |allowed: &Vec<String>| {
            regions.iter().all(|region| allowed.iter().any(|pattern| covers(pattern, region)))
        };
        self.regions.as_ref().is_none_or(stays)
            && listed(&self.providers, &target.provider)
            && self.agreements.as_ref().is_none_or(|agreements| {
                target.handling.agreement.as_ref().is_some_and(|agreement| agreements.contains(agreement))
            })
            && self
                .max_retention_days
                .is_none_or(|most| target.handling.retention_days.is_some_and(|days| days <= most))
            && (!self.no_training || target.handling.trains == Some(false))
    }

    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let lists =
            [("regions", &self.regions), ("providers", &self.providers), ("agreements", &self.agreements)];
        let empty = lists.into_iter().find(|(_, list)| list.as_ref().is_some_and(Vec::is_empty));
        if let Some((name, _)) = empty {
            return Some(format!("\"{name}\" is empty, which allows nothing"));
        }
        let mut patterns = self.regions.iter().flatten();
        let star = patterns.find(|pattern| pattern.trim_end_matches('*').contains('*') || pattern.is_empty());
        star.map(|pattern| format!("the region \"{pattern}\" has a star that is not at its end, or nothing"))
    }
}

impl Constraints {
    /// What holds for a call; an error where it names what nobody has defined.
    pub fn of<'a>(&'a self, tenant: &Name, terms: &Terms) -> Result<Vec<&'a Constraint>, Error> {
        let residency = named(RESIDENCY_HEADER, &self.residencies, terms.residency.as_ref(), &[])?;
        let usual = [GENERAL, PERSONAL];
        let class = named(DATA_CLASS_HEADER, &self.data_classes, terms.data_class.as_ref(), &usual)?;
        Ok(self.tenants.get(tenant).into_iter().chain(residency).chain(class).collect())
    }

    /// What is wrong with each of them.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let kinds =
            [("tenant", &self.tenants), ("residency", &self.residencies), ("data class", &self.data_classes)];
        let all =
            kinds.into_iter().flat_map(|(kind, map)| map.iter().map(move |(name, one)| (kind, name, one)));
        all.filter_map(|(kind, name, one)| one.fault().map(|fault| format!("{kind} \"{name}\": {fault}")))
            .collect()
    }
}

/// Whether a call that is under all of these may go to a target.
#[must_use]
pub fn allow(constraints: &[&Constraint], target: &Target) -> bool {
    constraints.iter().all(|constraint| constraint.allows(target))
}

/// What a caller hears whom the constraints leave no target.
#[must_use]
pub fn nothing_allowed(model: &str) -> Error {
    Error::NotAllowedAnywhere(model.to_owned())
}

fn named<'a>(
    header: &str,
    defined: &'a BTreeMap<Name, Constraint>,
    name: Option<&Name>,
    usual: &[&str],
) -> Result<Option<&'a Constraint>, Error> {
    let Some(name) = name else { return Ok(None) };
    let found = defined.get(name);
    if found.is_some() || usual.contains(&name.as_str()) {
        return Ok(found);
    }
    let known: Vec<&str> = usual.iter().copied().chain(defined.keys().map(Name::as_str)).collect();
    let known =
        if known.is_empty() { "none is defined".to_owned() } else { format!("known: {}", known.join(", ")) };
    Err(Error::invalid(header, format!("{header}: \"{name}\" is not known; {known}")))
}

/// Whether what a pattern stands for includes all that another stands for.
fn covers(pattern: &str, other: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => other.trim_end_matches('*').starts_with(begin),
        None => pattern == other,
    }
}

#[cfg(test)]
mod tests;
