//! The provider stand-in: Amazon Bedrock's two endpoints, OpenAI and a server on premises on one port of this machine.
//!
//! It speaks Chat Completions and Responses as bedrock-mantle, bedrock-runtime and OpenAI serve them, Converse and InvokeModel,
//! and the embeddings of OpenAI, Titan, Cohere and Nova: JSON and streams, with the credentials, model ids, parameter rules and
//! errors of each, closely enough that the official clients take it for the real thing. The credentials of a call tell which
//! endpoint is meant; under `/compatible/v1/` none are asked for. It also keeps vectors, as S3 Vectors does.
//!
//! Replies and their cost are pure functions of the request ([`reply_for`], [`count_tokens`], [`IMAGE_TOKENS`]). A user text
//! that begins with `call tool` or `call tools` is answered with tool calls, one that begins with `refuse` is declined, and a
//! JSON schema with the smallest value that fits it. Rules set over `/_standin/faults` slow it, break it or cut it.

mod answer;
mod calls;
mod chat;
mod control;
mod converse;
mod credentials;
mod embeddings;
mod fault;
mod frame;
mod going_on;
mod guardrail;
mod invoke;
mod meter;
mod models;
mod parameters;
mod refusal;
mod reply;
mod responses;
mod route;
mod schema;
mod tools;
mod vectors;
mod wire;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
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
use self::meter::{Count, Counter};
use self::refusal::{Form, Refusal};
use self::responses::Store;
use self::route::{Route, route};
use self::vectors::{Library, Operation};
use self::wire::{Answer, Content, Stream};

pub use self::meter::Meter;
pub use self::reply::{IMAGE_TOKENS, count_tokens, reply_for};
pub use self::vectors::VectorIndex;

const CHUNK_DELAY: Duration = Duration::from_millis(10);
const GARBAGE: &[u8] = b"<html><body>502 Bad Gateway</body></html>\n";

/// The stand-in's state: the rules in force, the calls received, the responses and the vectors kept.
#[derive(Debug, Default)]
pub struct Standin {
    faults: FaultBook,
    calls: CallLog,
    /// Apart from the others, because vectors are also swept while nobody calls.
    vector_calls: CallLog,
    responses: Arc<Store>,
    vectors: Library,
    counter: Counter,
}

impl Standin {
    /// With these vector indexes, empty.
    pub fn with_indexes(indexes: impl IntoIterator<Item = VectorIndex>) -> Self {
        Self { vectors: Library::new(indexes), ..Self::default() }
    }

