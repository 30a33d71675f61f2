//! Who may be served what was made for somebody else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::caller::Caller;

/// With whom an answer is shared; the narrower counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// With the caller's own user.
    Private,
    /// With the caller's team.
    Team,
    /// With everybody of the caller's tenant.
    #[default]
    Tenant,
}

impl Sharing {
    /// Reads its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "private" => Some(Self::Private),
            "team" => Some(Self::Team),
            "tenant" => Some(Self::Tenant),
            _ => None,
        }
    }

    /// Its name in headers and settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Team => "team",
            Self::Tenant => "tenant",
        }
    }

    /// Those who share with this caller, always within a tenant. No name has a slash or a number sign.
    #[must_use]
    pub fn circle(self, caller: &Caller) -> String {
        let Caller { tenant, team, user, .. } = caller;
        match self {
            Self::Private => format!("user#{tenant}/{user}"),
            Self::Team => format!("team#{tenant}/{team}"),
            Self::Tenant => format!("tenant#{tenant}"),
        }
    }
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrower_is_the_lesser() {
        assert!(Sharing::Private < Sharing::Team && Sharing::Team < Sharing::Tenant);
        assert_eq!(Sharing::default(), Sharing::Tenant);
    }

    #[test]
    fn every_name_reads_as_it_was_written() {
        for sharing in [Sharing::Private, Sharing::Team, Sharing::Tenant] {
            assert_eq!(Sharing::parse(sharing.as_str()), Some(sharing));
        }
        assert_eq!(Sharing::parse("public"), None);
    }
}
