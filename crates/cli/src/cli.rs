//! The command line: global options and the command groups.

use std::io::Write;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::screen::Screen;
use crate::{
    actions, budgets, cache, config, flag, forecast, keys, ledger, providers, reconcile, resume, spend,
    tenants,
};

/// Operates a Tollgate deployment: keys, the kill switch, spend, the ledger and the configuration
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// CloudFormation stack of the deployment
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "NAME", env = "TOLLGATE_STACK", default_value = "tollgate")]
    stack: String,
    /// Answer in JSON
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const GLOBAL: &str = "Every command";

const AFTER_HELP: &str = "\
Region, credentials and endpoint come from the environment and the AWS profile, as for the AWS command line:
AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, ..., and AWS_ENDPOINT_URL for a local stack. With single sign-on,
first run: eval \"$(aws configure export-credentials --format env)\"

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Create, change, list, rotate, suspend and revoke API keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Stop all calls, or admit them
    #[command(subcommand)]
    Flag(flag::Command),
    Resume(resume::Resume),
    Actions(actions::Actions),
    Spend(spend::Spend),
    Forecast(forecast::Forecast),
    Reconcile(reconcile::Reconcile),
    /// Set and list what organisation, tenants and teams may spend
    #[command(subcommand)]
    Budgets(budgets::Command),
    /// Show, explain and purge what is kept of answers
    #[command(subcommand)]
    Cache(cache::Command),
    /// Show single calls
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Show how targets do, and open or close their breakers
    #[command(subcommand)]
    Providers(providers::Command),
    /// Check, write and show catalogue, prices, routing, budgets and enforcement
    #[command(subcommand)]
    Config(config::Command),
    /// Register the accounts in which tenants' calls run
    #[command(subcommand)]
    Tenants(tenants::Command),
}

impl Cli {
    /// Does what was asked and writes the answer to `out`.
    pub(crate) async fn run(self, out: &mut dyn Write) -> Result<(), Error> {
        let mut screen = Screen::new(out, self.json);
        let stack = &self.stack;
        match self.command {
            Command::Keys(command) => keys::run(command, stack, &mut screen).await,
            Command::Flag(command) => flag::run(command, stack, &mut screen).await,
            Command::Resume(wish) => resume::run(wish, stack, &mut screen).await,
            Command::Actions(wish) => actions::run(wish, stack, &mut screen).await,
            Command::Spend(wish) => spend::run(wish, stack, &mut screen).await,
            Command::Forecast(wish) => forecast::run(wish, stack, &mut screen).await,
            Command::Reconcile(wish) => reconcile::run(wish, stack, &mut screen).await,
            Command::Budgets(command) => budgets::run(command, stack, &mut screen).await,
            Command::Cache(command) => cache::run(command, stack, &mut screen).await,
            Command::Ledger(command) => ledger::run(command, stack, &mut screen).await,
            Command::Providers(command) => providers::run(command, stack, &mut screen).await,
            Command::Config(command) => config::run(command, stack, &mut screen).await,
            Command::Tenants(command) => tenants::run(command, stack, &mut screen).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
