//! What API Gateway's REQUEST event says, as far as it concerns us.

use serde_json::Value;
use tollgate_core::key::{ApiKey, KeyError};

/// A call to be judged.
pub(crate) struct Request {
    /// All of the stage: what a policy is about, so that it would be right for any route if it were ever cached.
    pub(crate) stage_arn: String,
    /// The method and the resource, such as `GET /v1/models/{model}`.
    pub(crate) route: String,
    /// What the caller shows.
    pub(crate) key: Result<ApiKey, CredentialError>,
}

/// Why an event is none of API Gateway's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EventError {
    #[error("the event is none of a REQUEST authorizer")]
    Type,
    #[error("methodArn is not the ARN of an API's method")]
    MethodArn,
    #[error("httpMethod and resource name no route")]
    Route,
    #[error("{0} does not hold texts by name")]
    Headers(&'static str),
}

/// Why the Authorization header holds no key of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    #[error("no Authorization header")]
    Missing,
    #[error("more than one Authorization header")]
    Ambiguous,
    #[error("the Authorization header holds no bearer key")]
    Scheme,
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Request {
    pub(crate) fn read(event: &Value) -> Result<Self, EventError> {
        if event["type"] != "REQUEST" {
            return Err(EventError::Type);
        }
        let method_arn = event["methodArn"].as_str().ok_or(EventError::MethodArn)?;
        let stage_arn = whole_stage(method_arn).ok_or(EventError::MethodArn)?;
        let route = route(event).ok_or(EventError::Route)?;
        Ok(Self { stage_arn, route, key: bearer(&authorizations(event)?) })
    }
}

fn route(event: &Value) -> Option<String> {
    let (method, resource) = (event["httpMethod"].as_str()?, event["resource"].as_str()?);
    (!method.is_empty() && resource.starts_with('/')).then(|| format!("{method} {resource}"))
}

/// `arn:<partition>:execute-api:<region>:<account>:<api>/<stage>/*`.
fn whole_stage(method_arn: &str) -> Option<String> {
    let mut segments = method_arn.split('/');
    let (api, stage, _method) = (segments.next()?, segments.next()?, segments.next()?);
    let parts: Vec<&str> = api.split(':').collect();
    let ["arn", _, "execute-api", _, _, id] = parts[..] else { return None };
    (!id.is_empty() && !stage.is_empty()).then(|| format!("{api}/{stage}/*"))
}

/// The distinct values of the header, from both maps: `headers` holds the last of several only.
fn authorizations(event: &Value) -> Result<Vec<&str>, EventError> {
    let mut values = Vec::new();
    for (name, value) in map(event, "headers")? {
        let value = value.as_str().ok_or(EventError::Headers("headers"))?;
        if is_authorization(name) {
            values.push(value);
        }
    }
    for (name, list) in map(event, "multiValueHeaders")? {
        for value in list.as_array().ok_or(EventError::Headers("multiValueHeaders"))? {
            let value = value.as_str().ok_or(EventError::Headers("multiValueHeaders"))?;
            if is_authorization(name) {
                values.push(value);
            }
        }
    }
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

fn map<'a>(
    event: &'a Value,
    name: &'static str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, EventError> {
    match &event[name] {
        Value::Null => Ok(None.into_iter().flatten()),
        Value::Object(map) => Ok(Some(map).into_iter().flatten()),
        _ => Err(EventError::Headers(name)),
    }
}

fn is_authorization(name: &str) -> bool {
    name.eq_ignore_ascii_case("authorization")
}

fn bearer(values: &[&str]) -> Result<ApiKey, CredentialError> {
    let value = match values {
        [] => return Err(CredentialError::Missing),
        [value] => value.trim(),
        _ => return Err(CredentialError::Ambiguous),
    };
    let (scheme, token) = value.split_once(' ').ok_or(CredentialError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(CredentialError::Scheme);
    }
    Ok(ApiKey::parse(token.trim())?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{KEY, event};

    #[test]
    fn a_key_is_found_in_either_map_and_in_any_case() {
        for case in ["valid-key", "lower-case-header", "multi-value-headers-only"] {
            let request = Request::read(&event(case)).unwrap();

            assert_eq!(request.key.unwrap().expose(), KEY, "{case}");
            assert_eq!(request.route, "POST /v1/chat/completions");
            assert_eq!(request.stage_arn, "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/live/*");
        }
    }

    #[test]
    fn a_credential_that_is_no_key_is_told_apart() {
        let bearer = format!("Bearer {KEY}");
        let cases = [
            ("", CredentialError::Scheme),
            ("Bearer", CredentialError::Scheme),
            (KEY, CredentialError::Scheme),
            ("Basic dXNlcjpwYXNz", CredentialError::Scheme),
            ("Bearer\u{a0}tg-", CredentialError::Scheme),
            ("Bearer sk-proj-abc", CredentialError::Key(KeyError::Foreign)),
            ("Bearer Bearer", CredentialError::Key(KeyError::Foreign)),
            ("Bearer tg-", CredentialError::Key(KeyError::Mistyped)),
            ("Bearer tg-ключ-ключ", CredentialError::Key(KeyError::Mistyped)),
            (&bearer.to_uppercase(), CredentialError::Key(KeyError::Foreign)),
            (&format!("{bearer}, {bearer}"), CredentialError::Key(KeyError::Mistyped)),
            (&format!("{bearer}{}", "7".repeat(100_000)), CredentialError::Key(KeyError::Mistyped)),
        ];
        for (value, expected) in cases {
            let mut event = event("no-header");
            event["headers"]["Authorization"] = json!(value);

            let key = Request::read(&event).unwrap().key;

            assert_eq!(key.unwrap_err(), expected, "{value:.60}");
        }
    }

    #[test]
    fn two_headers_that_differ_are_none() {
        let key = Request::read(&event("two-headers")).unwrap().key;

        assert_eq!(key.unwrap_err(), CredentialError::Ambiguous);
    }
}
