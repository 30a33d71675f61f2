//! `tollgate forecast`: what the month will have cost when it ends.

mod view;

use clap::Args;
use tollgate_aws::clock;
use tollgate_core::name::Name;
use tollgate_core::spend::Scope;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;

/// Show what this month will have cost when it ends
///
/// Without a scope, of the organisation and of every tenant and team that spent anything this month. What is settled is taken as it is;
/// each day that is left costs the mean of its weekday in the last four weeks (`weekdays`), of all complete days where there are
/// fewer than fourteen (`recent-days`), or what today comes to at its pace so far where there are none (`pace`).
#[derive(Debug, Args)]
pub(crate) struct Forecast {
    /// Of this team
    #[arg(long)]
    team: Option<Name>,
    /// The team's tenant; without a team, all teams of this tenant together
    #[arg(long)]
    tenant: Option<Name>,
}

pub(crate) async fn run(wish: Forecast, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    let (outlook, now) = (&deployment.outlook, clock::now());
    let prospects = match (wish.team, wish.tenant) {
        (Some(team), tenant) => {
            let tenant = tenant.unwrap_or_else(Name::default_tenant);
            vec![outlook.of(Scope::Team(tenant, team), now).await?]
        }
        (None, Some(tenant)) => vec![outlook.of_tenant(tenant, now).await?],
        (None, None) => outlook.all(now).await?,
    };
    screen.show(&view::ForecastView::of(&prospects, now.day()))
}
