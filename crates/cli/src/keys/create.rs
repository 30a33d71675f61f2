//! `tollgate keys create`: a new key, shown this once.

use clap::Args;
use tollgate_aws::clock;
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::caller::{KeyRecord, KeyStatus, Role};
use tollgate_core::key::tag::Tags;
use tollgate_core::name::Name;
use tollgate_core::output_policy::OutputPolicy;
use tollgate_core::ports::Settings;
use tollgate_core::rate::RatePolicy;
use tollgate_core::time::Timestamp;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::keys::limits::{Limits, Without};
use crate::keys::view::CreatedKey;
use crate::keys::{check_named_models, mint};
use crate::screen::Screen;

const SECS_PER_DAY: u64 = 86_400;

/// Ten requests a second, twenty at once.
const RATE: RatePolicy = RatePolicy { interval_us: 100_000, burst: 20, requests_per_day: None };

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Who calls with it; limits and budgets are the user's, whatever the number of keys
    #[arg(long)]
    user: Name,
    /// Who pays
    #[arg(long)]
    team: Name,
    /// In whose account the calls run
    #[arg(long, default_value = "default")]
    tenant: Name,
    #[command(flatten)]
    limits: Limits,
    /// Days until it stops working; never where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3650))]
    expires_in_days: Option<u64>,
}

pub(crate) async fn run(wish: Create, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
    if wish.tenant != Name::default_tenant() {
        let tenant = deployment.settings.tenant(wish.tenant.as_str()).await?;
        tenant.ok_or_else(|| Error::UnknownTenant(wish.tenant.clone()))?;
    }
    check_named_models(&wish.limits.models, deployment).await?;
    let key = mint()?;
    let now = clock::now();
    let record = wish.record(key.id().parse().map_err(Error::Minted)?, now)?;
    deployment.keys.enter(&key.hash(&deployment.pepper().await?), &record).await?;
    screen.show(&CreatedKey::of(&key, record, now))
}

impl Create {
    fn record(self, key_id: Name, now: Timestamp) -> Result<KeyRecord, Error> {
        let bare = KeyRecord {
            key_id,
            user: self.user,
            team: self.team,
            tenant: self.tenant,
            role: Role::Caller,
            status: KeyStatus::Active,
            rate: RATE,
            key_rate: None,
            plan: None,
            budget: Budget::UNLIMITED,
            flow: FlowPolicy::default(),
            models: Vec::new(),
            output: OutputPolicy::default(),
            sharing: tollgate_core::cache::Sharing::default(),
            created_at: now.to_string(),
            expires_at: self.expires_in_days.map(|days| now.as_secs() + days * SECS_PER_DAY),
            tags: Tags::new(),
            replaces: None,
            replaced_by: None,
            suspension: None,
        };
        self.limits.change(Without::default()).apply(&bare).map_err(Error::NotCreated)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tollgate_core::budget::Mode;
    use tollgate_core::money::Nanos;

    use super::*;
    use crate::keys::view::tests::NOW;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        create: Create,
    }

    fn record(words: &str) -> Result<KeyRecord, String> {
        let words = "create --user ann --team life ".to_owned() + words;
        let flags = Flags::try_parse_from(words.split_whitespace()).map_err(|error| error.to_string())?;
        flags.create.record("k1".parse().unwrap(), NOW).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_of_which_nothing_is_said_has_the_defaults() {
        let record = record("").unwrap();

        assert_eq!((record.rate, record.role, record.plan_tier()), (RATE, Role::Caller, "standard"));
        assert_eq!((record.budget, record.flow), (Budget::UNLIMITED, FlowPolicy::default()));
        assert_eq!((record.key_rate, record.expires_at), (None, None));
    }

    #[test]
    fn a_key_has_the_limits_that_are_named() {
        let record = record(
            "--rate 5 --burst 7 --budget-usd-day 2.50 --tokens-day 5 --tokens-month 6 --shadow \
             --tokens-per-minute 8 --max-concurrent 9 --key-rate 1 --plan premium --expires-in-days 1",
        )
        .unwrap();

        let budget = Budget {
            day: Some(Nanos(2_500_000_000)),
            month: None,
            day_tokens: Some(5),
            month_tokens: Some(6),
            mode: Mode::Shadow,
        };
        let rate = |interval_us, burst| RatePolicy { interval_us, burst, requests_per_day: None };
        assert_eq!((record.rate, record.key_rate), (rate(200_000, 7), Some(rate(1_000_000, 20))));
        assert_eq!(record.budget, budget);
        assert_eq!(record.flow, FlowPolicy { tokens_per_minute: Some(8), max_concurrent: Some(9) });
        assert_eq!(record.plan_tier(), "premium");
        assert_eq!(record.expires_at, Some(NOW.as_secs() + SECS_PER_DAY));
    }

    #[test]
    fn a_key_of_an_unknown_plan_cannot_be_created() {
        let error = record("--plan gold").unwrap_err();

        assert!(error.contains("standard, premium"), "{error}");
    }

    #[test]
    fn a_burst_of_the_key_without_a_rate_of_the_key_is_refused() {
        insta::assert_snapshot!(record("--key-burst 5").unwrap_err(), @"no key was created: it has no rate of its own: a burst of the key needs a rate of the key");
    }
}
