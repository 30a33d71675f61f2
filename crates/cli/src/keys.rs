//! `tollgate keys`: who may call, how often, and for how much.

mod grace;
mod rotate;
mod suspend;
mod view;

use clap::{Args, Subcommand, ValueEnum};
use tollgate_aws::clock;
use tollgate_aws::key_register::Revocation;
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::caller::{KeyRecord, KeyStatus, Role};
use tollgate_core::catalogue::Catalogue;
use tollgate_core::key::tag::{self, Tag};
use tollgate_core::key::{ApiKey, ENTROPY_BYTES};
use tollgate_core::money::Nanos;
use tollgate_core::name::{Name, NameError};
use tollgate_core::output_policy::OutputPolicy;
use tollgate_core::ports::Settings;
use tollgate_core::rate::RatePolicy;
use tollgate_core::settings::Document;
use tollgate_core::time::Timestamp;

use crate::config::parse_stored;
use crate::deployment::Deployment;
use crate::error::Error;
use crate::rate::Rate;
use crate::screen::Screen;

const SECS_PER_DAY: u64 = 86_400;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key and show it, this once
    #[command(after_help = CREATE_EXAMPLE)]
    Create(Box<Create>),
    /// List keys with their limits
    List {
        /// Only keys of this user
        #[arg(long)]
        user: Option<Name>,
        /// Only keys of this team
        #[arg(long)]
        team: Option<Name>,
        /// Only keys with this tag; repeat for more, a key has them all
        #[arg(long = "tag", value_name = "NAME=VALUE")]
        tags: Vec<Tag>,
    },
    /// Replace a key by a new one with the same rights, and show it, this once
    ///
    /// The new key keeps the old one's own expiry. The old one works until the grace is over, never past its own expiry.
    Rotate(rotate::Rotate),
    /// Stop a key until it is resumed
    ///
    /// Calls that have begun go on; none is admitted with the key 10 seconds from now.
    Suspend(suspend::Suspend),
    /// Let a suspended key work again
    Resume {
        /// The key's id, as keys list shows it; the key itself will do
        #[arg(value_parser = parse_id)]
        id: Name,
    },
    /// Take a key back for good
    ///
    /// Calls that have begun go on; none is admitted with the key 10 seconds from now.
    Revoke {
        /// The key's id, as keys list shows it; the key itself will do
        #[arg(value_parser = parse_id)]
        id: Name,
    },
}

const CREATE_EXAMPLE: &str = "\
Example:
  tollgate keys create --user alice --team search --rate 5 --burst 20 --budget-usd-day 25 --model gpt-5.5";

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
    /// Sustained requests per second, such as 10 or 0.5
    #[arg(long, value_name = "R", default_value = "10")]
    rate: Rate,
    /// Requests that may come at once
    #[arg(long, value_name = "B", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    burst: u32,
    /// Requests per UTC day; unlimited where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests_per_day: Option<u64>,
    /// Dollars per UTC day, such as 12.50; unlimited where absent
    #[arg(long, value_name = "USD")]
    budget_usd_day: Option<Nanos>,
    /// Dollars per UTC month; unlimited where absent
    #[arg(long, value_name = "USD")]
    budget_usd_month: Option<Nanos>,
    /// Model that the key may name; repeat for more, all where absent
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// What the key may do
    #[arg(long, value_enum, default_value = "caller")]
    role: RoleName,
    /// Output cap of a call that names none; the team's, the route's or the model's where absent
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..))]
    default_output_tokens: Option<u64>,
    /// Highest output cap; a call that asks for more is answered up to it
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..))]
    max_output_tokens: Option<u64>,
    /// Stop sequence of a call that names none; repeat for up to four
    #[arg(long = "stop", value_name = "TEXT")]
    stop: Vec<String>,
    /// What to call it, for lists; repeat for up to ten
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Tag>,
    /// Days until it stops working; never where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3650))]
    expires_in_days: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleName {
    /// Calls models
    Caller,
    /// Also reads spend and ledger
    Viewer,
    /// Also changes keys, flags and configuration
    Operator,
}

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    match command {
        Command::Create(wish) => create(*wish, &deployment, screen).await,
        Command::List { user, team, tags } => {
            let is_wanted = |key: &KeyRecord| {
                user.as_ref().is_none_or(|user| *user == key.user)
                    && team.as_ref().is_none_or(|team| *team == key.team)
                    && tags.iter().all(|tag| has_tag(key, tag))
            };
            let keys = deployment.keys.list().await?.into_iter().filter(is_wanted);
            let now = clock::now();
            screen.show(&view::KeyList(keys.map(|key| view::KeyView::of(key, now)).collect()))
        }
        Command::Rotate(wish) => rotate::run(wish, &deployment, screen).await,
        Command::Suspend(wish) => suspend::suspend(wish, &deployment, screen).await,
        Command::Resume { id } => suspend::resume(id, &deployment, screen).await,
        Command::Revoke { id } => {
            let was_revoked = match deployment.keys.revoke(&id).await? {
                Revocation::Done => false,
                Revocation::Already => true,
                Revocation::Unknown => return Err(Error::UnknownKey(id)),
            };
            screen.show(&view::Revoked { id, was_revoked, effective_within_secs: view::REVOKED_WITHIN_SECS })
        }
    }
}

