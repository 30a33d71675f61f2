//! What an operator sets about the cache, by route.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cache::purge::LONGEST_KEPT;
use crate::cache::sharing::Sharing;
use crate::semantic::policy::SemanticPolicy;

/// How long identical calls wait for the first, where nothing else is said.
const WAIT_MS: u64 = 5_000;

/// No caller waits for longer before a model is asked.
const LONGEST_WAIT_MS: u64 = 30_000;

/// The cache of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CachePolicy {
    /// How long an answer is served, in seconds; the function's own setting where absent, not at all where 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_secs: Option<u64>,
    /// With whom answers are shared at most.
    pub sharing: Sharing,
    /// Whether white space outside of code means nothing.
    pub folds_space: bool,
    /// How long identical calls wait for the first; not at all where 0.
    pub wait_ms: u64,
    /// Raised by an operator, it leaves all earlier entries of the route behind.
    pub version: u32,
    /// Whether questions that mean the same share an answer, and how that is decided; they do not where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<SemanticPolicy>,
}

impl Default for CachePolicy {
    fn default() -> Self {
        Self {
            ttl_secs: None,
            sharing: Sharing::default(),
            folds_space: false,
            wait_ms: WAIT_MS,
            version: 0,
            semantic: None,
        }
    }
}

impl CachePolicy {
    /// How long an answer is served, where `default` is the function's own setting.
    #[must_use]
    pub fn ttl(&self, default: Duration) -> Duration {
        self.ttl_secs.map_or(default, Duration::from_secs).min(LONGEST_KEPT)
    }

    /// How long identical calls wait for the first.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }

    /// Why it cannot be right, if it cannot.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if self.ttl_secs.is_some_and(|secs| secs > LONGEST_KEPT.as_secs()) {
            return Some(format!("an answer is kept for at most {} seconds", LONGEST_KEPT.as_secs()));
        }
        if self.wait_ms > LONGEST_WAIT_MS {
            return Some(format!("identical calls wait for at most {LONGEST_WAIT_MS} ms"));
        }
        self.semantic.as_ref().and_then(SemanticPolicy::fault).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_route_does_not_say_is_the_functions_own() {
        let policy: CachePolicy = serde_json::from_str("{}").unwrap();

        assert_eq!(policy, CachePolicy::default());
        assert_eq!(policy.ttl(Duration::from_secs(60)), Duration::from_secs(60));
        let off: CachePolicy = serde_json::from_str(r#"{"ttl_secs": 0, "sharing": "team"}"#).unwrap();
        assert_eq!((off.ttl(Duration::from_secs(60)), off.sharing), (Duration::ZERO, Sharing::Team));
    }

    #[test]
    fn what_cannot_be_right_is_said() {
        assert!(CachePolicy { ttl_secs: Some(2_592_001), ..CachePolicy::default() }.fault().is_some());
        assert!(CachePolicy { wait_ms: 30_001, ..CachePolicy::default() }.fault().is_some());
        assert_eq!(CachePolicy::default().fault(), None);
        let fixed = r#"{"semantic": {"mode": "fixed"}}"#;
        assert!(serde_json::from_str::<CachePolicy>(fixed).unwrap().fault().is_some());
        assert!(serde_json::from_str::<CachePolicy>(r#"{"ttl": 5}"#).is_err());
        assert!(serde_json::from_str::<CachePolicy>(r#"{"sharing": "public"}"#).is_err());
    }
}
