//! `tollgate flag`: the kill switch, and what else keeps calls back.

mod view;

use clap::{Args, Subcommand};
use tollgate_aws::clock;
use tollgate_core::enforcement::{Action, Change as Changed, Order};
use tollgate_core::ports::{Acted, Enforcement};

use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;
use crate::words::{Author, parse_words};

pub(crate) use view::{FlagView, StateView};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show whether calls are admitted, who may not call, and who said so
    Show,
    /// Stop all calls: no model is asked later than 5 seconds from now
    Off(Change),
    /// Admit calls again; caps and stops of single teams and tenants stay, see resume
    On(Change),
}

#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Reason, which refused callers may read
    #[arg(long, value_name = "WHY", value_parser = parse_words)]
    why: String,
    #[command(flatten)]
    author: Author,
}

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    match command {
        Command::Show => screen.show(&current(&deployment).await?),
        Command::Off(change) => switch(false, change, &deployment, screen).await,
        Command::On(change) => switch(true, change, &deployment, screen).await,
    }
}

pub(crate) async fn current(deployment: &Deployment) -> Result<StateView, Error> {
    let state = deployment.enforcement.state().await?.ok_or(Error::NotSeeded)?;
    Ok(StateView::of(state, clock::now()))
}

async fn switch(
    enabled: bool,
    Change { why, author }: Change,
    deployment: &Deployment,
    screen: &mut Screen<'_>,
) -> Result<(), Error> {
    let order = order(author, why, Changed::Switch { enabled });
    let action = act(deployment, &order).await?;
    screen.show(&StateView::of(action.after, order.at_us))
}

/// A person's word. It is an action of its own, however often it is said.
pub(crate) fn order(Author { who }: Author, why: String, change: Changed) -> Order {
    let now = clock::now();
    let id = format!("operator-{}", now.as_micros());
    Order { id, at_us: now, who, why, change, taken: Vec::new(), locks: Vec::new() }
}

pub(crate) async fn act(deployment: &Deployment, order: &Order) -> Result<Action, Error> {
    match deployment.enforcement.act(order).await? {
        Acted::Done(action) => Ok(*action),
        // Somebody else acted in the same microsecond.
        Acted::Before(_) => Err(Error::Contended),
    }
}
