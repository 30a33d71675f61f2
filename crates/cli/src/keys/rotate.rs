//! `tollgate keys rotate`: a new secret for the same rights.

use std::fmt::{self, Display};

use clap::Args;
use serde::Serialize;
use tollgate_aws::clock;
use tollgate_aws::key_register::{Rotation, Successor};
use tollgate_core::caller::rotation::Rotated;
use tollgate_core::key::ApiKey;
use tollgate_core::name::Name;
use tollgate_core::time::Timestamp;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::keys::grace::Grace;
use crate::keys::view::{CreatedKey, REVOKED_WITHIN_SECS};
use crate::keys::{mint, parse_id};
use crate::screen::Screen;

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The old key's id, as keys list shows it; the key itself will do
    #[arg(value_parser = parse_id)]
    id: Name,
    /// How long the old key still works, such as 90s, 15m, 24h or 7d; 0 ends it now
    #[arg(long, value_name = "TIME", default_value = "24h")]
    grace: Grace,
}

pub(crate) async fn run(wish: Rotate, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
    let key = mint()?;
    let new_id = key.id().parse().map_err(Error::Minted)?;
    let hash = key.hash(&deployment.pepper().await?);
    let now = clock::now();
    let successor = Successor { id: &new_id, hash: &hash };
    match deployment.keys.rotate(&wish.id, successor, wish.grace.0, now).await? {
        Rotation::Done(rotated) => screen.show(&RotatedKey::of(&key, *rotated, now)),
        Rotation::Refused(why) => Err(Error::NotRotated { id: wish.id, why }),
        Rotation::Lost => Err(Error::LostRace(wish.id)),
        Rotation::Unknown => Err(Error::UnknownKey(wish.id)),
    }
}

/// The new key, and when the old one ends.
#[derive(Serialize)]
struct RotatedKey {
    #[serde(flatten)]
    new: CreatedKey,
    old_id: Name,
    old_expires_at: Option<String>,
    #[serde(skip)]
    ends_now: bool,
}

impl RotatedKey {
    fn of(key: &ApiKey, Rotated { old, new }: Rotated, now: Timestamp) -> Self {
        Self {
            // An authorizer may know the old key, without its end, for as long as a revoked one.
            ends_now: old.expires_at.is_some_and(|end| end < now.as_secs() + REVOKED_WITHIN_SECS),
            old_expires_at: old.expires_at.map(|end| Timestamp::from_secs(end).to_string()),
            old_id: old.key_id,
            new: CreatedKey::of(key, new, now),
        }
    }
}

impl Display for RotatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { new, old_id, old_expires_at, ends_now } = self;
        writeln!(f, "{new}")?;
        match old_expires_at {
            _ if *ends_now => {
                writeln!(
                    f,
                    "It replaces {old_id}, with which no call is admitted {REVOKED_WITHIN_SECS} s from now."
                )
            }
            Some(end) => writeln!(f, "It replaces {old_id}, which works until {end}."),
            None => writeln!(f, "It replaces {old_id}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tollgate_core::key::ENTROPY_BYTES;

    use super::*;
    use crate::keys::view::tests::{NOW, record};

    fn shown(grace_secs: u64) -> RotatedKey {
        let key = ApiKey::mint(&[7; ENTROPY_BYTES]);
        let new_id = key.id().parse().unwrap();
        let rotated = record("k1").rotate(new_id, Duration::from_secs(grace_secs), NOW).unwrap();
        RotatedKey::of(&key, rotated, NOW)
    }

    #[test]
    fn a_rotation_shows_the_new_key_and_the_end_of_the_old_one() {
        insta::assert_snapshot!(shown(86_400), @"
        tg-777777777777-77777777777777777777777777777777r8mt

        id        777777777777
        user      alice
        team      search
        tenant    default
        role      caller
        plan      standard
        rate      10/s, burst 20
        budget    unlimited
        models    all

        Keep the key now: it is stored as a hash only and cannot be shown again.

        It replaces k1, which works until 2026-11-23T12:00:00Z.
        ");
        insta::assert_json_snapshot!(shown(86_400), @r#"
        {
          "key": "tg-777777777777-77777777777777777777777777777777r8mt",
          "id": "777777777777",
          "user": "alice",
          "team": "search",
          "tenant": "default",
          "role": "caller",
          "status": "active",
          "requests_per_second": "10",
          "burst": 20,
          "requests_per_day": null,
          "key_requests_per_second": null,
          "key_burst": null,
          "plan": "standard",
          "budget_usd_day": null,
          "budget_usd_month": null,
          "tokens_day": null,
          "tokens_month": null,
          "budget_mode": "hard",
          "tokens_per_minute": null,
          "max_concurrent": null,
          "models": [],
          "cache_sharing": "tenant",
          "created_at": "2026-11-22T12:00:00Z",
          "expires_at": null,
          "tags": {},
          "replaces": "k1",
          "old_id": "k1",
          "old_expires_at": "2026-11-23T12:00:00Z"
        }
        "#);
    }

    #[test]
    fn a_rotation_without_grace_promises_what_a_revocation_does() {
        let text = shown(0).to_string();

        assert!(text.ends_with("It replaces k1, with which no call is admitted 10 s from now.\n"), "{text}");
    }
}
