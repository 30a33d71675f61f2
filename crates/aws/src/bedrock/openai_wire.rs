//! OpenAI's wire over HTTPS: Bedrock's own endpoints, for which there is no SDK client, OpenAI, and servers that speak
//! as OpenAI does. What an answer says in its dialect is for others to read.

mod addresses;
mod answer;
mod clients;
mod pieces;
mod refusal;
mod signature;

use std::time::Duration;

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use reqwest::Response;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};
use tollgate_core::catalogue::{Auth, Wire};
use tollgate_core::model::{Call, Cause, ModelError, Payload, Reply};

use crate::api_keys::{ApiKeys, KeyError};
use crate::clock;
use crate::credentials::CallCredentials;
use clients::{Clients, Reach};
use signature::Scope;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The adapter of every target that speaks OpenAI's wire.
#[derive(Debug)]
pub(super) struct OpenaiWire {
    clients: Clients,
    stand_in: Option<String>,
    keys: ApiKeys,
    allow_private: bool,
}

/// How long after its call a request may still leave. The flag that admitted it was a second old, the ledger took up to
/// two: so no attempt starts later than five seconds after the flag is written.
const LATEST_START: Duration = Duration::from_secs(2);

/// A call, and by when it ends.
struct Errand<'a> {
    call: &'a Call<'a>,
    request: Request<Bytes>,
    reach: Reach,
    /// One end for all of it: limits of its parts, each on its own, could outlast the call.
    end: Instant,
    /// By when a request leaves, or none does.
    start_by: Instant,
}

impl OpenaiWire {
    /// `stand_in` takes the place of every host. Private addresses are for Bedrock's hosts alone, which can be VPC
    /// endpoints, unless all are allowed.
    pub(super) fn new(
        stand_in: Option<String>,
        keys: ApiKeys,
        allow_private: bool,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self { clients: Clients::new()?, stand_in, keys, allow_private })
    }

    /// Calls the target; AWS credentials are resolved only for those that take signatures.
    pub(super) async fn call(
        &self,
        call: &Call<'_>,
        credentials: &CallCredentials,
    ) -> Result<Reply, ModelError> {
        let begun = Instant::now();
        let (end, start_by) = (begun + call.timeout, begun + call.timeout.min(LATEST_START));
        let (Wire::Openai { host, path_prefix, auth, .. }, Payload::Openai { dialect, body }) =
            (&call.target.wire, call.payload)
        else {
            return Err(ModelError::Unavailable("the payload is not for this wire".into()));
        };
        let host = self.stand_in.as_deref().unwrap_or(host);
        let url = format!("{host}{path_prefix}{}", dialect.path());
        let request = unsigned(&url, body, call.stream).map_err(ModelError::Unavailable)?;
        let errand = Errand { call, request, reach: self.reach(auth), end, start_by };
        let response = match auth {
            Auth::Sigv4 { signing_name } => self.send_signed(errand, signing_name, credentials).await?,
            Auth::Bearer { secret } => self.send_with_key(&errand, secret).await?,
            Auth::None => self.send(&errand, errand.request.clone()).await?,
        };
        if !response.status().is_success() {
            return Err(refusal::read(response, end, clock::now()).await);
        }
        if call.stream && !answer::is_json(&response) {
            return Ok(Reply::Stream(pieces::read(response, *dialect)));
        }
        answer::read(response, end).await.map(Reply::Whole)
    }

    fn reach(&self, auth: &Auth) -> Reach {
        let is_trusted = self.stand_in.is_some() || self.allow_private;
        match auth {
            Auth::Sigv4 { .. } => Reach::Anywhere,
            Auth::Bearer { .. } | Auth::None if is_trusted => Reach::Anywhere,
            Auth::Bearer { .. } | Auth::None => Reach::PublicOnly,
        }
    }

    async fn send_signed(
        &self,
        errand: Errand<'_>,
        signing_name: &str,
        credentials: &CallCredentials,
    ) -> Result<Response, ModelError> {
        let now = clock::now();
        let credentials: Credentials =
            timeout_at(errand.start_by, credentials.for_call(&errand.call.identity, now))
                .await
                .map_err(|_| ModelError::Unauthorized("credentials did not come in time".into()))??;
        let scope = Scope { region: &errand.call.target.region, service: signing_name, now };
        let mut request = errand.request.clone();
        signature::sign(&mut request, &credentials, &scope).map_err(ModelError::Unauthorized)?;
        self.send(&errand, request).await
    }

    /// A key that is refused may have been rotated: if the secret holds another by now, that one is tried, once, and only
    /// while a request may still leave. A refusal is not billed.
    async fn send_with_key(&self, errand: &Errand<'_>, secret: &str) -> Result<Response, ModelError> {
        let key = in_time(errand.start_by, secret, self.keys.key(secret, clock::now())).await;
        let key = key.map_err(unauthorized)?;
        let response = self.send(errand, with_key(&errand.request, &key)?).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let successor = self.keys.successor(secret, &key, clock::now());
        match in_time(errand.start_by, secret, successor).await {
            Ok(Some(key)) => self.send(errand, with_key(&errand.request, &key)?).await,
            Ok(None) | Err(_) => Ok(response),
        }
    }

    async fn send(&self, errand: &Errand<'_>, mut request: Request<Bytes>) -> Result<Response, ModelError> {
        // After the signature: whatever stands between may set a trace of its own.
        if let Ok(traceparent) = HeaderValue::from_str(errand.call.traceparent)
            && !traceparent.is_empty()
        {
            request.headers_mut().insert(TRACEPARENT, traceparent);
        }
        let request = reqwest::Request::try_from(request).map_err(unsent)?;
        if errand.reach == Reach::PublicOnly {
            addresses::check_literal(request.url()).map_err(|error| ModelError::Unavailable(error.into()))?;
        }
        let connect = Duration::from_millis(errand.call.target.timeouts.connect_ms);
        let client = self.clients.client(connect, errand.reach).map_err(unsent)?;
        let response = timeout_at(errand.end, client.execute(request)).await;
        response.map_err(|_| ModelError::TimedOut)?.map_err(unsent)
    }
}

