//! Where an answer came from, as far as the caches know.

use serde::{Deserialize, Serialize};

/// Where the answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheOutcome {
    /// The exact cache.
    HitExact,
    /// An answer that was kept for a question that means the same.
    HitSemantic,
    /// A provider; the cache had nothing.
    Miss,
    /// A provider; the caller or the configuration went past the cache.
    Bypass,
    /// An earlier call of the same user under the same idempotency key. It is no hit of the cache.
    Replay,
}

impl CacheOutcome {
    /// Its name in headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HitExact => "hit-exact",
            Self::HitSemantic => "hit-semantic",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
            Self::Replay => "replay",
        }
    }

    /// Whether a kept answer was served.
    #[must_use]
    pub const fn is_hit(self) -> bool {
        matches!(self, Self::HitExact | Self::HitSemantic)
    }
}
