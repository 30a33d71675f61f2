//! How keys are shown.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_core::caller::{KeyRecord, KeyStatus, Suspension};
use tollgate_core::key::ApiKey;
use tollgate_core::key::tag::Tags;
use tollgate_core::name::Name;
use tollgate_core::output_policy::OutputPolicy;
use tollgate_core::time::Timestamp;

use crate::rate::Rate;
use crate::screen::{Column, Table, thousands, write_fields};
use crate::usd::Usd;

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
    budget_usd_day: Option<Usd>,
    budget_usd_month: Option<Usd>,
    models: Vec<String>,
    #[serde(skip_serializing_if = "is_unset")]
    output: OutputPolicy,
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
        Self {
            id: record.key_id,
            user: record.user,
            team: record.team,
            tenant: record.tenant,
            role: record.role.as_str(),
            status,
            requests_per_second: Rate { interval_us: record.rate.interval_us }.to_string(),
            burst: record.rate.burst,
            requests_per_day: record.rate.requests_per_day,
            budget_usd_day: record.budget.day.map(Usd),
            budget_usd_month: record.budget.month.map(Usd),
            models: record.models,
            output: record.output,
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

    fn budget_text(&self) -> String {
        let limits = [(self.budget_usd_day, "day"), (self.budget_usd_month, "month")];
        let texts: Vec<String> =
            limits.into_iter().filter_map(|(limit, window)| Some(format!("{} a {window}", limit?))).collect();
        if texts.is_empty() { "unlimited".to_owned() } else { texts.join(", ") }
    }

    /// What is set about output, if anything is.
    fn output_text(&self) -> Option<String> {
        let OutputPolicy { default_tokens, max_tokens, stop } = &self.output;
        let caps = [("default", default_tokens), ("at most", max_tokens)];
        let caps =
            caps.iter().filter_map(|(name, cap)| cap.map(|cap| format!("{name} {} tokens", thousands(cap))));
        let stops = stop.iter().map(|stop| format!("stop at {stop:?}"));
        let texts: Vec<String> = caps.chain(stops).collect();
        (!texts.is_empty()).then(|| texts.join(", "))
    }

    fn tags_text(&self) -> Option<String> {
        let texts: Vec<String> = self.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!texts.is_empty()).then(|| texts.join(", "))
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

/// A new key: the one answer that holds a secret.
#[derive(Serialize)]
pub(crate) struct CreatedKey {
    key: String,
    #[serde(flatten)]
    view: KeyView,
}

impl CreatedKey {
    pub(crate) fn of(key: &ApiKey, record: KeyRecord, now: Timestamp) -> Self {
        Self { key: key.expose().to_owned(), view: KeyView::of(record, now) }
    }
}

impl Display for CreatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = &self.view;
        writeln!(f, "{}\n", self.key)?;
        write_fields(
            f,
            &[
                ("id", Some(view.id.to_string())),
                ("user", Some(view.user.to_string())),
                ("team", Some(view.team.to_string())),
                ("tenant", Some(view.tenant.to_string())),
                ("role", Some(view.role.to_owned())),
                ("rate", Some(view.rate_text())),
                ("budget", Some(view.budget_text())),
                ("models", Some(view.models_text())),
                ("output", view.output_text()),
                ("tags", view.tags_text()),
                ("expires", view.expires_at.clone()),
            ],
        )?;
        writeln!(f, "\nKeep the key now: it is stored as a hash only and cannot be shown again.")
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
            "ID", "USER", "TEAM", "TENANT", "ROLE", "STATUS", "RATE", "BUDGET", "MODELS", "CREATED",
            "EXPIRES", "TAGS", "NOTE",
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
                key.rate_text(),
                key.budget_text(),
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

fn is_unset(policy: &OutputPolicy) -> bool {
    *policy == OutputPolicy::default()
}

fn date_of(instant: &str) -> String {
    instant.split('T').next().unwrap_or(instant).to_owned()
}

/// A key that was taken back.
#[derive(Debug, Serialize)]
pub(crate) struct Revoked {
    pub(crate) id: Name,
    pub(crate) was_revoked: bool,
    pub(crate) effective_within_secs: u64,
}

impl Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.was_revoked {
            return writeln!(f, "{} was revoked before.", self.id);
        }
        writeln!(
            f,
            "{} is revoked. No call is admitted with it {} s from now.",
            self.id, self.effective_within_secs
        )
    }
}

#[cfg(test)]
pub(crate) mod tests;
