//! Answers with a status of failure, by what can be done about them.

use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use tollgate_core::model::{Cause, ModelError};
use tollgate_core::time::Timestamp;

use super::answer::{body_of, members};

/// The longest body that is read for its reason.
const MAX_BYTES: usize = 64 * 1024;

/// How long a reason may take to come.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a provider says about a failure in names. Its message can quote the prompt, so nobody keeps it.
struct Reason {
    status: u16,
    code: Option<String>,
    kind: Option<String>,
    is_openais: bool,
}

/// Reads why a call failed, if that comes in time, and says what can be done.
pub(super) async fn read(response: Response, end: Instant, now: Timestamp) -> ModelError {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers(), now);
    let end = end.min(Instant::now() + PATIENCE);
    let body = timeout_at(end, body_of(response, MAX_BYTES)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    classify(&Reason::of(status, &body), body, retry_after)
}

fn classify(reason: &Reason, body: Bytes, retry_after: Option<Duration>) -> ModelError {
    match reason.status {
        400 | 413 | 415 | 422 if reason.is_openais => ModelError::Refused { status: reason.status, body },
        401 | 403 => ModelError::Unauthorized(reason.cause()),
        408 | 504 => ModelError::TimedOut,
        404 | 410 => ModelError::Gone(reason.cause()),
        // A quota that is used up does not come back by waiting.
        429 if reason.names("insufficient_quota") => ModelError::Spent(reason.cause()),
        429 => ModelError::Throttled { retry_after },
        // Who says when to come back is busy, and heard.
        503 if retry_after.is_some() => ModelError::Throttled { retry_after },
        _ => ModelError::Unavailable(reason.cause()),
    }
}

impl Reason {
    fn of(status: u16, body: &[u8]) -> Self {
        let body = members(body).unwrap_or_default();
        let error = body.get("error").and_then(|error| members(error.get().as_bytes()));
        let name = |member: &str| {
            let text: String = serde_json::from_str(error.as_ref()?.get(member)?.get()).ok()?;
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            (text.len() <= 64 && !text.is_empty() && text.bytes().all(is_name)).then_some(text)
        };
        Self { status, code: name("code"), kind: name("type"), is_openais: error.is_some() }
    }

    fn names(&self, name: &str) -> bool {
        [&self.code, &self.kind].into_iter().any(|known| known.as_deref() == Some(name))
    }

    fn cause(&self) -> Cause {
        let mut text = format!("status {}", self.status);
        for (label, name) in [("code", &self.code), ("type", &self.kind)] {
            if let Some(name) = name {
                text.extend([", ", label, " ", name]);
            }
        }
        text.into()
    }
}

/// When to come back: in milliseconds as OpenAI says it, or in seconds, or at a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    let text = text(RETRY_AFTER.as_str())?;
    if let Ok(secs) = text.parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = DateTime::from_str(text, Format::HttpDate).ok()?;
    let date = u64::try_from(date.secs()).ok()?;
    Some(Duration::from_secs(date.saturating_sub(now.as_secs())))
}

#[cfg(test)]
mod tests;
