//! `tollgate config`: the documents that say which models there are, what they cost, who is asked and who may spend what.

mod documents;
mod view;

use clap::{Args, Subcommand, ValueEnum};
use tollgate_aws::clock;
use tollgate_aws::config_store::{Change, Seed};
use tollgate_core::ports::Settings;
use tollgate_core::settings::{Document, Flag};

use crate::budgets::renew_lanes;
use crate::config::documents::{Origin, Source, Sources};
pub(crate) use crate::config::documents::{ReadError, parse_stored};
use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the documents and write those that are new, at once
    ///
    /// Without a file, the shipped documents are written. With one, the documents that are not named stay as
    /// they are. A version grows by one with each change; calls use it at most two seconds later. The flag
    /// stays as it is; a first seed turns it on.
    #[command(verbatim_doc_comment)]
    Seed(Files),
    /// Check documents and list all of their faults; needs no deployment
    ///
    /// A document without a file is the shipped one.
    Check(Files),
    /// List the versions of a document, the newest first
    History {
        #[arg(value_enum)]
        what: What,
    },
    /// Put an earlier version of a document in force again, as a new version
    ///
    /// It is checked against the other documents as they are now: one that does not fit them is refused.
    Rollback {
        #[arg(value_enum)]
        what: What,
        /// The version to take
        #[arg(long, value_name = "VERSION")]
        to: u64,
    },
    /// Show what is in force
    Show {
        #[arg(value_enum, default_value = "head")]
        what: What,
    },
}

#[derive(Debug, Default, Args)]
pub(crate) struct Files {
    /// Models and their targets, as JSON
    #[arg(long, value_name = "FILE")]
    catalogue: Option<std::path::PathBuf>,
    /// Dollars per million tokens by target, as JSON
    #[arg(long, value_name = "FILE")]
    prices: Option<std::path::PathBuf>,
    /// Weights, failover order and experiments, as JSON
    #[arg(long, value_name = "FILE")]
    routing: Option<std::path::PathBuf>,
    /// What organisation, tenants and teams may spend, as JSON
    #[arg(long, value_name = "FILE")]
    budgets: Option<std::path::PathBuf>,
    /// What is done at which share of a budget, as JSON
    #[arg(long, value_name = "FILE")]
    enforcement: Option<std::path::PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum What {
    /// Versions and flag, as each call reads them
    Head,
    /// Models and their targets
    Catalogue,
    /// Dollars per million tokens
    Prices,
    /// Weights, failover order and experiments
    Routing,
    /// What organisation, tenants and teams may spend
    Budgets,
    /// What is done at which share of a budget
    Enforcement,
}

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    match command {
        Command::Check(files) => {
            let checked = files.read()?.check()?;
            screen.show(&view::Checked::of(&checked))
        }
        Command::Seed(files) => seed(files, &Deployment::find(stack).await?, screen).await,
        Command::History { what } => history(what, &Deployment::find(stack).await?, screen).await,
        Command::Rollback { what, to } => rollback(what, to, &Deployment::find(stack).await?, screen).await,
        Command::Show { what } => show(what, &Deployment::find(stack).await?.settings, screen).await,
    }
}

async fn seed(files: Files, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
    let mut sources = files.read()?;
    if files.is_any_named() {
        sources.replace_shipped(&deployment.settings).await?;
    }
    write(sources, deployment, screen).await
}

/// Takes an earlier text of one document, and leaves the others as they are.
async fn rollback(
    what: What,
    to: u64,
    deployment: &Deployment,
    screen: &mut Screen<'_>,
) -> Result<(), Error> {
    let document = what.document().ok_or(Error::HeadHasNoVersions)?;
    let missing = || Error::UnknownVersion { document: documents::name(document), version: to };
    let version = deployment.config.version(document, to).await?.ok_or_else(missing)?;
    let mut sources = Files::default().read()?;
    sources.replace_shipped(&deployment.settings).await?;
    for (of, source) in sources.each_mut() {
        if of == document {
            source.text.clone_from(&version.text);
        }
    }
    write(sources, deployment, screen).await
}

/// How many versions are shown.
const SHOWN: u64 = 20;

async fn history(what: What, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
    let document = what.document().ok_or(Error::HeadHasNoVersions)?;
    let head = deployment.settings.head().await?.ok_or(Error::NotSeeded)?;
    let newest = head.version(document);
    let mut versions = Vec::new();
    for number in (1..=newest).rev().take(usize::try_from(SHOWN).unwrap_or_default()) {
        versions.extend(deployment.config.version(document, number).await?);
    }
    screen.show(&view::History::of(&versions, newest))
}

/// Writes what has no fault.
async fn write(sources: Sources, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
    let texts = sources.check()?.texts()?;
    match deployment.config.seed(&texts, &first_flag()).await? {
        Seed::Done(changes) => {
            let is_new = |change: &Change| {
                change.document == Document::Budgets
                    && change.before.is_some_and(|before| before != change.version)
            };
            if changes.iter().any(is_new) {
                renew_lanes(deployment).await?;
            }
            screen.show(&view::Seeded::of(&changes))
        }
        Seed::Contended => Err(Error::Contended),
    }
}

/// The flag of a deployment that has none yet.
pub(crate) fn first_flag() -> Flag {
    Flag {
        enabled: true,
        who: "tollgate config seed".to_owned(),
        why: "first seed".to_owned(),
        since_us: clock::now(),
        until_us: None,
    }
}

async fn show(what: What, settings: &impl Settings, screen: &mut Screen<'_>) -> Result<(), Error> {
    let Some(document) = what.document() else {
        let head = settings.head().await?.ok_or(Error::NotSeeded)?;
        return screen.show(&view::HeadView::of(head));
    };
    let text = settings.document(document).await?.ok_or(Error::NotSeeded)?;
    let value: serde_json::Value = parse_stored(document, &text)?;
    screen.show(&view::Text(value))
}

impl What {
    /// The document; none for the head.
    const fn document(self) -> Option<Document> {
        match self {
            Self::Head => None,
            Self::Catalogue => Some(Document::Catalogue),
            Self::Prices => Some(Document::Prices),
            Self::Routing => Some(Document::Routing),
            Self::Budgets => Some(Document::Budgets),
            Self::Enforcement => Some(Document::Enforcement),
        }
    }
}

impl Files {
    fn read(&self) -> Result<Sources, ReadError> {
        Ok(Sources {
            catalogue: Source::read(self.catalogue.as_deref(), Document::Catalogue)?,
            prices: Source::read(self.prices.as_deref(), Document::Prices)?,
            routing: Source::read(self.routing.as_deref(), Document::Routing)?,
            budgets: Source::read(self.budgets.as_deref(), Document::Budgets)?,
            enforcement: Source::read(self.enforcement.as_deref(), Document::Enforcement)?,
        })
    }

    const fn is_any_named(&self) -> bool {
        let Self { catalogue, prices, routing, budgets, enforcement } = self;
        catalogue.is_some()
            || prices.is_some()
            || routing.is_some()
            || budgets.is_some()
            || enforcement.is_some()
    }
}

impl Sources {
    /// What no file was named for stays as it is stored, where it is.
    async fn replace_shipped(&mut self, settings: &impl Settings) -> Result<(), Error> {
        for (document, source) in self.each_mut() {
            if source.origin == Origin::Shipped
                && let Some(text) = settings.document(document).await?
            {
                *source = Source { origin: Origin::Stored, text };
            }
        }
        Ok(())
    }
}
