//! Whole answers: JSON objects, read up to a bound.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use reqwest::Response;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use tollgate_core::model::{ModelError, Said};

use super::broken;

/// The longest answer that is taken; vectors of a full batch are the longest there are.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Whether it says that it is JSON, in whatever flavour.
pub(super) fn is_json(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.to_ascii_lowercase().contains("json")
}

/// Reads an answer with a status of success.
pub(super) async fn read(response: Response, end: Instant) -> Result<Said, ModelError> {
    let body = timeout_at(end, body_of(response, MAX_BYTES)).await.map_err(|_| ModelError::TimedOut)??;
    judge(body).map(Said::Json)
}

/// A body of at most `max` bytes.
pub(super) async fn body_of(mut response: Response, max: usize) -> Result<Bytes, ModelError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > max {
            return Err(ModelError::Garbled(format!("the answer is longer than {max} bytes").into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The members of a JSON object as they stand; `None` for anything else.
pub(super) fn members(json: &[u8]) -> Option<HashMap<String, &RawValue>> {
    serde_json::from_slice(json).ok()
}

/// Tells answers from what is none although its status says so. `bedrock-runtime` answers with 200 under a path that it
/// does not know.
fn judge(body: Bytes) -> Result<Bytes, ModelError> {
    let Some(members) = members(&body) else {
        return Err(ModelError::Garbled("the answer is no JSON object".into()));
    };
    let says = |name: &str, what: &str| members.get(name).is_some_and(|value| value.get().contains(what));
    if ["Output", "__type"].iter().any(|name| says(name, "UnknownOperationException")) {
        return Err(ModelError::Unavailable("UnknownOperationException".into()));
    }
    if members.get("error").is_some_and(|error| error.get() != "null") {
        return Err(ModelError::Garbled("the answer reports an error".into()));
    }
    drop(members);
    Ok(body)
}
