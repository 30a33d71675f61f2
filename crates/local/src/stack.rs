//! What was deployed, as `deploy.py` reads it back from the emulator.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::standin::VectorIndex;

/// The deployed stack.
#[derive(Debug, Deserialize)]
pub struct Stack {
    /// Its name.
    #[serde(rename = "stack")]
    pub name: String,
    /// The region that it believes to be in.
    pub region: String,
    /// The emulator.
    pub endpoint: String,
    /// The template's outputs.
    pub outputs: BTreeMap<String, String>,
    /// The functions, by logical id.
    pub functions: BTreeMap<String, DeployedFunction>,
    /// The REST API.
    pub openapi: serde_json::Value,
    /// The values of the API keys that have a usage plan.
    pub api_keys: BTreeSet<String>,
    /// The event source mappings.
    pub streams: Vec<StreamMapping>,
    /// The scheduled rules.
    pub schedules: Vec<Rule>,
    /// The indexes of vectors.
    pub vector_indexes: Vec<VectorIndex>,
}

/// A function as it was deployed.
#[derive(Debug, Deserialize)]
pub struct DeployedFunction {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The role that it runs under.
    pub role_arn: String,
    /// The name of its executable.
    pub binary: String,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// How long an invocation may take.
    pub timeout_secs: u64,
    /// Its memory.
    pub memory_mb: u32,
    /// How many environments it may have, where that is reserved.
    pub reserved_concurrency: Option<usize>,
}

/// A stream that a function is fed from.
#[derive(Debug, Deserialize)]
pub struct StreamMapping {
    /// The mapping's UUID.
    pub id: String,
    /// The function's logical id.
    pub function: String,
    /// The stream.
    pub stream_arn: String,
    /// `BatchSize`.
    pub batch_size: usize,
    /// `MaximumBatchingWindowInSeconds`.
    pub window_secs: u64,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// `MaximumRetryAttempts`; -1 stands for "until it succeeds".
    pub max_retries: i64,
    /// The bucket of `OnFailure`.
    pub on_failure_bucket: Option<String>,
    /// `ReportBatchItemFailures`.
    pub partial: bool,
    /// `TRIM_HORIZON` or `LATEST`.
    pub starting_position: String,
}

/// A scheduled rule.
#[derive(Debug, Deserialize)]
pub struct Rule {
    /// The function's logical id.
    pub function: String,
    /// How often it fires.
    pub rate_secs: u64,
    /// Its ARN.
    pub rule_arn: String,
    /// A constant that is sent instead of the event.
    pub input: Option<serde_json::Value>,
}

/// The description of the stack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// There is none.
    #[error("cannot read the description of the stack")]
    Unreadable(#[from] std::io::Error),
    /// It is not what was agreed.
    #[error("cannot understand the description of the stack")]
    Malformed(#[from] serde_json::Error),
    /// It lacks something.
    #[error("the stack has no {kind} {name}")]
    Missing {
        /// What is missing.
        kind: &'static str,
        /// Which.
        name: String,
    },
}

impl Stack {
    /// Reads a description.
    pub fn read(path: &Path) -> Result<Self, StackError> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    /// A function by its logical id.
    pub fn function(&self, id: &str) -> Result<&DeployedFunction, StackError> {
        self.functions.get(id).ok_or_else(|| StackError::missing("function", id))
    }

    /// An output by its key.
    pub fn output(&self, key: &str) -> Result<&str, StackError> {
        let value = self.outputs.get(key).ok_or_else(|| StackError::missing("output", key))?;
        Ok(value)
    }
}

impl StackError {
    pub(crate) fn missing(kind: &'static str, name: &str) -> Self {
        Self::Missing { kind, name: name.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stack() -> Stack {
        let description = json!({
            "stack": "tollgate",
            "region": "us-east-1",
            "endpoint": "http://127.0.0.1:8081",
            "outputs": { "ApiId": "abc" },
            "functions": { "EmitterFunction": {
                "name": "tollgate-emitter",
                "arn": "arn:aws:lambda:us-east-1:000000000000:function:tollgate-emitter",
                "role_arn": "arn:aws:iam::000000000000:role/emitter",
                "binary": "emitter",
                "environment": { "ROLLUPS_TABLE": "tollgate-rollups" },
                "timeout_secs": 60,
                "memory_mb": 256,
                "reserved_concurrency": null,
            } },
            "openapi": {},
            "api_keys": ["tollgate-000000000000-standard"],
            "streams": [],
            "schedules": [{ "function": "ReconcilerFunction", "rate_secs": 60, "rule_arn": "arn", "input": null }],
            "vector_indexes": [{ "bucket": "tollgate-vectors", "index": "questions-1024", "dimension": 1024 }],
        });
        serde_json::from_value(description).unwrap()
    }

    #[test]
    fn finds_what_was_deployed() {
        let stack = stack();

        assert_eq!(stack.output("ApiId").unwrap(), "abc");
        assert_eq!(stack.function("EmitterFunction").unwrap().binary, "emitter");
        assert_eq!(stack.schedules[0].input, None);
        assert_eq!(stack.vector_indexes[0].dimension, 1_024);
    }

    #[test]
    fn names_what_is_missing() {
        let stack = stack();

        let output = stack.output("BudgetName").unwrap_err().to_string();
        let function = stack.function("InvokeFunction").unwrap_err().to_string();

        assert_eq!(output, "the stack has no output BudgetName");
        assert_eq!(function, "the stack has no function InvokeFunction");
    }
}
