//! The AWS emulator, a process of its own.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, Command};

/// It is up within a second or two; a cold Python takes longer.
const START_LIMIT: Duration = Duration::from_secs(30);
const HEALTH_POLL: Duration = Duration::from_millis(50);
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// The account's own key: with it everything is allowed.
pub const ROOT_KEY: &str = "test";

/// How the emulator is to be started.
#[derive(Clone, Debug)]
pub struct EmulatorSpec {
    /// The interpreter that it is installed for.
    pub python: PathBuf,
    /// The script that starts it.
    pub launcher: PathBuf,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// Whether policies are enforced.
    pub iam: Iam,
    /// Where its output goes.
    pub log_file: PathBuf,
    /// Where it keeps what it unpacks.
    pub temp_dir: PathBuf,
    /// Where the functions that it runs find S3 Vectors, which it does not know; nowhere where empty.
    pub vectors_url: String,
}

/// What becomes of a call that no policy allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iam {
    /// It is refused.
    Enforced,
    /// It is carried out.
    Ignored,
}

/// A running emulator; dropping it kills it and whatever it started.
#[derive(Debug)]
pub struct Emulator {
    process: Child,
    /// Held open: its end tells the launcher to stop.
    _input: Option<ChildStdin>,
    group: Option<Pid>,
    endpoint: String,
    log_file: PathBuf,
}

/// The emulator did not come up.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// Its process could not be started.
    #[error("cannot start the emulator with {python}")]
    Start {
        /// The interpreter.
        python: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("the emulator ended with {0}")]
    Ended(ExitStatus),
    /// It never answered.
    #[error("the emulator did not answer within {} s", START_LIMIT.as_secs())]
    Silent,
    /// Its process could not be watched.
    #[error("cannot watch the emulator")]
    Watch(#[source] io::Error),
}

impl Emulator {
    /// Starts it and waits until it answers.
    pub async fn start(spec: &EmulatorSpec) -> Result<Self, EmulatorError> {
        let endpoint = format!("http://127.0.0.1:{}", spec.port);
        let start = |source| EmulatorError::Start { python: spec.python.clone(), source };
        let mut process = command(spec, &endpoint).and_then(|mut command| command.spawn()).map_err(start)?;
        let group = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let mut emulator =
            Self { _input: process.stdin.take(), process, group, endpoint, log_file: spec.log_file.clone() };
        emulator.wait_until_healthy().await?;
        Ok(emulator)
    }

    /// Where it answers.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where its output goes.
    pub fn log_file(&self) -> &Path {
        &self.log_file
    }

    /// Waits for an end that nobody asked for.
    pub async fn ended(&mut self) -> EmulatorError {
        match self.process.wait().await {
            Ok(status) => EmulatorError::Ended(status),
            Err(error) => EmulatorError::Watch(error),
        }
    }

    /// Stops it and whatever it started.
    pub async fn stop(mut self) {
        self.signal(Signal::TERM);
        // Whoever is left after that is killed by the drop.
        drop(tokio::time::timeout(STOP_LIMIT, self.process.wait()).await);
    }

    async fn wait_until_healthy(&mut self) -> Result<(), EmulatorError> {
        let http = reqwest::Client::new();
        let url = format!("{}/_ministack/health", self.endpoint);
        let healthy = async {
            while !http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                tokio::time::sleep(HEALTH_POLL).await;
            }
        };
        tokio::select! {
            status = self.process.wait() => Err(status.map_or_else(EmulatorError::Watch, EmulatorError::Ended)),
            answer = tokio::time::timeout(START_LIMIT, healthy) => answer.map_err(|_| EmulatorError::Silent),
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // The group may be gone already, which is what is wanted.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn command(spec: &EmulatorSpec, endpoint: &str) -> io::Result<Command> {
    std::fs::create_dir_all(&spec.temp_dir)?;
    let output = File::create(&spec.log_file)?;
    let mut command = Command::new(&spec.python);
    command
        .arg(&spec.launcher)
        // It hands its whole environment to the functions that it runs.
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TMPDIR", &spec.temp_dir)
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", spec.port.to_string())
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ENDPOINT_URL_S3VECTORS", &spec.vectors_url)
        .env("AWS_ACCESS_KEY_ID", ROOT_KEY)
        .env("AWS_SECRET_ACCESS_KEY", ROOT_KEY)
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        // So that even a supervisor that was killed leaves no orphan.
        .env("STOP_WITH_STDIN", "1")
        .stdin(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .stdout(output.try_clone()?)
        .stderr(output);
    if spec.iam == Iam::Enforced {
        command.env("AUTH", "true");
    }
    Ok(command)
}
