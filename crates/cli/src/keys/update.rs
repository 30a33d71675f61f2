//! `tollgate keys update`: other limits for a key that is there.

use clap::Args;
use tollgate_aws::clock;
use tollgate_aws::key_register;
use tollgate_core::caller::change::KeyChange;
use tollgate_core::name::Name;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::keys::limits::{Limits, Without};
use crate::keys::view::ChangedKey;
use crate::keys::{check_named_models, parse_id};
use crate::screen::Screen;

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The key's id, as keys list shows it; the key itself will do
    #[arg(value_parser = parse_id)]
    id: Name,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    without: Without,
}

pub(crate) async fn run(wish: Update, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
    let Update { id, limits, without } = wish;
    check_named_models(&limits.models, deployment).await?;
    let change = limits.change(without);
    if change == KeyChange::default() {
        return Err(Error::NoChange);
    }
    match deployment.keys.update(&id, &change).await? {
        key_register::Update::Done(record) => screen.show(&ChangedKey::of(*record, clock::now())),
        key_register::Update::Refused(why) => Err(Error::NotChanged { id, why }),
        key_register::Update::Lost => Err(Error::LostRace(id)),
        key_register::Update::Unknown => Err(Error::UnknownKey(id)),
    }
}
