//! How keys are shown.

mod single;

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_core::budget::Mode;
use tollgate_core::cache::Sharing;
use tollgate_core::caller::{KeyRecord, KeyStatus, Suspension};
use tollgate_core::key::tag::Tags;
use tollgate_core::name::Name;
use tollgate_core::output_policy::OutputPolicy;
use tollgate_core::rate::RatePolicy;
use tollgate_core::time::Timestamp;

use crate::rate::Rate;
use crate::screen::{Column, Table, thousands};
use crate::usd::Usd;

pub(crate) use single::{ChangedKey, CreatedKey, Revoked, ShownKey};

/// The promise of the authorizer, which keeps what it read of a key for less than that.
pub(crate) const REVOKED_WITHIN_SECS: u64 = 10;

/// A key, without its secret and its hash.
#[derive(Debug, Serialize)]
pub(crate) struct KeyView {
    id: Name,
    user: Name,
    team: Name,
    tenant: Name,
    role: &'static str,
    status: &'static str,
    requests_per_second: String,
    burst: u32,
    requests_per_day: Option<u64>,
    key_requests_per_second: Option<String>,
    key_burst: Option<u32>,
    plan: String,
    budget_usd_day: Option<Usd>,
    budget_usd_month: Option<Usd>,
    tokens_day: Option<u64>,
    tokens_month: Option<u64>,
    budget_mode: Mode,
    tokens_per_minute: Option<u64>,
    max_concurrent: Option<u64>,
    models: Vec<String>,
    #[serde(skip_serializing_if = "is_unset")]
    output: OutputPolicy,
    cache_sharing: Sharing,
    created_at: String,
    expires_at: Option<String>,
    tags: Tags,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspension: Option<Suspension>,
}

impl KeyView {
    pub(crate) fn of(record: KeyRecord, now: Timestamp) -> Self {
        let status = match record.status {
            KeyStatus::Revoked => "revoked",
            KeyStatus::Suspended => "suspended",
            KeyStatus::Active if record.is_valid(now) => "active",
            KeyStatus::Active => "expired",
        };
        let plan = record.plan_tier().to_owned();
        Self {
            id: record.key_id,
            user: record.user,
            team: record.team,
            tenant: record.tenant,
            role: record.role.as_str(),
            status,
            requests_per_second: per_second(record.rate),
            burst: record.rate.burst,
            requests_per_day: record.rate.requests_per_day,
            key_requests_per_second: record.key_rate.map(per_second),
            key_burst: record.key_rate.map(|rate| rate.burst),
            plan,
            budget_usd_day: record.budget.day.map(Usd),
            budget_usd_month: record.budget.month.map(Usd),
            tokens_day: record.budget.day_tokens,
            tokens_month: record.budget.month_tokens,
            budget_mode: record.budget.mode,
            tokens_per_minute: record.flow.tokens_per_minute,
            max_concurrent: record.flow.max_concurrent,
            models: record.models,
            output: record.output,
            cache_sharing: record.sharing,
            created_at: record.created_at,
            expires_at: record.expires_at.map(|secs| Timestamp::from_secs(secs).to_string()),
            tags: record.tags,
            replaces: record.replaces,
            replaced_by: record.replaced_by,
            suspension: record.suspension.filter(|_| record.status == KeyStatus::Suspended),
        }
    }

    fn rate_text(&self) -> String {
        let per_day = self.requests_per_day.map(|limit| format!(", {} a day", thousands(limit)));
        format!("{}/s, burst {}{}", self.requests_per_second, self.burst, per_day.unwrap_or_default())
    }

    /// Its own rate, if it has one.
    fn key_rate_text(&self) -> Option<String> {
        let (rate, burst) = (self.key_requests_per_second.as_ref()?, self.key_burst?);
        Some(format!("{rate}/s, burst {burst}"))
    }

