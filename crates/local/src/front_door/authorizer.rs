//! Asking a REQUEST authorizer, and what its answer comes to.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::gateway_response::{Reason, Refusal};
use super::policy::{Policy, Verdict};
use crate::function::{Function, InvokeError};

/// API Gateway waits no longer for an authorizer.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    principal_id: String,
    policy_document: Policy,
    #[serde(default)]
    context: Option<Map<String, Value>>,
    #[serde(default)]
    usage_identifier_key: Option<String>,
}

/// Who may go on.
pub(super) struct Authorized {
    /// The caller as `requestContext.authorizer` has it.
    pub(super) caller: Map<String, Value>,
    /// The value of the API key whose usage plan the call counts for.
    pub(super) usage_key: Option<String>,
}

/// Why an authorizer's answer cannot be used.
#[derive(Debug, Error)]
enum Malformed {
    #[error("it is not an authorizer's answer")]
    Shape(#[from] serde_json::Error),
    #[error("its principalId is empty")]
    NoPrincipal,
    #[error("its context's {0} is neither a string, a number nor a boolean")]
    Context(String),
}

/// The caller, or why there is none.
pub(super) async fn ask(
    function: &Function,
    question: Value,
    method_arn: &str,
) -> Result<Authorized, Refusal> {
    let asked = function.call(question.to_string().into());
    let answer = match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(InvokeError::Function(error))) if error.message == "Unauthorized" => {
            return Err(Reason::Unauthorized.into());
        }
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "an authorizer failed");
            return Err(Reason::AuthorizerFailure.into());
        }
        Err(_) => {
            tracing::warn!("an authorizer took too long");
            return Err(Reason::AuthorizerFailure.into());
        }
    };
    let (policy, authorized) = read(&answer).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "an authorizer's answer cannot be used");
        Refusal::from(Reason::AuthorizerConfigurationError)
    })?;
    let reason = match policy.weigh(method_arn) {
        Verdict::Allowed => return Ok(authorized),
        Verdict::NotAllowed => Reason::NotAllowed,
        Verdict::Denied => Reason::Denied,
    };
    Err(Refusal { reason, caller: authorized.caller })
}

fn read(answer: &Bytes) -> Result<(Policy, Authorized), Malformed> {
    let answer: Answer = serde_json::from_slice(answer)?;
    if answer.principal_id.is_empty() {
        return Err(Malformed::NoPrincipal);
    }
    let mut caller = Map::new();
    for (key, value) in answer.context.unwrap_or_default() {
        let text = match value {
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(Malformed::Context(key));
            }
        };
        caller.insert(key, text.into());
    }
    caller.insert("principalId".to_owned(), answer.principal_id.into());
    Ok((answer.policy_document, Authorized { caller, usage_key: answer.usage_identifier_key }))
}