async fn create(wish: Create, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
    if wish.tenant != Name::default_tenant() {
        let tenant = deployment.settings.tenant(wish.tenant.as_str()).await?;
        tenant.ok_or_else(|| Error::UnknownTenant(wish.tenant.clone()))?;
    }
    if !wish.models.is_empty() {
        let text = deployment.settings.document(Document::Catalogue).await?.ok_or(Error::NotSeeded)?;
        check_models(&wish.models, &parse_stored(Document::Catalogue, &text)?)?;
    }
    let key = mint()?;
    let now = clock::now();
    let record = wish.record(key.id().parse().map_err(Error::Minted)?, now)?;
    if let Some(fault) = record.output.fault() {
        return Err(Error::WrongOutput(fault));
    }
    deployment.keys.enter(&key.hash(&deployment.pepper().await?), &record).await?;
    screen.show(&view::CreatedKey::of(&key, record, now))
}

fn mint() -> Result<ApiKey, Error> {
    let mut entropy = [0; ENTROPY_BYTES];
    getrandom::fill(&mut entropy)?;
    Ok(ApiKey::mint(&entropy))
}

fn has_tag(key: &KeyRecord, Tag { name, value }: &Tag) -> bool {
    key.tags.get(name) == Some(value)
}

fn check_models(named: &[String], catalogue: &Catalogue) -> Result<(), Error> {
    let is_unknown = |model: &&String| !catalogue.models.contains_key(*model);
    let unknown: Vec<String> = named.iter().filter(is_unknown).cloned().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::UnknownModels { unknown, known: catalogue.models.keys().cloned().collect() })
}

impl Create {
    fn record(self, key_id: Name, now: Timestamp) -> Result<KeyRecord, Error> {
        Ok(KeyRecord {
            key_id,
            user: self.user,
            team: self.team,
            tenant: self.tenant,
            role: self.role.into(),
            status: KeyStatus::Active,
            rate: RatePolicy {
                interval_us: self.rate.interval_us,
                burst: self.burst,
                requests_per_day: self.requests_per_day,
            },
            budget: Budget { day: self.budget_usd_day, month: self.budget_usd_month, ..Budget::default() },
            flow: FlowPolicy::default(),
            models: self.models,
            output: OutputPolicy {
                default_tokens: self.default_output_tokens,
                max_tokens: self.max_output_tokens,
                stop: self.stop,
            },
            created_at: now.to_string(),
            expires_at: self.expires_in_days.map(|days| now.as_secs() + days * SECS_PER_DAY),
            tags: tag::collect(self.tags)?,
            replaces: None,
            replaced_by: None,
            suspension: None,
        })
    }
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Caller => Self::Caller,
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
        }
    }
}

/// Reads an id, or the id in a key, so that a key that has leaked can be revoked as it was found.
fn parse_id(text: &str) -> Result<Name, NameError> {
    let id = text.strip_prefix("tg-").map_or(text, |rest| rest.split('-').next().unwrap_or(rest));
    id.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaked_key_names_itself() {
        let key = ApiKey::mint(&[7; ENTROPY_BYTES]);

        for text in [key.id(), format!("tg-{}", key.id()), key.expose().to_owned()] {
            assert_eq!(parse_id(&text).unwrap().as_str(), key.id());
        }
    }

    #[test]
    fn a_list_is_narrowed_by_tags() {
        let tag = |text: &str| text.parse::<Tag>().unwrap();
        let key = KeyRecord { tags: tag::collect([tag("app=x")]).unwrap(), ..view::tests::record("k1") };

        let found = ["app=x", "app=y", "env=x"].map(|text| has_tag(&key, &tag(text)));

        assert_eq!(found, [true, false, false]);
    }

    #[test]
    fn models_that_the_catalogue_lacks_are_named() {
        let catalogue: Catalogue =
            serde_json::from_str(include_str!("../../../config/catalogue.json")).unwrap();
        let check = |models: &[&str]| {
            let models: Vec<String> = models.iter().map(|model| (*model).to_owned()).collect();
            check_models(&models, &catalogue).map_err(|error| error.to_string())
        };

        assert_eq!(check(&["gpt-5.5"]), Ok(()));
        insta::assert_snapshot!(check(&["gpt-5.5", "gpt-4", "o9"]).unwrap_err(), @"the catalogue has no model gpt-4, o9: it has claude-sonnet-4.5, cohere-embed-v4, gpt-5.5, gpt-5.6-luna, gpt-5.6-sol, gpt-5.6-terra, gpt-oss-120b, gpt-oss-20b, nova-embed, nova-lite, text-embedding-3-small, titan-embed-text-v2");
    }
}
