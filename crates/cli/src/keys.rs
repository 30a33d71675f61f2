//! `tollgate keys`: who may call, how often, and for how much.

mod create;
mod grace;
mod limits;
mod rotate;
mod suspend;
mod update;
mod view;

use clap::Subcommand;
use tollgate_aws::clock;
use tollgate_aws::key_register::Revocation;
use tollgate_core::caller::KeyRecord;
use tollgate_core::catalogue::Catalogue;
use tollgate_core::key::tag::Tag;
use tollgate_core::key::{ApiKey, ENTROPY_BYTES};
use tollgate_core::name::{Name, NameError};
use tollgate_core::ports::Settings;
use tollgate_core::settings::Document;

use crate::config::parse_stored;
use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key and show it, this once
    #[command(after_help = CREATE_EXAMPLE)]
    Create(Box<create::Create>),
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
    /// Show a key with its limits
    Show {
        /// The key's id, as keys list shows it; the key itself will do
        #[arg(value_parser = parse_id)]
        id: Name,
    },
    /// Change a key's limits: only what is named, everywhere 10 seconds from now
    ///
    /// What was spent and counted stays. User, team, tenant and expiry stay too: for another one, create a key.
    #[command(after_help = UPDATE_EXAMPLE)]
    Update(Box<update::Update>),
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

const UPDATE_EXAMPLE: &str = "\
Example:
  tollgate keys update 0a1b2c3d4e5f --budget-usd-day 40 --key-rate 2 --key-burst 5 --no-requests-per-day";

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    match command {
        Command::Create(wish) => create::run(*wish, &deployment, screen).await,
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
        Command::Show { id } => {
            let found = deployment.keys.find(&id).await?;
            let record = found.ok_or(Error::UnknownKey(id))?;
            screen.show(&view::ShownKey::of(record, clock::now()))
        }
        Command::Update(wish) => update::run(*wish, &deployment, screen).await,
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

fn mint() -> Result<ApiKey, Error> {
    let mut entropy = [0; ENTROPY_BYTES];
    getrandom::fill(&mut entropy)?;
    Ok(ApiKey::mint(&entropy))
}

fn has_tag(key: &KeyRecord, Tag { name, value }: &Tag) -> bool {
    key.tags.get(name) == Some(value)
}

async fn check_named_models(named: &[String], deployment: &Deployment) -> Result<(), Error> {
    if named.is_empty() {
        return Ok(());
    }
    let text = deployment.settings.document(Document::Catalogue).await?.ok_or(Error::NotSeeded)?;
    check_models(named, &parse_stored(Document::Catalogue, &text)?)
}

fn check_models(named: &[String], catalogue: &Catalogue) -> Result<(), Error> {
    let is_unknown = |model: &&String| !catalogue.models.contains_key(*model);
    let unknown: Vec<String> = named.iter().filter(is_unknown).cloned().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::UnknownModels { unknown, known: catalogue.models.keys().cloned().collect() })
}

/// Reads an id, or the id in a key, so that a key that has leaked can be revoked as it was found.
fn parse_id(text: &str) -> Result<Name, NameError> {
    let id = text.strip_prefix("tg-").map_or(text, |rest| rest.split('-').next().unwrap_or(rest));
    id.parse()
}

#[cfg(test)]
mod tests {
    use tollgate_core::key::tag;

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
