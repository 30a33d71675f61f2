//! What operators set while traffic flows: the flag, and which version of each document is in force.

use serde::{Deserialize, Serialize};

use crate::enforcement::Standing;
use crate::time::Timestamp;

/// How many copies of the head there are, so that no partition is read more than its share.
pub const HEAD_COPIES: u8 = 16;

/// The oldest that a head may be when it is used; older, the call waits for a fresh one. What may come between its use and
/// the attempt (the ledger, STS) takes at most 4 s, so that no attempt starts later than 5 s after the flag is written.
pub const HEAD_MAX_AGE: std::time::Duration = std::time::Duration::from_secs(1);

/// Whether models may be called, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// Calls are admitted.
    pub enabled: bool,
    /// Who wrote it: a person, or the part of the suite.
    pub who: String,
    /// Why, in words that a refused caller may read.
    pub why: String,
    /// When it was written, in microseconds.
    pub since_us: Timestamp,
    /// When a stop ends by itself, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_us: Option<Timestamp>,
}

impl Flag {
    /// Whether calls are admitted at this moment.
    #[must_use]
    pub fn admits(&self, now: Timestamp) -> bool {
        self.enabled || self.until_us.is_some_and(|until| until <= now)
    }
}

/// What every call reads first, in one small item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The kill switch.
    pub flag: Flag,
    /// Version of the catalogue.
    pub catalogue: u64,
    /// Version of the prices.
    pub prices: u64,
    /// Version of the routing.
    pub routing: u64,
    /// Version of the budgets.
    #[serde(default)]
    pub budgets: u64,
    /// Version of the purges of the cache.
    #[serde(default)]
    pub purges: u64,
    /// Version of the enforcement policy.
    #[serde(default)]
    pub enforcement: u64,
    /// Who may not call, or only within caps.
    #[serde(default, skip_serializing_if = "Standing::is_empty")]
    pub standing: Standing,
}

impl Head {
    /// The version of a document that is in force; 0 where there is none.
    #[must_use]
    pub const fn version(&self, document: Document) -> u64 {
        match document {
            Document::Catalogue => self.catalogue,
            Document::Prices => self.prices,
            Document::Routing => self.routing,
            Document::Budgets => self.budgets,
            Document::Purges => self.purges,
            Document::Enforcement => self.enforcement,
        }
    }
}

/// The documents in the config table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// [`crate::catalogue::Catalogue`].
    Catalogue,
    /// [`crate::catalogue::Prices`].
    Prices,
    /// [`crate::routing::Routing`].
    Routing,
    /// [`crate::budgets::Budgets`].
    Budgets,
    /// [`crate::cache::purge::Purges`].
    Purges,
    /// [`crate::enforcement::Policy`].
    Enforcement,
}

impl Document {
    /// All of them, in the order in which they are checked and written.
    pub const ALL: [Self; 6] =
        [Self::Catalogue, Self::Prices, Self::Routing, Self::Budgets, Self::Purges, Self::Enforcement];

    /// The id of its item.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Prices => "prices",
            Self::Routing => "routing-config",
            Self::Budgets => "budgets",
            Self::Purges => "purges",
            Self::Enforcement => "enforcement",
        }
    }

    /// The attribute of the head that holds its version.
    #[must_use]
    pub const fn version_attribute(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Prices => "prices",
            Self::Routing => "routing",
            Self::Budgets => "budgets",
            Self::Purges => "purges",
            Self::Enforcement => "enforcement",
        }
    }
}

/// A tenant: the account in which its calls run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The role to assume there; the gateway's own account where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// The id of copy `copy` of the head.
#[must_use]
pub fn head_id(copy: u8) -> String {
    format!("head#{:02}", copy % HEAD_COPIES)
}

/// The id of a tenant's item.
#[must_use]
pub fn tenant_id(tenant: &crate::name::Name) -> String {
    format!("tenant#{tenant}")
}

/// The id of the flag's own item, which keeps who, why and when.
pub const FLAG_ID: &str = "flag#bedrock_invoke";

/// The id of the item with the secret that calls are signed with.
pub const SIGNING_ID: &str = "signing-key";

/// The id of the item with the restrictions in force.
pub const STANDING_ID: &str = "standing";

/// The id of an order's item in the audit trail begins so.
pub const ACTION_PREFIX: &str = "action#";
