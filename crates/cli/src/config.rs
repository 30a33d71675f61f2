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
    /// Show what is in force
    Show {
        #[arg(value_enum, default_value = "head")]
        what: What,
    },
}

#[derive(Debug, Args)]
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
        Command::Show { what } => show(what, &Deployment::find(stack).await?.settings, screen).await,
    }
}

async fn seed(files: Files, deployment: &Deployment, screen: &mut Screen<'_>) -> Result<(), Error> {
    let mut sources = files.read()?;
    if files.is_any_named() {
        sources.replace_shipped(&deployment.settings).await?;
    }
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
    let document = match what {
        What::Head => {
            let head = settings.head().await?.ok_or(Error::NotSeeded)?;
            return screen.show(&view::HeadView::of(head));
        }
        What::Catalogue => Document::Catalogue,
        What::Prices => Document::Prices,
        What::Routing => Document::Routing,
        What::Budgets => Document::Budgets,
        What::Enforcement => Document::Enforcement,
    };
    let text = settings.document(document).await?.ok_or(Error::NotSeeded)?;
    let value: serde_json::Value = parse_stored(document, &text)?;
    screen.show(&view::Text(value))
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
