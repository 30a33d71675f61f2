//! Chat Completions over HTTPS, signed with SigV4: there is no SDK client for `bedrock-mantle`.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};
use tollgate_core::completion::{NoAnswer, glimpse};
use tollgate_core::model::{Call, Cause, ModelError, Reply};
use tollgate_core::ports::Chunks;
use tollgate_core::sse::{DONE, SseDecoder};
use tollgate_core::time::Timestamp;

use crate::clock;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a target listens.
pub(super) struct Endpoint<'a> {
    pub(super) host: &'a str,
    pub(super) path_prefix: &'a str,
    pub(super) signing_name: &'a str,
}

#[derive(Debug)]
pub(super) struct OpenaiWire {
    client: reqwest::Client,
    stand_in: Option<String>,
}

impl OpenaiWire {
    pub(super) fn new(stand_in: Option<String>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // One that is kept may die while the function is frozen; a call over it fails as if it might be billed.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { client, stand_in })
    }

    pub(super) async fn call(
        &self,
        call: &Call<'_>,
        endpoint: &Endpoint<'_>,
        credentials: &Credentials,
    ) -> Result<Reply, ModelError> {
        let host = self.stand_in.as_deref().unwrap_or(endpoint.host);
        let url = format!("{host}{}/chat/completions", endpoint.path_prefix);
        let body = call
            .request
            .forward(&call.target.model_id, call.output_cap)
            .map_err(|error| ModelError::Unavailable(Box::new(error)))?;
        let scope = Scope { region: &call.target.region, service: endpoint.signing_name, now: clock::now() };
        let request = signed(&url, body, credentials, &scope).map_err(ModelError::Unauthorized)?;
        let request =
            reqwest::Request::try_from(request).map_err(|error| ModelError::Unavailable(Box::new(error)))?;
        // One end for head and body: each with a limit of its own could outlast the call.
        let end = Instant::now() + call.timeout;
        let answer = timeout_at(end, self.client.execute(request));
        let response = answer.await.map_err(|_| ModelError::TimedOut)?.map_err(unsent)?;
        if !response.status().is_success() {
            return Err(refusal(response, end).await);
        }
        if call.request.stream {
            return Ok(Reply::Stream(chunks(response)));
        }
        let body = timeout_at(end, response.bytes()).await;
        let body = body.map_err(|_| ModelError::TimedOut)?.map_err(broken)?;
        let usage = glimpse(&body).map_err(|error| ModelError::Garbled(Box::new(error)))?.usage;
        Ok(Reply::Json { body, usage })
    }
}

/// The credential scope of a signature.
struct Scope<'a> {
    region: &'a str,
    service: &'a str,
    now: Timestamp,
}

fn signed(
    url: &str,
    body: Bytes,
    credentials: &Credentials,
    scope: &Scope<'_>,
) -> Result<http::Request<Bytes>, Cause> {
    let mut request =
        http::Request::post(url).header(http::header::CONTENT_TYPE, "application/json").body(body)?;
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_micros(scope.now.as_micros()))
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers = [("content-type", "application/json")];
    let signable =
        SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(request.body()))?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

/// A request that got no answer: nothing was billed if there was no connection, and nobody knows otherwise.
fn unsent(error: reqwest::Error) -> ModelError {
    if error.is_connect() || error.is_builder() {
        ModelError::Unavailable(Box::new(error.without_url()))
    } else {
        broken(error)
    }
}

fn broken(error: reqwest::Error) -> ModelError {
    if error.is_timeout() { ModelError::TimedOut } else { ModelError::Broken(Box::new(error.without_url())) }
}

async fn refusal(response: reqwest::Response, end: Instant) -> ModelError {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let cause = || -> Cause { format!("status {status}").into() };
    match status {
        429 => ModelError::Throttled { retry_after },
        401 | 403 => ModelError::Unauthorized(cause()),
        400 | 413 | 415 | 422 => match timeout_at(end, response.bytes()).await {
            Ok(Ok(body)) if is_error_body(&body) => ModelError::Refused { status, body },
            _ => ModelError::Unavailable(cause()),
        },
        _ => ModelError::Unavailable(cause()),
    }
}

fn is_error_body(body: &[u8]) -> bool {
    matches!(glimpse(body), Err(NoAnswer::Failed))
}

/// A stream that is being read.
struct Reading {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    decoder: SseDecoder,
    events: VecDeque<Bytes>,
    is_over: bool,
}

/// The chunks of an event stream up to `[DONE]`; an end without it is a break.
fn chunks(response: reqwest::Response) -> Chunks {
    let reading = Reading {
        bytes: response.bytes_stream().boxed(),
        decoder: SseDecoder::default(),
        events: VecDeque::new(),
        is_over: false,
    };
    stream::unfold(reading, async |mut reading| reading.next().await.map(|chunk| (chunk, reading))).boxed()
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Bytes, ModelError>> {
        while !self.is_over {
            if let Some(event) = self.events.pop_front() {
                if event == DONE {
                    self.is_over = true;
                    return None;
                }
                return Some(Ok(event));
            }
            if let Err(error) = self.read().await {
                self.is_over = true;
                return Some(Err(error));
            }
        }
        None
    }

    async fn read(&mut self) -> Result<(), ModelError> {
        let bytes = match self.bytes.next().await {
            Some(bytes) => bytes.map_err(broken)?,
            None => return Err(ModelError::Broken("the stream ended without [DONE]".into())),
        };
        let events = self.decoder.feed(&bytes).map_err(|error| ModelError::Garbled(Box::new(error)))?;
        self.events.extend(events);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
