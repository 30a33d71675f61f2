//! `up` and `down`: the same stack in the background.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::console::print;
use super::lock;
use super::settings::Settings;

const POLL: Duration = Duration::from_millis(100);
/// Longer than every grace period of a stop together.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The background stack did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum BackgroundError {
    /// It could not be started or watched.
    #[error("cannot start the stack in the background")]
    Start(#[from] io::Error),
    /// It ended; what it said was shown.
    #[error("the stack did not come up; its logs are in {logs}")]
    NotUp {
        /// Where to look.
        logs: PathBuf,
    },
    /// It does not end.
    #[error("process {pid} does not stop")]
    NotDown {
        /// Which.
        pid: i32,
    },
}

/// Starts the stack in a process group of its own and shows what it says until it is ready.
pub async fn up(settings: &Settings) -> Result<(), BackgroundError> {
    fs::create_dir_all(&settings.state_dir)?;
    let ready_file = settings.ready_file.clone().unwrap_or_else(|| settings.state_dir.join("ready"));
    remove_if_there(&ready_file)?;
    let console_file = settings.state_dir.join("console.log");
    let output = File::create(&console_file)?;
    let mut shown = File::open(&console_file)?;
    let mut stack = Command::new(std::env::current_exe()?)
        .arg("run")
        .args(arguments(settings))
        .arg("--ready-file")
        .arg(&ready_file)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()?;
    loop {
        let is_ready = ready_file.exists();
        let has_ended = stack.try_wait()?.is_some();
        show_new(&mut shown)?;
        match (is_ready, has_ended) {
            (_, true) => {
                return Err(BackgroundError::NotUp { logs: settings.state_dir.join("logs") });
            }
            (true, false) => return Ok(()),
            (false, false) => wait_or_interrupt(&mut stack).await?,
        }
    }
}

/// Stops the stack of this state directory, if one runs.
pub async fn down(settings: &Settings) -> Result<(), BackgroundError> {
    let lock_file = settings.lock_file();
    let Some(pid) = lock::holder(&lock_file) else {
        print("no stack is running here");
        return Ok(());
    };
    if let Some(process) = Pid::from_raw(pid) {
        kill_process(process, Signal::TERM).map_err(io::Error::from)?;
    }
    let stopped = async {
        while lock::holder(&lock_file).is_some() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(STOP_LIMIT, stopped).await.map_err(|_| BackgroundError::NotDown { pid })?;
    print("stopped");
    Ok(())
}

/// Whoever interrupts `up` wants no half-started stack to stay behind.
async fn wait_or_interrupt(stack: &mut Child) -> io::Result<()> {
    tokio::select! {
        () = tokio::time::sleep(POLL) => Ok(()),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            if let Some(pid) = stack.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
                kill_process(pid, Signal::TERM)?;
            }
            stack.wait().await.map(drop)
        }
    }
}

fn arguments(settings: &Settings) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--port".into(), settings.port.to_string().into()];
    let paths = [
        ("--state-dir", &settings.state_dir),
        ("--binaries", &settings.binaries),
        ("--python", &settings.python),
    ];
    for (name, path) in paths {
        arguments.extend([name.into(), path.into()]);
    }
    for param in &settings.params {
        arguments.extend(["--param".into(), param.into()]);
    }
    if settings.auth {
        arguments.push("--auth".into());
    }
    arguments
}

fn show_new(log: &mut File) -> io::Result<()> {
    let mut text = Vec::new();
    log.read_to_end(&mut text)?;
    if !text.is_empty() {
        print(String::from_utf8_lossy(&text).trim_end_matches('\n'));
    }
    Ok(())
}

fn remove_if_there(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
