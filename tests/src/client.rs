//! The official OpenAI clients, each as a process that prints an event per line.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::stack::{Stack, root};

/// Which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `openai` for Python.
    Python,
    /// `openai` for Node.
    Node,
}

impl Client {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Python, Self::Node];

    /// Runs one command of the client with a key; the events that it printed.
    ///
    /// # Panics
    /// If it cannot be run, or prints anything but events.
    pub async fn run(self, stack: &Stack, key: &str, arguments: &[&str]) -> Vec<Value> {
        let mut command = match self {
            Self::Python => {
                let mut command = Command::new(root().join("target/tools/clients/bin/python"));
                command.arg(root().join("tests/clients/client.py"));
                command
            }
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(root().join("tests/clients/client.mjs"));
                command
            }
        };
        command.args(arguments).stdin(Stdio::null());
        command.env("OPENAI_BASE_URL", stack.variable("OPENAI_BASE_URL")).env("OPENAI_API_KEY", key);
        let output = command.output().await.expect("`make tools` has installed the clients");
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!said.is_empty(), "{self:?} {arguments:?}: {complaint}");
        said.lines().map(|line| serde_json::from_str(line).expect("an event per line")).collect()
    }

    /// The same, for the one event that a whole answer is.
    pub async fn event(self, stack: &Stack, key: &str, arguments: &[&str]) -> Value {
        self.run(stack, key, arguments).await.pop().unwrap_or_default()
    }
}
