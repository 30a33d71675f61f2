//! `tollgate ledger`: single calls, as they were accounted for.

mod view;

use clap::Subcommand;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show one call: who, what, when, and what it cost
    Show {
        /// The call's id, as the header x-tollgate-request-id says it
        #[arg(value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        request_id: String,
    },
}

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let Command::Show { request_id } = command;
    let reports = Deployment::find(stack).await?.reports;
    match reports.record(&request_id).await? {
        Some(record) => screen.show(&view::Call::of(record)),
        None => Err(Error::UnknownCall(request_id)),
    }
}
