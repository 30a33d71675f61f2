//! `tollgate reconcile`: whether the ledger agrees with what Bedrock counts, and who called models past the gateway.

mod view;

use clap::Args;
use tollgate_aws::clock;
use tollgate_core::time::Day;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;
use crate::spend::parse_day;

/// Hold a day of the ledger against Bedrock's own count of tokens, and list who called models past the gateway
///
/// Calls in tenants' accounts are left out: their accounts count them. A few tokens may differ, of calls that ran over midnight,
/// of attempts that were billed and failed over, and of charges that were estimated.
#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    /// The UTC day; yesterday where none is given, because Bedrock's count of today lags behind
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    day: Option<Day>,
}

pub(crate) async fn run(wish: Reconcile, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    let day = wish.day.unwrap_or_else(|| clock::now().day().before(1));
    let comparison = deployment.comparer.tokens(day).await?;
    let bypasses = deployment.bypasses.principals(day).await?;
    screen.show(&view::ReconcileView { comparison, bypasses })
}
