//! What an operator sets about the output of calls: by route, by team, by key.

use serde::{Deserialize, Serialize};

/// Caps and stop sequences; nothing where absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutputPolicy {
    /// The output cap of a call that names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_tokens: Option<u64>,
    /// The highest output cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Stop sequences of a call that names none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

impl OutputPolicy {
    /// This policy within a wider one: its own defaults go first, and the lower cap counts.
    #[must_use]
    pub fn within(&self, wider: &Self) -> Self {
        let lower = match (self.max_tokens, wider.max_tokens) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let stop = if self.stop.is_empty() { &wider.stop } else { &self.stop };
        Self {
            default_tokens: self.default_tokens.or(wider.default_tokens),
            max_tokens: lower,
            stop: stop.clone(),
        }
    }

    /// Why it cannot be right, if it cannot.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        if self.default_tokens == Some(0) || self.max_tokens == Some(0) {
            return Some("an output cap is at least 1");
        }
        if self.stop.len() > 4 || self.stop.iter().any(String::is_empty) {
            return Some("there are at most four stop sequences, none of them empty");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(default_tokens: Option<u64>, max_tokens: Option<u64>, stop: &[&str]) -> OutputPolicy {
        let stop = stop.iter().map(|&text| text.to_owned()).collect();
        OutputPolicy { default_tokens, max_tokens, stop }
    }

    #[test]
    fn the_narrower_policy_sets_the_defaults_and_the_lower_cap_counts() {
        let team = policy(Some(100), Some(1_000), &["END"]);

        assert_eq!(policy(Some(50), Some(2_000), &[]).within(&team), policy(Some(50), Some(1_000), &["END"]));
        assert_eq!(policy(None, Some(10), &["x"]).within(&team), policy(Some(100), Some(10), &["x"]));
        assert_eq!(OutputPolicy::default().within(&team), team);
    }

    #[test]
    fn what_cannot_be_right_is_said() {
        assert_eq!(policy(Some(0), None, &[]).fault(), Some("an output cap is at least 1"));
        assert!(policy(None, None, &["a", "b", "c", "d", "e"]).fault().is_some());
        assert_eq!(policy(Some(1), Some(1), &["a"]).fault(), None);
    }
}
