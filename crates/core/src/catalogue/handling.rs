//! What a target's provider does with what it is told, and how well it does its work. Where the catalogue says nothing,
//! nothing is known.

use serde::{Deserialize, Serialize};

use crate::semantic::millionths::Millionths;

/// What becomes of prompts and answers at a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Handling {
    /// Where they may be processed, if elsewhere than in the region that is called; `us-*` stands for all that begin so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processed_in: Vec<String>,
    /// The agreement with the provider, by the name that constraints use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// How many days the provider keeps them; 0 where it keeps nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Whether it trains models on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trains: Option<bool>,
}

/// How good a target is, each between 0 and 1, for routes that choose by a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Merit {
    /// How well it answers, before anybody has told.
    pub quality: Millionths,
    /// How well it suits the company.
    pub compliance: Millionths,
}

impl Default for Merit {
    fn default() -> Self {
        Self { quality: Millionths::new(500_000), compliance: Millionths::new(500_000) }
    }
}

impl Merit {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Handling {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Where a call of this model in this region may be processed. A profile of Bedrock's across regions says by its first
    /// part where it goes: `us.` to any region of the United States, `global.` anywhere.
    #[must_use]
    pub fn regions(&self, region: &str, model_id: &str) -> Vec<String> {
        if !self.processed_in.is_empty() {
            return self.processed_in.clone();
        }
        let spread = match model_id.split_once('.').map(|(first, _)| first) {
            Some("us") => Some("us-*"),
            Some("eu") => Some("eu-*"),
            Some("apac" | "jp" | "au") => Some("ap-*"),
            Some("in") => Some("ap-south-*"),
            Some("global") => Some("*"),
            _ => None,
        };
        vec![spread.unwrap_or(region).to_owned()]
    }
}
