//! Why a call went where it went: the ledger explains each choice.

use serde::{Deserialize, Serialize};

use crate::routing::{Reason, Score};

/// How the first target was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The name of the route; nothing for the default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub route: String,
    /// The version of the routing document.
    pub version: u64,
    /// Why it was this one.
    pub reason: Reason,
    /// What it was chosen by, where that is a score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score>,
}
