//! `tollgate-local`: the local stack in the foreground, or in the background.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tollgate_local::supervisor::{self, Settings};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the stack and keep it until Ctrl-C
    Run(Settings),
    /// Start the stack in the background and wait until it is ready
    Up(Settings),
    /// Stop the stack that `up` started
    Down(Settings),
}

#[tokio::main]
async fn main() -> ExitCode {
    match execute(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            drop(writeln!(std::io::stderr(), "{}", supervisor::explain(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Run(settings) => Ok(supervisor::run(&settings).await?),
        Command::Up(settings) => Ok(supervisor::up(&settings).await?),
        Command::Down(settings) => Ok(supervisor::down(&settings).await?),
    }
}
