//! A local stack of a test's own: its ports, its folder, its processes.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// How long a stack may take to be ready, on a machine that is busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How often something that happens in another process is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Whether the emulator enforces the template's IAM policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iam {
    /// It does.
    Enforced,
    /// Everybody may do all.
    Ignored,
}

/// A running stack. One that was started here stops when it is dropped.
pub struct Stack {
    /// None where somebody else has started it.
    supervisor: Option<Child>,
    folder: PathBuf,
    /// The variables of its environment file.
    pub environment: BTreeMap<String, String>,
}

impl Stack {
    /// Starts a stack and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start; the message holds what it printed.
    pub async fn start(name: &str, iam: Iam) -> Self {
        Self::start_with(name, iam, &[]).await
    }

    /// The same, with these parameters of the template, each as `NAME=VALUE`.
    ///
    /// # Panics
    /// If it does not start; the message holds what it printed.
    pub async fn start_with(name: &str, iam: Iam, params: &[&str]) -> Self {
        let folder = PathBuf::from("target/end-to-end").join(name);
        let root = root();
        std::fs::create_dir_all(root.join(&folder)).expect("the target folder can be written");
        let output =
            std::fs::File::create(root.join(&folder).join("output")).expect("the folder can be written");
        let ready = folder.join("ready");
        // It is there only if an earlier run was cut short.
        drop(std::fs::remove_file(root.join(&ready)));
        let mut command = Command::new(root.join("target/debug/tollgate-local"));
        command.current_dir(&root).arg("run").args(["--port", &free_ports().to_string()]);
        command.arg("--state-dir").arg(&folder).arg("--ready-file").arg(&ready);
        if iam == Iam::Enforced {
            command.arg("--auth");
        }
        command.args(params.iter().flat_map(|param| ["--param", param]));
        command.stdin(Stdio::null()).stderr(output.try_clone().expect("a file can be shared")).stdout(output);
        let supervisor = command.spawn().expect("`make bins` has built target/debug/tollgate-local");
        let mut stack = Self { supervisor: Some(supervisor), folder, environment: BTreeMap::new() };
        stack.wait_until_ready(&root.join(ready)).await;
        stack.environment = stack.read_environment();
        stack
    }

    /// The one that `make up` has started.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn running() -> Self {
        let mut stack =
            Self { supervisor: None, folder: PathBuf::from("target/local"), environment: BTreeMap::new() };
        assert!(stack.path("env").exists(), "no stack is running here: `make up` starts one");
        stack.environment = stack.read_environment();
        stack
    }

    async fn wait_until_ready(&mut self, ready: &Path) {
        let came = eventually(START_TIMEOUT, async || {
            let child = self.supervisor.as_mut()?;
            let ended = child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "the stack ended:\n{}", self.output());
            ready.exists().then_some(())
        });
        let is_ready = came.await.is_some();
        assert!(is_ready, "the stack is not ready:\n{}", self.output());
    }

    fn read_environment(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.path("env")).expect("a ready stack has written it");
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// A file in the stack's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        root().join(&self.folder).join(name)
    }

    /// What the supervisor has printed.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.path("output")).unwrap_or_default()
    }

    /// What a function, or the emulator, has logged.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("logs").join(format!("{name}.log"))).unwrap_or_default()
    }

    /// A variable of the environment file.
    #[must_use]
    pub fn variable(&self, name: &str) -> &str {
        self.environment
            .get(name)
            .map_or_else(|| panic!("{name} is not in the environment file"), String::as_str)
    }

    /// The output of the CloudFormation stack.
    pub async fn stack_output(&self, name: &str) -> String {
        let answer = self.aws("cloudformation", "describe_stacks", &serde_json::json!({})).await;
        let outputs = answer["Stacks"][0]["Outputs"].as_array().expect("the stack has outputs").clone();
        let found = outputs.iter().find(|output| output["OutputKey"] == name);
        found
            .and_then(|output| output["OutputValue"].as_str())
            .expect("the template has this output")
            .to_owned()
    }

    /// One AWS call with the stack's credentials.
    pub async fn aws(&self, service: &str, operation: &str, arguments: &Value) -> Value {
        self.aws_as(None, service, operation, arguments).await
    }

    /// One AWS call as the root of another account.
    ///
    /// # Panics
    /// If the call fails.
    pub async fn aws_as(
        &self,
        account: Option<&str>,
        service: &str,
        operation: &str,
        arguments: &Value,
    ) -> Value {
        let mut command = tokio::process::Command::new(root().join("target/tools/stack/bin/python"));
        command.arg(root().join("tests/clients/aws.py")).args([service, operation, &arguments.to_string()]);
        let output = command.args(account).envs(&self.environment).output().await.expect("python runs");
        assert!(output.status.success(), "{operation}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("aws.py prints JSON")
    }

    /// Runs the operator's command; its JSON and whether it succeeded.
    ///
    /// # Panics
    /// If it cannot be run.
    pub async fn tollgate(&self, arguments: &[&str]) -> (Value, bool) {
        let mut command = tokio::process::Command::new(root().join("target/debug/tollgate"));
        let output = command.arg("--json").args(arguments).envs(&self.environment).output().await;
        let output = output.expect("`make bins` has built target/debug/tollgate");
        let said = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&output.stderr).into_owned()));
        (said, output.status.success())
    }

    /// Makes a key, with these further options.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn key(&self, user: &str, team: &str, options: &[&str]) -> String {
        let arguments = [&["keys", "create", "--user", user, "--team", team], options].concat();
        let (said, is_made) = self.tollgate(&arguments).await;
        assert!(is_made, "{said}");
        said["key"].as_str().expect("a made key is shown").to_owned()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let Some(supervisor) = &mut self.supervisor else { return };
        let pid = supervisor.id().to_string();
        let stopped = Command::new("kill").args(["-TERM", &pid]).status();
        if stopped.is_err() {
            // Then the process is gone already, or this ends it.
            drop(supervisor.kill());
        }
        drop(supervisor.wait());
    }
}

/// Looks until something is there, or the time is over.
pub async fn eventually<T>(time: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let search = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(time, search).await.ok()
}

/// The checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the checkout").to_owned()
}

/// The first of three ports in a row that nobody has.
fn free_ports() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let candidate = || Some(TcpListener::bind(("127.0.0.1", 0)).ok()?.local_addr().ok()?.port());
    let all_free = |first: &u16| *first < u16::MAX - 3 && (0..3).all(|offset| is_free(first + offset));
    (0..100).filter_map(|_| candidate()).find(all_free).expect("three free ports in a row")
}
