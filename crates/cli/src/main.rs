//! `tollgate`, the operator's command: keys, the kill switch, spend, the cache, the ledger and the configuration.

mod actions;
mod budgets;
mod cache;
mod cli;
mod config;
mod deployment;
mod error;
mod flag;
mod forecast;
mod keys;
mod ledger;
mod providers;
mod rate;
mod reconcile;
mod resume;
mod screen;
mod spend;
mod tenants;
mod usd;
mod words;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run(&mut std::io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // Where even that cannot be written, the exit code has to do.
            let _unwritten = writeln!(std::io::stderr(), "{}", error.report());
            ExitCode::FAILURE
        }
    }
}
