//! The process of an environment.

use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::{Credentials, FunctionSpec, StartError};

/// How long a process may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);

pub(super) struct Process {
    child: Child,
}

impl Process {
    pub(super) fn start(
        spec: &FunctionSpec,
        runtime_api: &str,
        credentials: &Credentials,
    ) -> Result<Self, StartError> {
        let log = || open_log(&spec.log_file);
        let child = Command::new(&spec.binary)
            .env_clear()
            .envs(&spec.environment)
            .envs(reserved(spec, runtime_api))
            .envs(credentials.variables())
            .stdin(Stdio::null())
            .stdout(log()?)
            .stderr(log()?)
            // In a group of its own, a frozen process is ended by the kernel when this one dies without a word
            // (a stopped group that loses its parent gets SIGHUP); and Ctrl-C reaches only us.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| StartError::Execute { path: spec.binary.display().to_string(), source })?;
        Ok(Self { child })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Nothing runs between invocations, as on Lambda.
    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for the end of the process and says how it ended.
    pub(super) async fn end(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => describe(status),
            Err(error) => format!("Runtime could not be watched: {error}"),
        }
    }

    pub(super) async fn kill(&mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a process could not be killed");
        }
    }

    pub(super) async fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.thaw();
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            self.kill().await;
        }
    }

    fn signal(&self, signal: Signal) {
        // A child that was waited for has no id, so a number that was given to another process is never hit.
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            return;
        };
        if let Err(error) = kill_process(pid, signal) {
            tracing::debug!(%error, "a process had gone before its signal");
        }
    }
}

/// Appending is atomic, so environments share the file line by line.
fn open_log(path: &Path) -> Result<Stdio, StartError> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map(Stdio::from).map_err(|source| StartError::Log { path: path.display().to_string(), source })
}

/// The variables that Lambda sets and a function cannot.
fn reserved(spec: &FunctionSpec, runtime_api: &str) -> Vec<(&'static str, String)> {
    let region = spec.arn.split(':').nth(3).unwrap_or("us-east-1");
    let root = spec.binary.parent().unwrap_or(Path::new("/"));
    vec![
        ("_HANDLER", "bootstrap".to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("[$LATEST]{}", uuid::Uuid::now_v7().simple())),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
        ("LAMBDA_TASK_ROOT", root.display().to_string()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(9)) => "Runtime exited with error: signal: killed".to_owned(),
        (None, signal) => format!("Runtime exited with error: signal: {}", signal.unwrap_or(0)),
    }
}
