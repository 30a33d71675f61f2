//! Model calls that went past the gateway: what `CloudTrail` tells of a call, and whether the caller is one of ours.

use serde::Deserialize;
use serde_json::Value;

/// Where calls of models come from, as `CloudTrail` names it.
pub const SOURCES: [&str; 3] =
    ["bedrock.amazonaws.com", "bedrock-runtime.amazonaws.com", "bedrock-mantle.amazonaws.com"];

/// What a call of a model is called: management events of `bedrock-runtime`, and the data event of `bedrock-mantle`.
pub const OPERATIONS: [&str; 5] =
    ["InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream", "CreateInference"];

/// A call of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCall {
    /// `CloudTrail`'s id of it: the same however often it is delivered.
    pub event_id: String,
    /// Who called: the role behind a session, or the user.
    pub principal: String,
    /// The account that called.
    pub account: String,
    /// Where.
    pub region: String,
    /// What was called.
    pub operation: String,
    /// The model, where the event says so.
    pub model: Option<String>,
    /// Why it was refused; absent where it was not.
    pub refusal: Option<String>,
}

/// An event from `CloudTrail` is no call that could be counted.
#[derive(Debug, thiserror::Error)]
pub enum NoCall {
    /// It is not what `CloudTrail` sends.
    #[error("the event's detail is none of CloudTrail")]
    Unreadable(#[source] serde_json::Error),
    /// It tells of something else.
    #[error("the event is no call of a model, but {operation} of {source_name}")]
    Other {
        /// What.
        operation: String,
        /// Whose.
        source_name: String,
    },
    /// It does not say who called.
    #[error("the event {0} names nobody who called")]
    Nobody(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    #[serde(rename = "eventID")]
    event_id: String,
    event_source: String,
    event_name: String,
    aws_region: String,
    user_identity: Identity,
    error_code: Option<String>,
    request_parameters: Option<Value>,
    recipient_account_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    arn: Option<String>,
    principal_id: Option<String>,
    invoked_by: Option<String>,
    account_id: Option<String>,
    session_context: Option<Session>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_issuer: Option<Issuer>,
}

#[derive(Deserialize)]
struct Issuer {
    arn: Option<String>,
}

impl ModelCall {
    /// Reads the detail of an event.
    pub fn read(detail: &Value) -> Result<Self, NoCall> {
        let detail = Detail::deserialize(detail).map_err(NoCall::Unreadable)?;
        let is_call = SOURCES.contains(&detail.event_source.as_str())
            && OPERATIONS.contains(&detail.event_name.as_str());
        if !is_call {
            return Err(NoCall::Other { operation: detail.event_name, source_name: detail.event_source });
        }
        let parameter =
            |name: &str| Some(detail.request_parameters.as_ref()?.get(name)?.as_str()?.to_owned());
        let model = parameter("modelId").or_else(|| parameter("model"));
        let account = detail.user_identity.account_id.clone().or(detail.recipient_account_id);
        let Some(principal) = detail.user_identity.principal() else {
            return Err(NoCall::Nobody(detail.event_id));
        };
        Ok(Self {
            event_id: detail.event_id,
            principal,
            account: account.unwrap_or_default(),
            region: detail.aws_region,
            operation: detail.event_name,
            model,
            refusal: detail.error_code,
        })
    }
}

impl Identity {
    /// The role behind a session, because a session's own name differs each time; else whoever is named.
    fn principal(self) -> Option<String> {
        let issuer = self.session_context.and_then(|session| session.session_issuer?.arn);
        let names = [issuer, self.arn, self.invoked_by, self.principal_id];
        names.into_iter().flatten().find(|name| !name.is_empty())
    }
}

/// Who calls models for the gateway, by ARN; an asterisk stands for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principals(Vec<String>);

impl Principals {
    /// Of a list with commas.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Self(names.map(str::to_owned).collect())
    }

    /// What a call is.
    #[must_use]
    pub fn judge(&self, call: &ModelCall) -> Sighting {
        if self.0.iter().any(|pattern| matches(pattern, &call.principal)) {
            return Sighting::Ours;
        }
        if call.refusal.is_some() { Sighting::Refused } else { Sighting::Bypass }
    }
}

/// What a call is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// The gateway's own.
    Ours,
    /// Somebody else tried, and was refused: it cost nothing.
    Refused,
    /// Somebody else called a model.
    Bypass,
}

/// Whether a text is as the pattern says, in which an asterisk stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        let Some(place) = text.find(part) else { return false };
        text = &text[place + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests;
