//! The programs that prepare the stack: `deploy.py` and the `tollgate` command.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use serde::Deserialize;
use tokio::process::Command;

use super::environment::Environment;
use super::settings::{REGION, STACK, Settings, emulator_script};
use crate::emulator::ROOT_KEY;

/// Budget and rate of the key that `make run` makes.
const DEMO_KEY: [&str; 11] =
    ["keys", "create", "--user", "demo", "--team", "demo", "--rate", "50", "--burst", "100", "--json"];

/// A program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It cannot be started.
    #[error("cannot run {program}")]
    Start {
        /// Which.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// It said no.
    #[error("{program} ended with {status}:\n{output}")]
    Failed {
        /// Which.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        output: String,
    },
    /// It said something else than was agreed.
    #[error("cannot understand what {program} printed")]
    Output {
        /// Which.
        program: String,
        /// Why not.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct CreatedKey {
    key: String,
}

/// What a laptop deploys otherwise than the template's defaults: all that the local stack can do, and nothing else. The
/// emulator's CloudFormation takes no metric math and knows neither anomaly detectors nor insight rules.
const PARAMETERS: [&str; 4] = ["--param", "SemanticCache=true", "--param", "CloudWatchInsights=false"];

/// Deploys the template and leaves the stack's description in the state directory.
pub(super) async fn deploy(settings: &Settings, endpoint: &str) -> Result<(), ToolError> {
    let mut command = clean_command(&settings.python);
    command
        .arg(emulator_script("deploy.py"))
        .args(["--endpoint", endpoint, "--stack", STACK, "--region", REGION, "--template", "template.yaml"])
        .args(PARAMETERS)
        .arg("--binaries")
        .arg(&settings.binaries)
        .arg("--out")
        .arg(settings.stack_file())
        // The address that the template works out is one of AWS.
        .arg("--param")
        .arg(format!("FrontDoorUrl={}/v1", settings.front_door_url()))
        .args(settings.params.iter().flat_map(|param| ["--param", param]))
        .envs([("AWS_ACCESS_KEY_ID", ROOT_KEY), ("AWS_SECRET_ACCESS_KEY", ROOT_KEY)]);
    run("deploy.py", &mut command).await.map(drop)
}

/// Puts the shipped configuration into the config table.
pub(super) async fn seed(settings: &Settings, environment: &Environment) -> Result<(), ToolError> {
    let mut command = clean_command(&settings.operator());
    command.args(["config", "seed"]).envs(environment.variables());
    run("tollgate config seed", &mut command).await.map(drop)
}

/// Makes a key and tells it.
pub(super) async fn create_key(settings: &Settings, environment: &Environment) -> Result<String, ToolError> {
    let program = "tollgate keys create";
    let mut command = clean_command(&settings.operator());
    command.args(DEMO_KEY).envs(environment.variables());
    let printed = run(program, &mut command).await?;
    let created: CreatedKey = serde_json::from_slice(&printed)
        .map_err(|source| ToolError::Output { program: program.to_owned(), source })?;
    Ok(created.key)
}

/// Nothing of the operator's own AWS settings may reach it.
fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn run(program: &str, command: &mut Command) -> Result<Vec<u8>, ToolError> {
    let start = |source| ToolError::Start { program: program.to_owned(), source };
    let output = command.output().await.map_err(start)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said).trim_end().to_owned();
    Err(ToolError::Failed { program: program.to_owned(), status: output.status, output: text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tells_what_a_failed_program_said() {
        let mut command = clean_command(Path::new("/bin/sh"));
        command.args(["-c", "echo out; echo no such table >&2; exit 3"]);

        let error = run("probe", &mut command).await.unwrap_err();

        assert_eq!(error.to_string(), "probe ended with exit status: 3:\nout\nno such table");
    }

    #[tokio::test]
    async fn hides_the_environment_of_the_operator() {
        let mut command = clean_command(Path::new("/bin/sh"));
        command.args(["-c", "echo ${HOME:-none} ${CARGO_MANIFEST_DIR:-none}"]);

        let printed = run("probe", &mut command).await.unwrap();

        assert_eq!(String::from_utf8_lossy(&printed), "none none\n");
    }
}
