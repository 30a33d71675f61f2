//! The provider stand-in: Amazon Bedrock's two endpoints on one port of this machine.
//!
//! It speaks bedrock-mantle's OpenAI wire and bedrock-runtime's Converse, JSON and streams, with their credentials, model ids,
//! parameter rules and errors, closely enough that the official clients take it for Bedrock. Replies and their cost are pure
//! functions of the request ([`reply_for`], [`count_tokens`]); rules set over `/_standin/faults` slow it, break it or cut it.

mod answer;
mod calls;
mod chat;
mod control;
mod converse;
mod credentials;
mod fault;
mod models;
mod refusal;
mod reply;
mod route;
mod wire;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

use self::answer::{Body, PacedChunks, whole, with_head};
use self::calls::{CallLog, OpenCall};
use self::credentials::{Caller, identify};
use self::fault::{FaultBook, Rule};
use self::refusal::{Form, Refusal};
use self::reply::Reply;
use self::route::{Route, route};
use self::wire::Wire;

pub use self::reply::{count_tokens, reply_for};

const CHUNK_DELAY: Duration = Duration::from_millis(10);
const GARBAGE: &[u8] = b"<html><body>502 Bad Gateway</body></html>\n";

/// The stand-in's state: the rules in force and the calls received.
#[derive(Debug, Default)]
pub struct Standin {
    faults: FaultBook,
    calls: CallLog,
}

impl Standin {
    /// Serves connections until accepting one fails; dropping the future drops them all.
    pub async fn serve(self, listener: TcpListener) -> io::Result<Infallible> {
        let standin = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await?;
            // Without this a chunk may wait for the acknowledgement of the one before it.
            stream.set_nodelay(true)?;
            connections.spawn(serve_connection(Arc::clone(&standin), stream));
            while connections.try_join_next().is_some() {}
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let body = body.collect().await.map(|body| body.to_bytes());
        if path.starts_with(control::PREFIX) {
            let body = body.unwrap_or_default();
            return control::answer(&parts.method, path, &body, &self.faults, &self.calls);
        }
        let call = self.calls.open(path);
        let outcome = match body {
            Ok(body) => self.exchange(&parts, &body, &call).await,
            Err(_) => Err(Refusal::invalid("The body could not be read.")),
        };
        let mut response = match outcome {
            Ok(response) => response,
            Err(refusal) => {
                call.finish();
                refusal.response(Form::of(path))
            }
        };
        call.note(|call| call.status = Some(response.status().as_u16()));
        let request_id = HeaderValue::from_str(&Uuid::now_v7().to_string());
        response.headers_mut().insert("x-amzn-requestid", request_id.expect("a UUID is plain ASCII"));
        response
    }

    /// Credentials, route, request, rule, checks, reply: the order in which the provider would meet them.
    async fn exchange(
        &self,
        parts: &Parts,
        body: &Bytes,
        call: &OpenCall,
    ) -> Result<Response<Body>, Refusal> {
        let path = parts.uri.path();
        let caller = identify(parts, body).map_err(|denial| denial.refusal(Form::of(path)))?;
        note_caller(call, &caller);
        let wire = match route(&parts.method, path, caller.service(path), body)? {
            Route::Model(wire) => wire,
            Route::Document(document) => {
                call.finish();
                return Ok(whole(StatusCode::OK, "application/json", document.to_string()));
            }
        };
        call.note(|call| {
            call.model = Some(wire.model().to_owned());
            call.streamed = wire.is_streamed();
        });
        let rule = self.faults.take(wire.model());
        tokio::time::sleep(Duration::from_millis(rule.latency_ms)).await;
        if let (Some(status), None) = (rule.status, rule.error_after_chunks) {
            return Err(Refusal::injected(status, rule.retry_after_secs));
        }
        let reply = Reply::compose(&wire.prompt()?, &rule);
        call.note(|call| {
            call.input_tokens = reply.usage.input;
            call.output_tokens = reply.usage.output;
        });
        Ok(deliver(wire.as_ref(), &reply, &rule, call))
    }
}

async fn serve_connection(standin: Arc<Standin>, stream: TcpStream) {
    let service = service_fn(async |request| Ok::<_, Infallible>(standin.respond(request).await));
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn note_caller(call: &OpenCall, caller: &Caller) {
    if let Caller::Signed { access_key_id, has_session_token, .. } = caller {
        call.note(|call| {
            call.access_key_id = Some(access_key_id.clone());
            call.has_session_token = *has_session_token;
        });
    }
}

/// The reply as the rule lets it out.
fn deliver(wire: &dyn Wire, reply: &Reply, rule: &Rule, call: &OpenCall) -> Response<Body> {
    let (content_type, mut chunks) = if wire.is_streamed() {
        let mut stream = wire.stream(reply);
        if let Some(count) = rule.error_after_chunks {
            let refusal = Refusal::injected(rule.status.unwrap_or(500), None);
            stream.chunks.truncate(count);
            stream.chunks.push((stream.word_error)(&refusal));
        }
        (stream.content_type, stream.chunks)
    } else {
        let document = wire.document(reply).to_string();
        ("application/json", vec![document.into()])
    };
    if rule.empty {
        chunks.clear();
    }
    if rule.garbage {
        chunks = vec![Bytes::from_static(GARBAGE)];
    }
    if !wire.is_streamed() && rule.cut_after_chunks.is_none() {
        call.finish();
        return whole(StatusCode::OK, content_type, chunks.concat());
    }
    let paced = PacedChunks {
        chunks: chunks.into(),
        delay: rule.chunk_delay_ms.map_or(CHUNK_DELAY, Duration::from_millis),
        cut_after: rule.cut_after_chunks,
        sent: 0,
        call: call.clone(),
    };
    with_head(StatusCode::OK, content_type, paced.into_body())
}
