//! What a run of the stack was asked for, and the paths that follow from it.

use std::path::{Path, PathBuf};

use crate::emulator::Iam;

/// The name that the template is deployed under.
pub(super) const STACK: &str = "tollgate";
pub(super) const REGION: &str = "us-east-1";

/// The front door's port, and the two after it, must be there.
const LAST_PORT: i64 = 65_533;

/// The stack's options. Paths are relative to the working directory, which is the checkout.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Port of the front door; the emulator takes the next one, the provider stand-in the one after
    #[arg(long, env = "PORT", default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=LAST_PORT))]
    pub port: u16,
    /// Enforce the template's IAM policies
    #[arg(long)]
    pub auth: bool,
    /// Where the stack keeps its logs, its description and its environment file
    #[arg(long, default_value = "target/local")]
    pub state_dir: PathBuf,
    /// Where the functions' executables and the tollgate command are
    #[arg(long, default_value = "target/debug")]
    pub binaries: PathBuf,
    /// The Python that the emulator is installed for
    #[arg(long, default_value = "target/tools/stack/bin/python")]
    pub python: PathBuf,
    /// A parameter of the template
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// A file to write when the stack is ready
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
}

impl Settings {
    pub(super) fn emulator_port(&self) -> u16 {
        self.port.saturating_add(1)
    }

    pub(super) fn standin_port(&self) -> u16 {
        self.port.saturating_add(2)
    }

    pub(super) fn front_door_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn standin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.standin_port())
    }

    pub(super) fn iam(&self) -> Iam {
        if self.auth { Iam::Enforced } else { Iam::Ignored }
    }

    pub(super) fn log_file(&self, name: &str) -> PathBuf {
        self.state_dir.join("logs").join(format!("{name}.log"))
    }

    pub(super) fn env_file(&self) -> PathBuf {
        self.state_dir.join("env")
    }

    pub(super) fn functions_env_file(&self) -> PathBuf {
        self.state_dir.join("functions.env")
    }

    pub(super) fn stack_file(&self) -> PathBuf {
        self.state_dir.join("stack.json")
    }

    pub(super) fn temp_dir(&self) -> PathBuf {
        self.state_dir.join("tmp")
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.state_dir.join("pid")
    }

    pub(super) fn operator(&self) -> PathBuf {
        self.binaries.join("tollgate")
    }
}

/// A file of the emulator's part of this crate, in the checkout.
pub(super) fn emulator_script(name: &str) -> PathBuf {
    Path::new("crates/local/emulator").join(name)
}
