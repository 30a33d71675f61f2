//! `tollgate flag` and `tollgate resume`: the kill switch.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_core::settings::Flag;

/// The flag, with its time for people.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FlagView {
    enabled: bool,
    who: String,
    why: String,
    since: String,
}

impl FlagView {
    pub(crate) fn of(flag: Flag) -> Self {
        Self { enabled: flag.enabled, who: flag.who, why: flag.why, since: flag.since_us.to_string() }
    }
}

impl Display for FlagView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.enabled { "on: calls are admitted" } else { "off: every call is refused" };
        write!(f, "{state}, since {} by {} ({})", self.since, self.who, self.why)
    }
}
