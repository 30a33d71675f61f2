//! Whom a restriction is for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::Name;

/// Everybody, or those of one tenant or team; written `everyone`, `tenant:acme`, `team:acme/search`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All calls.
    #[default]
    Everyone,
    /// The calls of a tenant.
    Tenant(Name),
    /// The calls of a team of a tenant.
    Team(Name, Name),
}

/// Why a text names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is none of everyone, tenant:TENANT, team:TENANT/TEAM")]
pub struct ScopeError(String);

impl Scope {
    /// Whether calls of this team of this tenant are meant.
    #[must_use]
    pub fn covers(&self, tenant: &Name, team: &Name) -> bool {
        match self {
            Self::Everyone => true,
            Self::Tenant(own) => own == tenant,
            Self::Team(own, of) => own == tenant && of == team,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::Tenant(tenant) => write!(f, "tenant:{tenant}"),
            Self::Team(tenant, team) => write!(f, "team:{tenant}/{team}"),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ScopeError(text.to_owned());
        let name = |text: &str| text.parse::<Name>().map_err(|_| wrong());
        match text.split_once(':') {
            None if text == "everyone" => Ok(Self::Everyone),
            Some(("tenant", tenant)) => Ok(Self::Tenant(name(tenant)?)),
            Some(("team", team)) => {
                let (tenant, team) = team.split_once('/').ok_or_else(wrong)?;
                Ok(Self::Team(name(tenant)?, name(team)?))
            }
            _ => Err(wrong()),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_written_as_it_is_read() {
        for text in ["everyone", "tenant:acme", "team:default/search"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_scope_is_said() {
        for text in ["", "all", "team:search", "tenant:", "team:a/b/c", "team:/b", "user:x", "Everyone"] {
            let said = text.parse::<Scope>().unwrap_err().to_string();

            assert_eq!(said, format!("\"{text}\" is none of everyone, tenant:TENANT, team:TENANT/TEAM"));
        }
    }

    #[test]
    fn a_scope_covers_its_own_and_no_others() {
        let (acme, search, other): (Name, Name, Name) =
            ("acme".parse().unwrap(), "search".parse().unwrap(), "other".parse().unwrap());
        let team: Scope = "team:acme/search".parse().unwrap();

        assert!(Scope::Everyone.covers(&other, &other));
        assert!(team.covers(&acme, &search) && !team.covers(&other, &search) && !team.covers(&acme, &other));
        assert!(Scope::Tenant(acme.clone()).covers(&acme, &other));
        assert!(!Scope::Tenant(acme).covers(&other, &search));
    }
}
