//! How an entry is shown.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_aws::reports::DaySum;
use tollgate_core::cache::About;
use tollgate_core::name::Name;
use tollgate_core::time::Timestamp;

use crate::screen::{thousands, write_fields};
use crate::usd::Usd;

/// An entry: everything but what was answered.
#[derive(Debug, Serialize)]
pub(super) struct EntryView {
    key: String,
    tenant: Name,
    model: String,
    target: String,
    template: Option<String>,
    tags: Vec<Name>,
    asked: String,
    seconds_left: u64,
    purged: bool,
    cost_usd: Usd,
    tokens: u64,
    hits: u64,
    last_access: Option<String>,
}

impl EntryView {
    pub(super) fn of(key: String, about: &About, purged: bool, days: &[DaySum], now: Timestamp) -> Self {
        let hits: i64 = days.iter().map(|day| day.hits).sum();
        Self {
            key,
            tenant: about.labels.tenant.clone(),
            model: about.labels.model.clone(),
            target: about.target.clone(),
            template: about.labels.template.as_ref().map(ToString::to_string),
            tags: about.labels.tags.clone(),
            asked: about.asked_us.to_string(),
            seconds_left: seconds_left(about, purged, now),
            purged,
            cost_usd: Usd(about.cost_nanos),
            tokens: about.usage.total(),
            hits: u64::try_from(hits).unwrap_or(0),
            last_access: days.iter().filter_map(|day| day.last_us).max().map(|at| at.to_string()),
        }
    }
}

/// How long an entry will still be served.
pub(super) const fn seconds_left(about: &About, purged: bool, now: Timestamp) -> u64 {
    if purged { 0 } else { about.expires_at.saturating_sub(now.as_secs()) }
}

impl Display for EntryView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let purged = if self.purged { " (purged)" } else { "" };
        let tags: Vec<&str> = self.tags.iter().map(Name::as_str).collect();
        write_fields(
            f,
            &[
                ("key", Some(self.key.clone())),
                ("tenant", Some(self.tenant.to_string())),
                ("model", Some(format!("{}, answered by {}", self.model, self.target))),
                ("template", self.template.clone()),
                ("tags", (!tags.is_empty()).then(|| tags.join(", "))),
                ("asked", Some(self.asked.clone())),
                ("seconds left", Some(format!("{}{purged}", thousands(self.seconds_left)))),
                ("saves", Some(format!("{} and {} tokens a hit", self.cost_usd, thousands(self.tokens)))),
                ("hits", Some(thousands(self.hits))),
                ("last access", self.last_access.clone()),
            ],
        )
    }
}
