//! The policy that API Gateway takes.

use std::collections::BTreeMap;

use serde::Serialize;

/// An IAM policy over the whole stage, and the context that invoke and the gateway responses read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    principal_id: String,
    policy_document: Policy,
    context: BTreeMap<String, String>,
    /// The value of the API key whose usage plan the call counts for, where `ApiKeySourceType` is `AUTHORIZER`.
    usage_identifier_key: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    action: &'static str,
    effect: Effect,
    resource: String,
}

/// Whether the call may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// Whom an answer is about.
pub(crate) struct Subject {
    pub(crate) key_id: String,
    pub(crate) usage_key: String,
    pub(crate) resource: String,
}

impl Answer {
    pub(crate) fn new(effect: Effect, subject: Subject, context: BTreeMap<String, String>) -> Self {
        let Subject { key_id, usage_key, resource } = subject;
        let statement = Statement { action: "execute-api:Invoke", effect, resource };
        let policy_document = Policy { version: "2012-10-17", statement: [statement] };
        Self { principal_id: key_id, policy_document, context, usage_identifier_key: usage_key }
    }
}
