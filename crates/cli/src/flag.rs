//! `tollgate flag` and `tollgate resume`: the kill switch.

use std::fmt::{self, Display};

use clap::{Args, Subcommand};
use serde::Serialize;
use tollgate_aws::clock;
use tollgate_core::ports::Flags;
use tollgate_core::settings::Flag;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;
use crate::words::{Author, parse_words};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show whether calls are admitted, and who said so
    Show,
    /// Stop all calls: no model is asked later than 5 seconds from now
    Off(Change),
    /// Admit calls again
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

/// Admit calls again after a budget has stopped them
///
/// Without --yes it changes nothing and says what it would do.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Do it
    #[arg(long)]
    yes: bool,
    /// Reason
    #[arg(long, value_name = "WHY", default_value = "resumed by an operator", value_parser = parse_words)]
    why: String,
    #[command(flatten)]
    author: Author,
}

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    match command {
        Command::Show => screen.show(&current(&deployment).await?),
        Command::Off(change) => set(false, change.why, change.author, &deployment, screen).await,
        Command::On(change) => set(true, change.why, change.author, &deployment, screen).await,
    }
}

pub(crate) async fn resume(wish: Resume, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    let current = current(&deployment).await?;
    if current.enabled {
        screen.show(&current)
    } else if wish.yes {
        set(true, wish.why, wish.author, &deployment, screen).await
    } else {
        Err(Error::Unconfirmed(current))
    }
}

async fn current(deployment: &Deployment) -> Result<FlagView, Error> {
    deployment.flags.read().await?.map(FlagView::of).ok_or(Error::NotSeeded)
}

async fn set(
    enabled: bool,
    why: String,
    Author { who }: Author,
    deployment: &Deployment,
    screen: &mut Screen<'_>,
) -> Result<(), Error> {
    let flag = Flag { enabled, who, why, since_us: clock::now() };
    // Without a notice's id it is a person's word, which is always written.
    deployment.flags.set(&flag, None).await?;
    screen.show(&FlagView::of(flag))
}

/// The flag, with its time for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FlagView {
    enabled: bool,
    who: String,
    why: String,
    since: String,
}

impl FlagView {
    pub(crate) fn of(flag: Flag) -> Self {
        Self { enabled: flag.enabled, who: flag.who, why: flag.why, since: flag.since_us.to_string() }
    }
}

impl Display for FlagView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.enabled { "on: calls are admitted" } else { "off: every call is refused" };
        write!(f, "{state}, since {} by {} ({})", self.since, self.who, self.why)
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::time::Timestamp;

    use super::*;

    fn flag(enabled: bool) -> FlagView {
        FlagView::of(Flag {
            enabled,
            who: "aws-budgets".to_owned(),
            why: "the budget is spent".to_owned(),
            since_us: Timestamp::from_secs(1_795_348_800),
        })
    }

    #[test]
    fn a_flag_says_who_why_and_since_when() {
        insta::assert_snapshot!(flag(false), @"off: every call is refused, since 2026-11-22T12:00:00Z by aws-budgets (the budget is spent)");
        insta::assert_json_snapshot!(flag(true), @r#"
        {
          "enabled": true,
          "who": "aws-budgets",
          "why": "the budget is spent",
          "since": "2026-11-22T12:00:00Z"
        }
        "#);
    }

    #[test]
    fn a_resume_without_yes_says_what_it_would_do() {
        insta::assert_snapshot!(Error::Unconfirmed(flag(false)), @"nothing was changed: with --yes, calls would be admitted again; the flag is off: every call is refused, since 2026-11-22T12:00:00Z by aws-budgets (the budget is spent)");
    }
}
