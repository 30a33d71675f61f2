//! Why the stack is not up, or not any more.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use tokio::task::JoinError;

use super::console::tail;
use super::first_call::FirstCallError;
use super::lock::LockError;
use super::ports::PortError;
use super::tool::ToolError;
use crate::emulator::EmulatorError;
use crate::front_door::FrontDoorError;
use crate::stack::StackError;

/// What went wrong; the causes are its sources.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Another stack is up.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A port is taken.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The emulator did not come up or has died.
    #[error("the local AWS is not there")]
    Emulator {
        /// What happened.
        #[source]
        error: EmulatorError,
        /// What it said.
        log: PathBuf,
    },
    /// The template was not deployed, or the stack not prepared.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// What was deployed is not what is needed.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The API cannot be served.
    #[error("cannot serve the API")]
    FrontDoor(#[from] FrontDoorError),
    /// The stack is up and does not work.
    #[error("the stack is up and does not answer as it should")]
    FirstCall {
        /// What happened.
        #[source]
        error: FirstCallError,
        /// What the function said.
        log: PathBuf,
    },
    /// Nobody can come in any more.
    #[error("the front door has closed")]
    FrontDoorClosed,
    /// No model answers any more.
    #[error("the provider stand-in has stopped")]
    Standin(#[source] io::Error),
    /// A part of this process has a defect.
    #[error("a part of the stack has a defect")]
    Defect(#[from] JoinError),
    /// A file cannot be written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Nothing can be logged.
    #[error("cannot start the log")]
    Logs(#[source] Box<dyn Error + Send + Sync>),
    /// The process cannot be told to stop.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

impl SupervisorError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// The log that tells more.
    pub fn log(&self) -> Option<&Path> {
        match self {
            Self::Emulator { log, .. } | Self::FirstCall { log, .. } => Some(log),
            _ => None,
        }
    }
}

/// The error, its causes, and the end of the log that tells more.
pub fn explain(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("error: {}", describe(error));
    if let Some(log) = error.downcast_ref::<SupervisorError>().and_then(SupervisorError::log) {
        text.push_str(&format!("\nthe end of {}:\n{}", log.display(), tail(log)));
    }
    text
}

/// The error and its causes, in one line.
pub(super) fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
