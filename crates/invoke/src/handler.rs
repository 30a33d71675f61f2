//! From API Gateway's event to a call, and from an answer to a response. Every failure becomes a response.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};
use tollgate_aws::clock::deadline;
use tollgate_core::cache::Directive;
use tollgate_core::caller::Caller;
use tollgate_core::constraint::{TARGET_HEADER, Terms};
use tollgate_core::dialect::Dialect;
use tollgate_core::error::Error;
use tollgate_core::idempotency::{self, Claim, IdempotencyKey};
use tollgate_core::time::Timestamp;
use tollgate_core::trace::Trace;

use crate::answer::{Answer, AnswerBody, Job, set};
use crate::arrival::{Arrival, MARGIN};
use crate::config::Settle;
use crate::extension::Outbox;
use crate::gateway::Gateway;
use crate::refused;
use crate::reserve::headers_of;
use crate::route::Route;
use crate::trimming::TRIM_HEADER;

/// The function's handler.
pub struct Handler {
    gateway: Arc<Gateway>,
    after: After,
}

/// Who finishes what follows an answer.
pub enum After {
    /// The internal extension.
    Extension(Outbox),
    /// The answer's own body.
    Body,
}

impl Handler {
    /// Over a gateway.
    #[must_use]
    pub fn new(gateway: Gateway, settle: Settle, outbox: Outbox) -> Self {
        let after = match settle {
            Settle::AfterAnswer => After::Extension(outbox),
            Settle::BeforeEnd => After::Body,
        };
        Self { gateway: Arc::new(gateway), after }
    }

    /// One invocation.
    pub async fn handle(&self, event: Request) -> Result<Response<AnswerBody>, Infallible> {
        match &self.after {
            After::Body => Ok(self.answer(event).await.finish_within_body().await.response),
            After::Extension(outbox) => {
                let mut word = LastWord { outbox, job: None };
                let answer = self.answer(event).await;
                word.job = answer.job;
                Ok(answer.response)
            }
        }
    }

    async fn answer(&self, event: Request) -> Answer {
        let context = event.lambda_context();
        let request_id = context.request_id.clone();
        let header = |name: &str| event.headers().get(name).and_then(|value| value.to_str().ok());
        let trace = Trace::new(header("traceparent"), context.xray_trace_id.as_deref(), &request_id);
        let trace_id = trace.id().to_owned();
        let authorizer = AuthorizerContext::of(&event);
        let at = (self.gateway.options.clock)();
        let call = Invocation { request_id, trace, at, deadline: deadline(context.deadline, at) };
        let request_id = call.request_id.clone();
        let mut answer = match self.route(event, &authorizer, call).await {
            Ok(answer) => answer,
            Err(error) => Answer::error(&error, headers_of(&error)),
        };
        let headers = answer.response.headers_mut();
        set(headers, "x-tollgate-request-id", &request_id);
        set(headers, "x-tollgate-trace-id", &trace_id);
        authorizer.write_standing(headers);
        answer
    }

    async fn route(
        &self,
        event: Request,
        authorizer: &AuthorizerContext,
        call: Invocation,
    ) -> Result<Answer, Error> {
        let route = Route::find(event.method(), event.raw_http_path());
        if route == Ok(Route::Health) {
            return Ok(healthy());
        }
        let caller = authorizer.caller()?;
        let at = call.at;
        match route? {
            Route::Ask(dialect) => {
                let arrival = call.arrival(dialect, caller, event)?;
                let said = self.gateway.clone().serve(dialect, arrival.clone()).await;
                said.inspect_err(|error| refused::log(&self.gateway.options.refusals, &arrival, error))
            }
            Route::Feedback => self.gateway.feedback(&caller, &body_of(event.into_body())).await,
            Route::Models => self.gateway.models(&caller, at).await,
            Route::Model(alias) => self.gateway.model(&alias, &caller, at).await,
            Route::Health => Ok(healthy()),
        }
    }
}

