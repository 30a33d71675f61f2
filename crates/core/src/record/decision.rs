//! Why a call went where it went: the ledger explains each choice.

use serde::{Deserialize, Serialize};

use crate::routing::{Insufficient, Reason, Score};
use crate::signature::Signature;

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
    /// The signature of a call with an `Idempotency-Key`: a retry has the same, and takes the same route while the version stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Why the answer of a cheap target did not suffice, where one was asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insufficient: Option<Insufficient>,
    /// What it was chosen by, where that is a score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score>,
}