    fn budget_text(&self) -> String {
        let usd = [(self.budget_usd_day, "day"), (self.budget_usd_month, "month")];
        let usd = usd.into_iter().filter_map(|(limit, window)| Some(format!("{} a {window}", limit?)));
        let tokens = [(self.tokens_day, "day"), (self.tokens_month, "month")];
        let tokens = tokens
            .into_iter()
            .filter_map(|(limit, window)| Some(format!("{} tokens a {window}", thousands(limit?))));
        let limits = joined(usd.chain(tokens)).unwrap_or_else(|| "unlimited".to_owned());
        match self.budget_mode {
            Mode::Hard => limits,
            Mode::Shadow => format!("{limits} (shadow)"),
        }
    }

    /// How much its calls may use at once, if that is limited.
    fn flow_text(&self) -> Option<String> {
        let tokens = self.tokens_per_minute.map(|limit| format!("{} tokens a minute", thousands(limit)));
        let calls = self.max_concurrent.map(|limit| format!("{} at once", thousands(limit)));
        joined([tokens, calls].into_iter().flatten())
    }

    /// What is set about output, if anything is.
    fn output_text(&self) -> Option<String> {
        let OutputPolicy { default_tokens, max_tokens, stop } = &self.output;
        let caps = [("default", default_tokens), ("at most", max_tokens)];
        let caps =
            caps.iter().filter_map(|(name, cap)| cap.map(|cap| format!("{name} {} tokens", thousands(cap))));
        let stops = stop.iter().map(|stop| format!("stop at {stop:?}"));
        joined(caps.chain(stops))
    }

    fn tags_text(&self) -> Option<String> {
        joined(self.tags.iter().map(|(name, value)| format!("{name}={value}")))
    }

    /// What else there is to know: who suspended it, and which keys came before and after.
    fn note(&self) -> String {
        let by = |Suspension { who, why, since }: &Suspension| {
            format!("suspended {} by {who}: {why}", date_of(since))
        };
        let notes = [
            self.suspension.as_ref().map(by),
            self.replaces.as_ref().map(|id| format!("replaces {id}")),
            self.replaced_by.as_ref().map(|id| format!("replaced by {id}")),
        ];
        notes.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    fn models_text(&self) -> String {
        if self.models.is_empty() { "all".to_owned() } else { self.models.join(", ") }
    }
}

/// Keys, the oldest first.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct KeyList(pub(crate) Vec<KeyView>);

impl Display for KeyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "No keys.");
        }
        let columns = [
            "ID", "USER", "TEAM", "TENANT", "ROLE", "STATUS", "PLAN", "RATE", "KEY RATE", "BUDGET", "FLOW",
            "MODELS", "CREATED", "EXPIRES", "TAGS", "NOTE",
        ];
        let mut table = Table::new(columns.map(Column::Left));
        for key in &self.0 {
            table.push([
                key.id.to_string(),
                key.user.to_string(),
                key.team.to_string(),
                key.tenant.to_string(),
                key.role.to_owned(),
                key.status.to_owned(),
                key.plan.clone(),
                key.rate_text(),
                key.key_rate_text().unwrap_or_default(),
                key.budget_text(),
                key.flow_text().unwrap_or_default(),
                key.models_text(),
                date_of(&key.created_at),
                key.expires_at.as_deref().map_or_else(|| "never".to_owned(), date_of),
                key.tags_text().unwrap_or_default(),
                key.note(),
            ]);
        }
        table.fmt(f)
    }
}

fn per_second(rate: RatePolicy) -> String {
    Rate { interval_us: rate.interval_us }.to_string()
}

/// Texts with commas between them; `None` where there is none.
fn joined(texts: impl Iterator<Item = String>) -> Option<String> {
    let texts: Vec<String> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn is_unset(policy: &OutputPolicy) -> bool {
    *policy == OutputPolicy::default()
}

fn date_of(instant: &str) -> String {
    instant.split('T').next().unwrap_or(instant).to_owned()
}

#[cfg(test)]
pub(crate) mod tests;