fn unsigned(url: &str, body: &Bytes, is_stream: bool) -> Result<Request<Bytes>, Cause> {
    let accept = if is_stream { EVENT_STREAM } else { JSON };
    Ok(Request::post(url).header(CONTENT_TYPE, JSON).header(ACCEPT, accept).body(body.clone())?)
}

fn with_key(request: &Request<Bytes>, key: &SecretString) -> Result<Request<Bytes>, ModelError> {
    // The cause says what is wrong with the header, not what it is.
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
        .map_err(|error| ModelError::Unauthorized(Box::new(error)))?;
    value.set_sensitive(true);
    let mut request = request.clone();
    request.headers_mut().insert(AUTHORIZATION, value);
    Ok(request)
}

/// What a fetch of a key gives in time.
async fn in_time<T>(
    end: Instant,
    secret: &str,
    fetch: impl Future<Output = Result<T, KeyError>>,
) -> Result<T, KeyError> {
    timeout_at(end, fetch).await.unwrap_or_else(|_| Err(KeyError::Late(secret.to_owned())))
}

fn unauthorized(error: KeyError) -> ModelError {
    ModelError::Unauthorized(Box::new(error))
}

/// A request that got no answer: nothing was billed if there was no connection, and nobody knows otherwise.
fn unsent(error: reqwest::Error) -> ModelError {
    if let Some(private) = addresses::PrivateAddress::behind(&error) {
        ModelError::Unavailable(private.clone().into())
    } else if error.is_connect() || error.is_builder() {
        ModelError::Unavailable(Box::new(error.without_url()))
    } else {
        broken(error)
    }
}

fn broken(error: reqwest::Error) -> ModelError {
    if error.is_timeout() { ModelError::TimedOut } else { ModelError::Broken(Box::new(error.without_url())) }
}

#[cfg(test)]
mod tests;
