//! In which order targets are asked, and why.

use serde::{Deserialize, Serialize};

use crate::semantic::millionths::Millionths;

/// Why a target is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Its share of the users.
    Weight,
    /// It is the first of the order.
    FailoverOrder,
    /// It is the fastest.
    Fastest,
    /// Too little is known of it.
    Explored,
    /// It is the cheapest.
    Cheapest,
    /// It is cheap, and may suffice.
    CheapFirst,
    /// It has the best score.
    BestScore,
    /// It made what the call goes on from.
    Continues,
    /// The call names it.
    Named,
}

/// The scores of one target, each between 0 and 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Whose.
    pub target: String,
    /// All of them, weighted.
    pub total: Millionths,
    /// Of being cheap.
    pub cost: Millionths,
    /// Of being fast.
    pub latency: Millionths,
    /// Of answering well.
    pub quality: Millionths,
    /// Of suiting the company.
    pub compliance: Millionths,
}

/// Which target is asked first, second and so on, by place among the candidates, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Places.
    pub places: Vec<usize>,
    /// Why the first one is.
    pub reason: Reason,
    /// What it was chosen by, where that is a score.
    pub scores: Vec<Score>,
}

impl Reason {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::FailoverOrder => "failover-order",
            Self::Fastest => "fastest",
            Self::Explored => "explored",
            Self::Cheapest => "cheapest",
            Self::CheapFirst => "cheap-first",
            Self::BestScore => "best-score",
            Self::Continues => "continues",
            Self::Named => "named",
        }
    }
}
