//! `tollgate providers`: how targets do, and whether calls may ask them.

mod view;

use clap::{Args, Subcommand};
use tollgate_aws::clock;
use tollgate_core::breaker::{Breaker, Forced};
use tollgate_core::catalogue::Catalogue;
use tollgate_core::ports::{Breakers, Outcomes, Settings, Shift};
use tollgate_core::settings::Document;
use tollgate_core::time::Timestamp;

use self::view::{TargetList, TargetView};
use crate::config::parse_stored;
use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;
use crate::words::{Author, parse_words};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List targets: the state of their breakers, since when and why, their error rate and how long callers wait
    List,
    /// Open a breaker: nobody asks the target, until you say otherwise
    Open(Change),
    /// Close a breaker: everybody may ask the target, whatever becomes of it
    Close(Change),
    /// Leave a breaker to itself again, closed at first
    Auto(Change),
}

#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Id of the target, as `tollgate providers list` shows it
    target: String,
    /// Reason
    #[arg(long, value_name = "WHY", value_parser = parse_words)]
    why: String,
    #[command(flatten)]
    author: Author,
}

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    let text = deployment.settings.document(Document::Catalogue).await?.ok_or(Error::NotSeeded)?;
    let catalogue: Catalogue = parse_stored(Document::Catalogue, &text)?;
    match command {
        Command::List => screen.show(&list(&deployment, &catalogue).await?),
        Command::Open(change) => force(Some(true), change, &deployment, &catalogue, screen).await,
        Command::Close(change) => force(Some(false), change, &deployment, &catalogue, screen).await,
        Command::Auto(change) => force(None, change, &deployment, &catalogue, screen).await,
    }
}

async fn list(deployment: &Deployment, catalogue: &Catalogue) -> Result<TargetList, Error> {
    let board = deployment.breakers.all().await?;
    let mut targets = Vec::with_capacity(catalogue.targets.len());
    for id in catalogue.targets.keys() {
        let breaker = board.breakers.get(id).cloned().unwrap_or_default();
        targets.push(view(deployment, catalogue, id, breaker).await?);
    }
    Ok(TargetList(targets))
}

async fn view(
    deployment: &Deployment,
    catalogue: &Catalogue,
    id: &str,
    breaker: Breaker,
) -> Result<TargetView, Error> {
    let target = catalogue.targets.get(id).ok_or_else(|| unknown(catalogue, id))?;
    let now = clock::now();
    let since = now.minus(std::time::Duration::from_millis(target.breaker.window_ms));
    let window = deployment.outcomes.window(id, since).await?;
    let tally = window.tally(since, Timestamp::default());
    Ok(TargetView::of(id, target, &breaker, &tally, now))
}

/// Who is faster than the operator moves the breaker by itself, which the operator's word then overrules.
async fn force(
    is_open: Option<bool>,
    Change { target, why, author: Author { who } }: Change,
    deployment: &Deployment,
    catalogue: &Catalogue,
    screen: &mut Screen<'_>,
) -> Result<(), Error> {
    if !catalogue.targets.contains_key(&target) {
        return Err(unknown(catalogue, &target));
    }
    for _ in 0..8 {
        let now = clock::now();
        let before = deployment.breakers.all().await?.breakers.remove(&target).unwrap_or_default();
        let word = |is_open| Forced { is_open, who: who.clone(), why: why.clone(), since_us: now };
        let after = before.force(is_open.map(word), now);
        if deployment.breakers.write(&target, &after).await? == Shift::Done {
            return screen.show(&view(deployment, catalogue, &target, after).await?);
        }
    }
    Err(Error::BreakerBusy(target))
}

fn unknown(catalogue: &Catalogue, target: &str) -> Error {
    let known = catalogue.targets.keys().cloned().collect();
    Error::UnknownTarget { target: target.to_owned(), known }
}
