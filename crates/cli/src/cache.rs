//! `tollgate cache`: what is kept of answers, why two calls do not share one, and how to be rid of it.

mod explain;
mod view;

use std::fmt::{self, Display};

use clap::{Args, Subcommand};
use serde::Serialize;
use tollgate_aws::clock;
use tollgate_aws::config_store::Seed;
use tollgate_core::cache::Template;
use tollgate_core::cache::purge::{Purge, Purges, Selection};
use tollgate_core::name::Name;
use tollgate_core::ports::Settings;
use tollgate_core::settings::Document;
use tollgate_core::spend::Scope;

use self::view::EntryView;
use crate::config::{first_flag, parse_stored};
use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;
use crate::words::Author;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve nothing any more of what was kept up to now and has all that is named; in force within 5 seconds
    Purge(PurgeArgs),
    /// List the purges that entries may still fall under
    Purges,
    /// Show an entry, by the key that its answers name as x-tollgate-cache-key: never what was answered
    Show {
        /// 64 hexadecimal digits
        key: String,
    },
    Explain(explain::Explain),
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// Of this tenant
    #[arg(long, value_name = "TENANT")]
    tenant: Option<Name>,
    /// Answers to calls that named this model
    #[arg(long, value_name = "ALIAS")]
    model: Option<String>,
    /// Answers to calls made from any version of this prompt template
    #[arg(long, value_name = "NAME", conflicts_with = "template_version")]
    template: Option<Name>,
    /// Answers to calls made from this version of a prompt template
    #[arg(long, value_name = "NAME:VERSION")]
    template_version: Option<Template>,
    /// With this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<Name>,
    /// The entry of this key
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    key: Option<String>,
    /// All that is kept, of everybody
    #[arg(long, conflicts_with_all = ["tenant", "model", "template", "template_version", "tag", "key"])]
    everything: bool,
    #[command(flatten)]
    author: Author,
}

fn parse_key(text: &str) -> Result<String, &'static str> {
    let is_key = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_key { Ok(text.to_owned()) } else { Err("a key has 64 hexadecimal digits") }
}

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    match command {
        Command::Purge(args) => purge(args, stack, screen).await,
        Command::Purges => {
            let purges = purges(&Deployment::find(stack).await?).await?;
            screen.show(&PurgeList(purges.purges.iter().map(PurgeView::of).collect()))
        }
        Command::Show { key } => show(key, stack, screen).await,
        Command::Explain(wish) => wish.run(&Deployment::find(stack).await?, screen).await,
    }
}

async fn purge(args: PurgeArgs, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let PurgeArgs { tenant, model, template, template_version, tag, key, everything, author } = args;
    let selection = Selection { tenant, model, template, template_version, tag, key };
    if selection == Selection::default() && !everything {
        return Err(Error::NothingToPurge);
    }
    let deployment = Deployment::find(stack).await?;
    let now = clock::now();
    let change = |text: Option<&str>| {
        let before: Purges = match text {
            None => Purges::default(),
            Some(text) => parse_stored(Document::Purges, text)?,
        };
        let after = before.with(selection.clone(), &author.who, now)?;
        Ok::<String, Error>(serde_json::to_string(&after)?)
    };
    match deployment.config.edit(Document::Purges, change, &first_flag()).await?? {
        Seed::Done(_) => {}
        Seed::Contended => return Err(Error::Contended),
    }
    let purges = purges(&deployment).await?;
    let last = purges.purges.last().ok_or(Error::Contended)?;
    screen.show(&PurgeView::of(last))
}

async fn purges(deployment: &Deployment) -> Result<Purges, Error> {
    match deployment.settings.document(Document::Purges).await? {
        None => Ok(Purges::default()),
        Some(text) => parse_stored(Document::Purges, &text),
    }
}

async fn show(key: String, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    let now = clock::now();
    let Some(about) = deployment.entries.about(&key).await? else {
        return Err(Error::UnknownEntry(key));
    };
    let is_purged = purges(&deployment).await?.cover(&key, &about);
    let scope = Scope::Entry(serde_json::from_value(key.clone().into())?);
    let days = deployment.reports.days(&scope, about.asked_us.day(), now.day()).await?;
    screen.show(&EntryView::of(key, &about, is_purged, &days, now))
}

/// A purge, with its time for people.
#[derive(Debug, Serialize)]
struct PurgeView {
    selection: Selection,
    before: String,
    who: String,
}

impl PurgeView {
    fn of(purge: &Purge) -> Self {
        Self {
            selection: purge.selection.clone(),
            before: purge.before_us.to_string(),
            who: purge.who.clone(),
        }
    }
}

impl Display for PurgeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { selection, before, who } = self;
        write!(f, "{selection}: what was asked up to {before} is not served any more, says {who}")
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct PurgeList(Vec<PurgeView>);

impl Display for PurgeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("There is no purge in force.");
        }
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Words {
        #[command(flatten)]
        args: PurgeArgs,
    }

    #[tokio::test]
    async fn a_purge_of_nothing_is_refused_before_anything_is_looked_for() {
        let words = Words::try_parse_from(["purge"]).unwrap();
        let mut out = Vec::new();

        let refused = purge(words.args, "none", &mut Screen::new(&mut out, false)).await.unwrap_err();

        assert!(matches!(refused, Error::NothingToPurge), "{refused}");
    }

    #[test]
    fn what_is_no_key_or_template_is_refused() {
        for wrong in [["--key", "abc"], ["--template-version", "answer"], ["--tag", "a b"]] {
            assert!(Words::try_parse_from(["purge"].iter().chain(&wrong)).is_err(), "{wrong:?}");
        }
        assert!(Words::try_parse_from(["purge", "--everything", "--tag", "t"]).is_err());
    }

    #[test]
    fn a_purge_says_what_it_takes_out() {
        let purges = Purges::default();
        let tag = Selection { tag: "docs".parse().ok(), ..Selection::default() };
        let now = tollgate_core::time::Timestamp::from_secs(1_795_348_800);
        let purges = purges.with(tag, "ann", now).unwrap();

        insta::assert_snapshot!(PurgeView::of(&purges.purges[0]), @r#"tag "docs": what was asked up to 2026-11-22T12:00:05Z is not served any more, says ann"#);
        insta::assert_snapshot!(PurgeList(Vec::new()), @"There is no purge in force.");
    }
}