impl Invocation {
    fn arrival(self, dialect: Dialect, caller: Caller, event: Request) -> Result<Arrival, Error> {
        let (parts, body) = event.into_parts();
        let headers = &parts.headers;
        let body = body_of(body);
        let values = headers.get_all(idempotency::HEADER).iter().map(http::HeaderValue::as_bytes);
        let key = IdempotencyKey::from_values(values)?;
        let claim = key.map(|key| Claim::new(&caller, &key, (dialect, &body), &self.request_id, self.at));
        let terms = Terms::read(|name| joined(headers, name))?;
        let mut directive = Directive::read(|name| joined(headers, name))?;
        // Whoever names a target wants its answer, and no kept one.
        directive.no_store |= terms.target.is_some();
        if terms.target.is_some() && claim.is_some() {
            let message = format!("{TARGET_HEADER} asks one target anew, which an Idempotency-Key excludes");
            return Err(Error::invalid(TARGET_HEADER, message));
        }
        Ok(Arrival {
            request_id: self.request_id,
            at: self.at,
            deadline: self.deadline.minus(MARGIN),
            caller,
            directive,
            terms,
            is_strict: is_strict(headers)?,
            trim: trim(headers)?,
            claim,
            signature: None,
            trace: self.trace,
            body,
        })
    }
}

fn body_of(body: Body) -> Bytes {
    match body {
        Body::Text(text) => text.into(),
        Body::Binary(bytes) => bytes.into(),
        _ => Bytes::new(),
    }
}

/// The function answers: whether models may be called is another question, which callers are not told here.
fn healthy() -> Answer {
    Answer::json(StatusCode::OK, HeaderMap::new(), Bytes::from_static(br#"{"status":"ok"}"#))
}

/// What the extension is told about an invocation. It waits for exactly one word, so one is said even where the handler
/// panics: otherwise the environment would stay awake until the function's time is over.
struct LastWord<'a> {
    outbox: &'a Outbox,
    job: Option<Job>,
}

impl Drop for LastWord<'_> {
    fn drop(&mut self) {
        if self.outbox.send(self.job.take()).is_err() {
            tracing::error!("the extension has stopped, so nothing is settled");
        }
    }
}

/// What an invocation brings besides its event.
struct Invocation {
    request_id: String,
    trace: Trace,
    at: Timestamp,
    deadline: Timestamp,
}

/// What the authorizer handed over.
struct AuthorizerContext(std::collections::HashMap<String, serde_json::Value>);

impl AuthorizerContext {
    fn of(event: &Request) -> Self {
        match event.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => Self(context.authorizer.fields.clone()),
            _ => Self(std::collections::HashMap::new()),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    fn caller(&self) -> Result<Caller, Error> {
        if let Some(secs) = self.text("retryAfter") {
            return Err(Error::RateLimited {
                message: self.text("message").unwrap_or_default(),
                retry_after_secs: secs.parse().unwrap_or(1),
            });
        }
        Caller::from_context(|name| self.text(name)).ok_or(Error::Unauthenticated)
    }

    fn write_standing(&self, headers: &mut HeaderMap) {
        let figures = [
            ("limitRequests", "x-ratelimit-limit-requests"),
            ("remainingRequests", "x-ratelimit-remaining-requests"),
            ("resetRequests", "x-ratelimit-reset-requests"),
        ];
        for (name, header) in figures {
            if let Some(value) = self.text(name) {
                set(headers, header, &value);
            }
        }
    }
}

/// Several headers of one name are one list.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let joined: Vec<&str> = values.collect();
    (!joined.is_empty()).then(|| joined.join(","))
}

/// Whether the caller wants to be refused rather than adapted.
fn is_strict(headers: &HeaderMap) -> Result<bool, Error> {
    match headers.get("x-tollgate-strict").map(http::HeaderValue::as_bytes) {
        None | Some(b"false") => Ok(false),
        Some(b"true") => Ok(true),
        Some(_) => Err(Error::invalid("x-tollgate-strict", "x-tollgate-strict is true or false")),
    }
}

/// About how many tokens the caller wants the conversation to be long at most.
fn trim(headers: &HeaderMap) -> Result<Option<u64>, Error> {
    let Some(value) = headers.get(TRIM_HEADER) else { return Ok(None) };
    // Only digits: a number in Rust may also have a plus.
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|text| text.parse().ok()) {
        None | Some(0) => Err(Error::invalid(TRIM_HEADER, format!("{TRIM_HEADER} is a positive integer"))),
        tokens => Ok(tokens),
    }
}

#[cfg(test)]
mod tests;
