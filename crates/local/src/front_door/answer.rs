//! A function's answer as the client gets it.
//!
//! Buffered, it is one JSON document. Streamed, it is a JSON prelude, eight NUL bytes and the body, which goes on chunk
//! by chunk; after the head nothing can be said of an error any more, so the connection is cut.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::gateway_response::{Reason, Refusal};
use super::model::TransferMode;
use crate::function::{Answer, FunctionError, InvokeError, ResponseStream};
use crate::http::{Body, BoxError, full};

const DELIMITER: [u8; 8] = [0; 8];
const MAX_PRELUDE_BYTES: usize = 1024 * 1024;
/// API Gateway cuts a stream in which nothing happens for longer.
const IDLE_LIMIT: Duration = Duration::from_secs(300);

/// These are the connection's own, or API Gateway's: a function cannot set them.
const REMAPPED: [&str; 8] =
    ["authorization", "connection", "date", "host", "server", "trailer", "upgrade", "www-authenticate"];

/// Why an answer cannot be passed on.
#[derive(Debug, Error)]
enum Malformed {
    #[error("it is not an answer for API Gateway")]
    Shape(#[from] serde_json::Error),
    #[error("it ends before its body begins")]
    NoDelimiter,
    #[error("its prelude is too long")]
    LongPrelude,
    #[error("its status is none")]
    Status,
    #[error("its header {0} cannot be sent")]
    Header(String),
    #[error("its body is not base64")]
    Body(#[from] base64::DecodeError),
}

/// The prelude of a stream, or the whole of a buffered answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<BTreeMap<String, Vec<Value>>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

pub(super) async fn respond(
    answer: Answer,
    mode: TransferMode,
    deadline: Instant,
) -> Result<Response<Body>, Refusal> {
    match mode {
        TransferMode::Buffered => {
            let payload = answer.into_bytes().await.map_err(InvokeError::Function)?;
            Ok(buffered(&payload)?)
        }
        TransferMode::Stream => {
            let mut parts = Parts::of(answer);
            let (prelude, begun) = split(&mut parts).await?;
            let document = serde_json::from_slice(&prelude).map_err(Malformed::Shape)?;
            let head = head(&document)?;
            Ok(head.map(|()| pass_on(begun, parts, deadline)))
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "a function's answer is malformed");
        Reason::BadGateway.into()
    }
}

fn buffered(payload: &Bytes) -> Result<Response<Body>, Malformed> {
    let document: Document = serde_json::from_slice(payload)?;
    let head = head(&document)?;
    let body = document.body.unwrap_or_default();
    let body = if document.is_base64_encoded { STANDARD.decode(body)? } else { body.into_bytes() };
    Ok(head.map(|()| full(body)))
}

fn head(document: &Document) -> Result<Response<()>, Malformed> {
    let mut response = Response::new(());
    let status = StatusCode::from_u16(document.status_code).map_err(|_| Malformed::Status)?;
    // An informational status is no answer.
    if status.is_informational() {
        return Err(Malformed::Status);
    }
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in document.headers.iter().flatten() {
        append(headers, name, value)?;
    }
    for (name, values) in document.multi_value_headers.iter().flatten() {
        for value in values {
            append(headers, name, value)?;
        }
    }
    for cookie in document.cookies.iter().flatten() {
        append(headers, SET_COOKIE.as_str(), &Value::from(cookie.as_str()))?;
    }
    let json = HeaderValue::from_static("application/json");
    headers.entry(CONTENT_TYPE).or_insert(json);
    Ok(response)
}

/// A value that is an array, as two headers of one name become, is refused by API Gateway.
fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), Malformed> {
    let refused = || Malformed::Header(name.to_owned());
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return Err(refused()),
    };
    let lower = name.to_ascii_lowercase();
    if matches!(lower.as_str(), "content-length" | "transfer-encoding") {
        return Ok(());
    }
    let name = if REMAPPED.contains(&lower.as_str()) { format!("x-amzn-remapped-{lower}") } else { lower };
    let name = name.parse::<HeaderName>().map_err(|_| refused())?;
    headers.append(name, text.parse().map_err(|_| refused())?);
    Ok(())
}

/// The answer's chunks, however it was made.
enum Parts {
    Whole(Option<Bytes>),
    Stream(ResponseStream),
}

impl Parts {
    fn of(answer: Answer) -> Self {
        match answer {
            Answer::Whole(bytes) => Self::Whole(Some(bytes)),
            Answer::Stream(stream) => Self::Stream(stream),
        }
    }

    async fn next(&mut self) -> Option<Result<Bytes, FunctionError>> {
        match self {
            Self::Whole(bytes) => bytes.take().map(Ok),
            Self::Stream(stream) => stream.next().await,
        }
    }
}

/// The prelude, and what of the body came with it.
async fn split(parts: &mut Parts) -> Result<(Bytes, Bytes), Refusal> {
    let mut seen = BytesMut::new();
    while let Some(chunk) = parts.next().await {
        seen.extend_from_slice(&chunk.map_err(InvokeError::Function)?);
        if let Some(at) = seen.windows(DELIMITER.len()).position(|window| window == DELIMITER) {
            let prelude = seen.split_to(at).freeze();
            return Ok((prelude, seen.split_off(DELIMITER.len()).freeze()));
        }
        if seen.len() > MAX_PRELUDE_BYTES {
            return Err(Malformed::LongPrelude.into());
        }
    }
    Err(Malformed::NoDelimiter.into())
}

/// Passes each chunk on as it comes. Dropping the body, when the client leaves, drops the stream, which stops nothing.
fn pass_on(begun: Bytes, parts: Parts, deadline: Instant) -> Body {
    let begun = Some(begun).filter(|begun| !begun.is_empty());
    let chunks = stream::unfold((begun, Some(parts)), move |(begun, parts)| async move {
        let mut parts = parts?;
        if let Some(begun) = begun {
            return Some((Ok(Frame::data(begun)), (None, Some(parts))));
        }
        let limit = deadline.min(Instant::now() + IDLE_LIMIT);
        match timeout_at(limit, parts.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(chunk))) => Some((Ok(Frame::data(chunk)), (None, Some(parts)))),
            Ok(Some(Err(error))) => {
                tracing::warn!(%error, "a function broke off its answer");
                Some((Err(BoxError::from(error)), (None, None)))
            }
            Err(elapsed) => {
                tracing::warn!("a function's answer took too long");
                Some((Err(BoxError::from(elapsed)), (None, None)))
            }
        }
    });
    StreamBody::new(chunks).boxed_unsync()
}
