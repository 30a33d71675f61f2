//! What a target says amid its stream instead of an answer. Providers answer 200 before they read the request, so what
//! would have been a status comes as an event.

use serde::Deserialize;
use serde_json::json;

use crate::model::ModelError;

/// A chunk of chat, or an event of Responses.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    error: Option<Said>,
    #[serde(default)]
    response: Option<Failed>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(default)]
    error: Option<Said>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// Codes of what the caller did wrong, which nobody else would take either.
const CALLERS: [&str; 5] = [
    "context_length_exceeded",
    "content_filter",
    "content_policy_violation",
    "invalid_prompt",
    "invalid_request_error",
];

/// The error that an event is, where its code says what can be done about it: a caller's own mistake, or too much at once.
#[must_use]
pub fn read(json: &[u8]) -> Option<ModelError> {
    if !json.windows(7).any(|part| part == b"\"error\"") && !json.windows(6).any(|part| part == b"failed") {
        return None;
    }
    let Event { r#type, error, response, code, message } = serde_json::from_slice(json).ok()?;
    let own = (r#type.as_deref() == Some("error")).then_some(Said { code, message });
    let said = error.or_else(|| response?.error).or(own)?;
    let code = said.code?;
    if code == "rate_limit_exceeded" {
        return Some(ModelError::Throttled { retry_after: None });
    }
    if !CALLERS.contains(&code.as_str()) {
        return None;
    }
    let error =
        json!({"message": said.message, "type": "invalid_request_error", "param": null, "code": code});
    Some(ModelError::Refused { status: 400, body: json!({"error": error}).to_string().into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    fn cause(json: &str) -> Option<Cause> {
        Cause::of(&read(json.as_bytes())?)
    }

    #[test]
    fn what_the_caller_did_wrong_is_known_in_every_dialect() {
        for json in [
            r#"{"error":{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            r#"{"type":"error","code":"context_length_exceeded","message":"m","param":null,"sequence_number":3}"#,
            r#"{"type":"error","error":{"code":"context_length_exceeded","message":"m"}}"#,
            r#"{"type":"response.failed","response":{"id":"r","error":{"code":"context_length_exceeded","message":"m"}}}"#,
        ] {
            assert_eq!(cause(json), Some(Cause::ContextLength), "{json}");
        }
        assert_eq!(cause(r#"{"error":{"code":"content_filter"}}"#), Some(Cause::ContentFilter));
        assert_eq!(cause(r#"{"error":{"code":"rate_limit_exceeded"}}"#), Some(Cause::Throttle));
    }

    #[test]
    fn other_errors_and_what_is_none_are_left_to_their_readers() {
        for json in [
            r#"{"error":{"message":"overloaded","code":"server_error"}}"#,
            r#"{"error":{"message":"overloaded","code":null}}"#,
            r#"{"error":"odd"}"#,
            r#"{"type":"response.created","response":{"error":null}}"#,
            r#"{"choices":[{"delta":{"content":"the \"error\" is context_length_exceeded"}}]}"#,
            "<html>failed",
        ] {
            assert!(read(json.as_bytes()).is_none(), "{json}");
        }
    }
}