    /// One whose calls of Bedrock are counted in the emulator's `CloudWatch`, once the meter runs.
    #[must_use]
    pub fn metered(self, endpoint: &str) -> (Self, Meter) {
        let (counter, meter) = Counter::with_meter(endpoint);
        (Self { counter, ..self }, meter)
    }

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
            return control::answer(&parts.method, path, &body, self);
        }
        let vectors = Operation::of(path);
        let calls = if vectors.is_some() { &self.vector_calls } else { &self.calls };
        let call = calls.open(path);
        let outcome = match (body, vectors) {
            (Ok(body), None) => self.exchange(&parts, &body, &call).await,
            (Ok(body), Some(operation)) => self.exchange_vectors(operation, &parts, &body, &call).await,
            (Err(_), _) => Err(Refusal::invalid("The body could not be read.")),
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
        let wire = match route(parts, &caller, body, &self.responses)? {
            Route::Model(wire) => wire,
            Route::Document(document) => {
                call.finish();
                return Ok(whole(StatusCode::OK, "application/json", document.to_string()));
            }
        };
        call.note(|call| {
            call.model = Some(wire.model().to_owned());
            call.streamed = wire.is_streamed();
            call.request_metadata = wire.metadata();
        });
        let rule = self.faults.take(wire.model(), caller.bearer_key());
        tokio::time::sleep(Duration::from_millis(rule.latency_ms)).await;
        if let (Some(status), None) = (rule.status, rule.error_after_chunks) {
            return Err(Refusal::injected(status, rule.retry_after_secs));
        }
        let answer = wire.answer(&rule)?;
        call.note(|call| {
            call.input_tokens = answer.input_tokens;
            call.output_tokens = answer.output_tokens;
        });
        self.count(&caller, wire.model(), &rule, &answer);
        Ok(deliver(answer, &rule, call))
    }

    async fn exchange_vectors(
        &self,
        operation: Operation,
        parts: &Parts,
        body: &Bytes,
        call: &OpenCall,
    ) -> Result<Response<Body>, Refusal> {
        let caller = identify(parts, body).map_err(|denial| denial.refusal(Form::Vectors))?;
        note_caller(call, &caller);
        if parts.method != Method::POST {
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "There is no such operation."));
        }
        let rule = self.faults.take_vectors(operation);
        tokio::time::sleep(Duration::from_millis(rule.latency_ms)).await;
        if let Some(status) = rule.status {
            return Err(Refusal::injected(status, rule.retry_after_secs));
        }
        let document = Content::Document(self.vectors.answer(operation, body)?);
        let answer = Answer { input_tokens: 0, output_tokens: 0, headers: Vec::new(), content: document };
        Ok(deliver(answer, &rule, call))
    }

    /// What a Bedrock of AWS would put into its metrics.
    fn count(&self, caller: &Caller, model: &str, rule: &Rule, answer: &Answer) {
        let input = answer.input_tokens;
        let cached = rule.cached_tokens.min(input);
        self.counter.count(caller, |access_key_id, service, region| Count {
            service,
            region,
            access_key_id,
            model: model.to_owned(),
            input,
            cached,
            cache_written: rule.cache_write_tokens.min(input - cached),
            output: answer.output_tokens,
        });
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
    call.note(|call| call.key_ending = caller.key_ending());
    if let Caller::Signed { access_key_id, has_session_token, .. } = caller {
        call.note(|call| {
            call.access_key_id = Some(access_key_id.clone());
            call.has_session_token = *has_session_token;
        });
    }
}

/// The answer as the rule lets it out.
fn deliver(answer: Answer, rule: &Rule, call: &OpenCall) -> Response<Body> {
    let is_streamed = matches!(answer.content, Content::Stream(_));
    let (content_type, mut chunks) = match answer.content {
        Content::Stream(stream) => (stream.content_type, broken_off(stream, rule)),
        Content::Document(document) => ("application/json", vec![document.to_string().into()]),
    };
    if rule.empty {
        chunks.clear();
    }
    if rule.garbage {
        chunks = vec![Bytes::from_static(GARBAGE)];
    }
    let mut response = if !is_streamed && rule.cut_after_chunks.is_none() {
        call.finish();
        whole(StatusCode::OK, content_type, chunks.concat())
    } else {
        let paced = PacedChunks {
            chunks: chunks.into(),
            first_delay: Duration::from_millis(rule.first_chunk_delay_ms),
            delay: rule.chunk_delay_ms.map_or(CHUNK_DELAY, Duration::from_millis),
            cut_after: rule.cut_after_chunks,
            sent: 0,
            call: call.clone(),
        };
        with_head(StatusCode::OK, content_type, paced.into_body())
    };
    for (name, value) in answer.headers {
        let value = HeaderValue::from_str(&value).expect("counts and names of tiers are plain ASCII");
        response.headers_mut().insert(name, value);
    }
    response
}

/// The chunks of a stream, up to the error that the rule asks for.
fn broken_off(mut stream: Stream, rule: &Rule) -> Vec<Bytes> {
    if let Some(count) = rule.error_after_chunks {
        let refusal = Refusal::injected(rule.status.unwrap_or(500), None);
        stream.chunks.truncate(count);
        let error = (stream.word_error)(&refusal, stream.chunks.len());
        stream.chunks.push(error);
    }
    stream.chunks
}
