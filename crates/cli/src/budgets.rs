//! `tollgate budgets`: what organisation, tenants and teams may spend, and what they have.

mod view;

use std::fmt::{self, Display};
use std::str::FromStr;

use clap::{Args, Subcommand};
use tollgate_aws::clock;
use tollgate_aws::config_store::Seed;
use tollgate_core::budget::Mode;
use tollgate_core::budgets::{Allowance, Budgets, Usd, team_name};
use tollgate_core::money::Nanos;
use tollgate_core::name::Name;
use tollgate_core::ports::Settings;
use tollgate_core::settings::{Document, HEAD_MAX_AGE};
use tollgate_core::spend::Scope;

use crate::budgets::view::{BudgetList, Row};
use crate::config::{first_flag, parse_stored};
use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all limits and what is counted against them today and this month
    List,
    /// Set what a scope may use, in place of what it could before
    ///
    /// Calls keep to it within seconds. What was spent stays spent. Limits that are not named are none.
    #[command(verbatim_doc_comment)]
    Set {
        /// org, tenant#NAME or team#TENANT/NAME
        scope: ScopeName,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Take all limits of a scope away
    Remove {
        /// org, tenant#NAME or team#TENANT/NAME
        scope: ScopeName,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct LimitArgs {
    /// Dollars per UTC day
    #[arg(long, value_name = "USD")]
    usd_day: Option<Nanos>,
    /// Dollars per UTC month
    #[arg(long, value_name = "USD")]
    usd_month: Option<Nanos>,
    /// Tokens per UTC day
    #[arg(long, value_name = "TOKENS")]
    tokens_day: Option<u64>,
    /// Tokens per UTC month
    #[arg(long, value_name = "TOKENS")]
    tokens_month: Option<u64>,
    /// Refuse nothing; the ledger says what would have been refused
    #[arg(long)]
    shadow: bool,
    /// Lanes of a team: more let more calls at once share its budget
    #[arg(long, value_name = "COUNT")]
    lanes: Option<u16>,
}

/// Whose budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScopeName {
    Organisation,
    Tenant(Name),
    Team(Name, Name),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is org, tenant#NAME or team#TENANT/NAME")]
pub(crate) struct ScopeError;

impl FromStr for ScopeName {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = |text: &str| text.parse::<Name>().map_err(|_| ScopeError);
        match text.split_once('#') {
            None if text == "org" => Ok(Self::Organisation),
            Some(("tenant", tenant)) => Ok(Self::Tenant(name(tenant)?)),
            Some(("team", team)) => {
                let (tenant, team) = team.split_once('/').ok_or(ScopeError)?;
                Ok(Self::Team(name(tenant)?, name(team)?))
            }
            _ => Err(ScopeError),
        }
    }
}

impl Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scope().fmt(f)
    }
}

impl ScopeName {
    fn scope(&self) -> Scope {
        match self.clone() {
            Self::Organisation => Scope::Organisation,
            Self::Tenant(tenant) => Scope::Tenant(tenant),
            Self::Team(tenant, team) => Scope::Team(tenant, team),
        }
    }

    /// Sets or takes away what the scope may use.
    fn change(&self, budgets: &mut Budgets, allowance: Option<Allowance>) {
        let (all, name) = match self {
            Self::Organisation => {
                budgets.organisation = allowance.unwrap_or_default();
                return;
            }
            Self::Tenant(tenant) => (&mut budgets.tenants, tenant.to_string()),
            Self::Team(tenant, team) => (&mut budgets.teams, team_name(tenant, team)),
        };
        match allowance {
            Some(allowance) => drop(all.insert(name, allowance)),
            None => drop(all.remove(&name)),
        }
    }
}

impl LimitArgs {
    fn allowance(&self) -> Allowance {
        Allowance {
            day_usd: self.usd_day.map(Usd),
            month_usd: self.usd_month.map(Usd),
            day_tokens: self.tokens_day,
            month_tokens: self.tokens_month,
            mode: if self.shadow { Mode::Shadow } else { Mode::Hard },
            lanes: self.lanes,
        }
    }
}

pub(crate) async fn run(command: Command, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    match command {
        Command::List => {}
        Command::Set { scope, limits } => edit(&deployment, &scope, Some(limits.allowance())).await?,
        Command::Remove { scope } => edit(&deployment, &scope, None).await?,
    }
    screen.show(&list(&deployment).await?)
}

async fn edit(deployment: &Deployment, scope: &ScopeName, allowance: Option<Allowance>) -> Result<(), Error> {
    let change = |text: Option<&str>| {
        let mut budgets: Budgets = match text {
            None => Budgets::default(),
            Some(text) => parse_stored(Document::Budgets, text)?,
        };
        scope.change(&mut budgets, allowance);
        budgets.check().map_err(Error::Faults)?;
        Ok::<String, Error>(serde_json::to_string(&budgets)?)
    };
    match deployment.config.edit(Document::Budgets, change, &first_flag()).await?? {
        Seed::Done(_) => renew_lanes(deployment).await,
        Seed::Contended => Err(Error::Contended),
    }
}

/// Calls back what lanes were granted under the limits before, once no call can be using those any more.
pub(crate) async fn renew_lanes(deployment: &Deployment) -> Result<(), Error> {
    tokio::time::sleep(HEAD_MAX_AGE * 2).await;
    if deployment.lanes.give_all_back(clock::now()).await? { Ok(()) } else { Err(Error::LanesBusy) }
}

async fn list(deployment: &Deployment) -> Result<BudgetList, Error> {
    let budgets: Budgets = match deployment.settings.document(Document::Budgets).await? {
        None => Budgets::default(),
        Some(text) => parse_stored(Document::Budgets, &text)?,
    };
    let tenants = budgets.tenants.iter().map(|(name, allowance)| (format!("tenant#{name}"), *allowance));
    let teams = budgets.teams.iter().map(|(name, allowance)| (format!("team#{name}"), *allowance));
    let all = [("org".to_owned(), budgets.organisation)].into_iter().chain(tenants).chain(teams);
    let (mut rows, today) = (Vec::new(), clock::now().day());
    for (name, allowance) in all {
        // Names were checked when they were written.
        let Ok(scope) = name.parse::<ScopeName>() else { continue };
        let spent = deployment.counters.spent(&scope.scope(), today).await?;
        rows.extend(Row::of(&name, &allowance.budget(), &spent));
    }
    Ok(BudgetList(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_named_as_refusals_name_it() {
        for text in ["org", "tenant#acme", "team#acme/search"] {
            assert_eq!(text.parse::<ScopeName>().unwrap().to_string(), text);
        }
        for text in ["", "organisation", "tenant#", "tenant#a/b", "team#search", "team#a/b/c", "user#a/b"] {
            assert_eq!(text.parse::<ScopeName>(), Err(ScopeError), "{text}");
        }
    }

    #[test]
    fn a_scope_is_set_as_a_whole_and_taken_away_again() {
        let mut budgets = Budgets::default();
        let team = "team#acme/search".parse::<ScopeName>().unwrap();
        let day = Allowance { day_tokens: Some(5), ..Allowance::default() };
        let month = Allowance { month_tokens: Some(50), ..Allowance::default() };

        team.change(&mut budgets, Some(day));
        team.change(&mut budgets, Some(month));
        assert_eq!(budgets.teams["acme/search"], month);

        team.change(&mut budgets, None);
        ScopeName::Organisation.change(&mut budgets, Some(day));
        ScopeName::Organisation.change(&mut budgets, None);
        assert_eq!(budgets, Budgets::default());
    }
}
