//! One key, as the commands show it that are about one.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_core::caller::KeyRecord;
use tollgate_core::key::ApiKey;
use tollgate_core::name::Name;
use tollgate_core::time::Timestamp;

use super::{KeyView, REVOKED_WITHIN_SECS};
use crate::screen::write_fields;

impl KeyView {
    fn rights(&self) -> [(&'static str, Option<String>); 14] {
        [
            ("id", Some(self.id.to_string())),
            ("user", Some(self.user.to_string())),
            ("team", Some(self.team.to_string())),
            ("tenant", Some(self.tenant.to_string())),
            ("role", Some(self.role.to_owned())),
            ("plan", Some(self.plan.clone())),
            ("rate", Some(self.rate_text())),
            ("key rate", self.key_rate_text()),
            ("budget", Some(self.budget_text())),
            ("flow", self.flow_text()),
            ("models", Some(self.models_text())),
            ("output", self.output_text()),
            ("tags", self.tags_text()),
            ("expires", self.expires_at.clone()),
        ]
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
        writeln!(f, "{}\n", self.key)?;
        write_fields(f, &self.view.rights())?;
        writeln!(f, "\nKeep the key now: it is stored as a hash only and cannot be shown again.")
    }
}

/// A key that is there.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct ShownKey(KeyView);

impl ShownKey {
    pub(crate) fn of(record: KeyRecord, now: Timestamp) -> Self {
        Self(KeyView::of(record, now))
    }
}

impl Display for ShownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(view) = self;
        let state = [
            ("status", Some(view.status.to_owned())),
            ("created", Some(view.created_at.clone())),
            ("note", Some(view.note()).filter(|note| !note.is_empty())),
        ];
        let fields: Vec<_> = view.rights().into_iter().chain(state).collect();
        write_fields(f, &fields)
    }
}

/// A key with other limits.
#[derive(Serialize)]
pub(crate) struct ChangedKey {
    #[serde(flatten)]
    key: ShownKey,
    effective_within_secs: u64,
}

impl ChangedKey {
    pub(crate) fn of(record: KeyRecord, now: Timestamp) -> Self {
        Self { key: ShownKey::of(record, now), effective_within_secs: REVOKED_WITHIN_SECS }
    }
}

impl Display for ChangedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, effective_within_secs: secs } = self;
        write!(f, "{key}")?;
        writeln!(f, "\nIn force everywhere {secs} s from now; what was spent and counted stays.")
    }
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
