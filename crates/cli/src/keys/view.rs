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
pub(crate) mod tests {
    use tollgate_core::caller::{Budget, Role};
    use tollgate_core::key::ENTROPY_BYTES;
    use tollgate_core::key::tag::collect;
    use tollgate_core::money::Nanos;
    use tollgate_core::rate::RatePolicy;

    use super::*;

    pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

    pub(crate) fn record(id: &str) -> KeyRecord {
        let name = |text: &str| text.parse().unwrap();
        KeyRecord {
            key_id: name(id),
            user: name("alice"),
            team: name("search"),
            tenant: name("default"),
            role: Role::Caller,
            status: KeyStatus::Active,
            rate: RatePolicy { interval_us: 100_000, burst: 20, requests_per_day: None },
            budget: Budget::default(),
            models: Vec::new(),
            output: OutputPolicy::default(),
            created_at: "2026-11-20T08:00:00Z".to_owned(),
            expires_at: None,
            tags: Tags::new(),
            replaces: None,
            replaced_by: None,
            suspension: None,
        }
    }

    fn limited() -> KeyRecord {
        KeyRecord {
            status: KeyStatus::Revoked,
            rate: RatePolicy { interval_us: 2_000_000, burst: 1, requests_per_day: Some(10_000) },
            budget: Budget { day: Some(Nanos(12_500_000_000)), month: Some(Nanos(100_000_000_000)) },
            models: vec!["gpt-5.5".to_owned(), "gpt-oss-120b".to_owned()],
            output: OutputPolicy {
                max_tokens: Some(4_000),
                stop: vec!["END".to_owned()],
                ..OutputPolicy::default()
            },
            expires_at: Some(NOW.as_secs() + 60),
            ..record("k2")
        }
    }

    #[test]
    fn keys_are_listed_with_their_limits() {
        let expired = KeyRecord { expires_at: Some(NOW.as_secs()), ..record("k3") };
        let keys = [record("k1"), limited(), expired].map(|key| KeyView::of(key, NOW));

        insta::assert_snapshot!(KeyList(keys.into()), @"
        ID  USER   TEAM    TENANT   ROLE    STATUS   RATE                          BUDGET                         MODELS                 CREATED     EXPIRES     TAGS  NOTE
        k1  alice  search  default  caller  active   10/s, burst 20                unlimited                      all                    2026-11-20  never
        k2  alice  search  default  caller  revoked  0.5/s, burst 1, 10,000 a day  $12.50 a day, $100.00 a month  gpt-5.5, gpt-oss-120b  2026-11-20  2026-11-22
        k3  alice  search  default  caller  expired  10/s, burst 20                unlimited                      all                    2026-11-20  2026-11-22
        ");
        insta::assert_snapshot!(KeyList(Vec::new()), @"No keys.");
    }

    #[test]
    fn a_list_says_who_suspended_a_key_and_which_keys_replace_which() {
        let suspension = Suspension {
            who: "ann".to_owned(),
            why: "it loops".to_owned(),
            since: "2026-11-22T09:00:00Z".to_owned(),
        };
        let tags = ["app=x", "env=prod"].map(|text| text.parse().unwrap());
        let suspended = KeyRecord {
            status: KeyStatus::Suspended,
            suspension: Some(suspension),
            tags: collect(tags).unwrap(),
            ..record("k1")
        };
        let replaced = KeyRecord {
            expires_at: Some(NOW.as_secs() + 86_400),
            replaced_by: Some("k3".parse().unwrap()),
            ..record("k2")
        };
        let new = KeyRecord { replaces: Some("k2".parse().unwrap()), ..record("k3") };
        let views = || [&suspended, &replaced, &new].map(|key| KeyView::of(key.clone(), NOW));

        insta::assert_snapshot!(KeyList(views().into()), @"
        ID  USER   TEAM    TENANT   ROLE    STATUS     RATE            BUDGET     MODELS  CREATED     EXPIRES     TAGS             NOTE
        k1  alice  search  default  caller  suspended  10/s, burst 20  unlimited  all     2026-11-20  never       app=x, env=prod  suspended 2026-11-22 by ann: it loops
        k2  alice  search  default  caller  active     10/s, burst 20  unlimited  all     2026-11-20  2026-11-23                   replaced by k3
        k3  alice  search  default  caller  active     10/s, burst 20  unlimited  all     2026-11-20  never                        replaces k2
        ");
        let [first, second, _] = views();
        insta::assert_json_snapshot!(first, @r#"
        {
          "id": "k1",
          "user": "alice",
          "team": "search",
          "tenant": "default",
          "role": "caller",
          "status": "suspended",
          "requests_per_second": "10",
          "burst": 20,
          "requests_per_day": null,
          "budget_usd_day": null,
          "budget_usd_month": null,
          "models": [],
          "created_at": "2026-11-20T08:00:00Z",
          "expires_at": null,
          "tags": {
            "app": "x",
            "env": "prod"
          },
          "suspension": {
            "who": "ann",
            "why": "it loops",
            "since": "2026-11-22T09:00:00Z"
          }
        }
        "#);
        assert_eq!(serde_json::json!(second)["replaced_by"], "k3");
    }

    #[test]
    fn a_new_key_is_shown_with_what_it_may() {
        let key = ApiKey::mint(&[7; ENTROPY_BYTES]);
        let created = CreatedKey::of(&key, limited(), NOW);

        insta::assert_snapshot!(created, @r#"
        tg-777777777777-77777777777777777777777777777777r8mt

        id       k2
        user     alice
        team     search
        tenant   default
        role     caller
        rate     0.5/s, burst 1, 10,000 a day
        budget   $12.50 a day, $100.00 a month
        models   gpt-5.5, gpt-oss-120b
        output   at most 4,000 tokens, stop at "END"
        expires  2026-11-22T12:01:00Z

        Keep the key now: it is stored as a hash only and cannot be shown again.
        "#);
        insta::assert_json_snapshot!(created, @r#"
        {
          "key": "tg-777777777777-77777777777777777777777777777777r8mt",
          "id": "k2",
          "user": "alice",
          "team": "search",
          "tenant": "default",
          "role": "caller",
          "status": "revoked",
          "requests_per_second": "0.5",
          "burst": 1,
          "requests_per_day": 10000,
          "budget_usd_day": "12.5",
          "budget_usd_month": "100",
          "models": [
            "gpt-5.5",
            "gpt-oss-120b"
          ],
          "output": {
            "max_tokens": 4000,
            "stop": [
              "END"
            ]
          },
          "created_at": "2026-11-20T08:00:00Z",
          "expires_at": "2026-11-22T12:01:00Z",
          "tags": {}
        }
        "#);
    }

    #[test]
    fn a_revoked_key_is_said_to_stop_in_time() {
        let revoked =
            |was_revoked| Revoked { id: "k1".parse().unwrap(), was_revoked, effective_within_secs: 10 };

        assert_eq!(revoked(false).to_string(), "k1 is revoked. No call is admitted with it 10 s from now.\n");
        assert_eq!(revoked(true).to_string(), "k1 was revoked before.\n");
    }
}
