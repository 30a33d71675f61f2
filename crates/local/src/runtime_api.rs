//! The Runtime API and the Extensions API of one environment, as `lambda_runtime` and `lambda-extension` speak them.
//!
//! An answer may be streamed: its chunks go on as they arrive, and go nowhere, but are still taken, when nobody waits
//! for them any more.

mod board;
mod extension;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use self::board::Board;
use crate::function::{Answer, FunctionError, FunctionSpec, InvokeError, Outcome, Piece, ResponseStream};
use crate::http::{Body, full, json as respond};

/// Lambda refuses a larger buffered answer.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;
/// Chunks that may lie between the function and a slow client.
const CHUNKS_UNDER_WAY: usize = 16;

/// An event on its way to the runtime.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    pub(crate) event: Bytes,
    pub(crate) deadline_ms: u64,
    pub(crate) trace_id: String,
}

/// What the environment's keeper and its process meet at.
pub(crate) struct RuntimeApi {
    function_name: String,
    function_arn: String,
    board: Board,
}

impl RuntimeApi {
    pub(crate) fn new(spec: &FunctionSpec) -> Self {
        Self { function_name: spec.name.clone(), function_arn: spec.arn.clone(), board: Board::default() }
    }

    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        crate::http::serve(listener, move |request, _| {
            let api = Arc::clone(&self);
            async move { api.route(request).await }
        })
        .await;
    }

    /// Gives the runtime its next event, and tells the extensions that asked for it.
    pub(crate) fn give(&self, invocation: &Invocation, reply: oneshot::Sender<Outcome>) {
        let notice = json!({
            "eventType": "INVOKE",
            "deadlineMs": invocation.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": self.function_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id},
        });
        self.board.give(invocation.clone(), &notice, reply);
    }

    /// Completes when the runtime and every extension wait for their next event.
    pub(crate) async fn idle(&self) {
        self.board.idle().await;
    }

    /// Completes when the runtime or an extension reports that it cannot go on.
    pub(crate) async fn fault(&self) -> FunctionError {
        self.board.fault().await
    }

    /// From the end of initialisation on, no extension may register.
    pub(crate) fn close_registration(&self) {
        self.board.close_registration();
    }

    /// Answers the open invocation with an error, if it has no answer yet.
    pub(crate) fn fail(&self, error: FunctionError) {
        if let Some(reply) = self.board.take_reply(None) {
            answer(reply, Err(InvokeError::Function(error)));
        }
    }

    async fn route(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method(), segments.as_slice()) {
            (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => self.next().await,
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
                self.response(id, request).await
            }
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
                self.error(id, request).await
            }
            (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => self.give_up(request).await,
            (_, ["2020-01-01", "extension", rest @ ..]) => self.extension(rest, request).await,
            _ => refuse(StatusCode::NOT_FOUND, "InvalidPath", "there is no such path"),
        }
    }

    async fn next(&self) -> Response<Body> {
        let invocation = self.board.next_invocation().await;
        let mut response = Response::new(full(invocation.event));
        let deadline = invocation.deadline_ms.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", &invocation.request_id),
            ("lambda-runtime-deadline-ms", &deadline),
            ("lambda-runtime-invoked-function-arn", &self.function_arn),
            ("lambda-runtime-trace-id", &invocation.trace_id),
        ];
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Response<Body> {
        let Some(reply) = self.board.take_reply(Some(id)) else {
            return unknown_request();
        };
        if is_streaming(request.headers()) {
            let (pieces, received) = mpsc::channel(CHUNKS_UNDER_WAY);
            answer(reply, Ok(Answer::Stream(ResponseStream::new(received))));
            forward(request.into_body(), pieces).await;
            return accepted();
        }
        match Limited::new(request.into_body(), MAX_ANSWER_BYTES).collect().await {
            Ok(body) => {
                answer(reply, Ok(Answer::Whole(body.to_bytes())));
                accepted()
            }
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                let message = "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
                let error = FunctionError::new("Function.ResponseSizeTooLarge", message);
                answer(reply, Err(InvokeError::Function(error)));
                refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
            }
            Err(_) => {
                answer(reply, Err(InvokeError::Function(FunctionError::truncated())));
                refuse(StatusCode::BAD_REQUEST, "InvalidRequest", "the answer was cut")
            }
        }
    }

    async fn error(&self, id: &str, request: Request<Incoming>) -> Response<Body> {
        let Some(reply) = self.board.take_reply(Some(id)) else {
            return unknown_request();
        };
        let error = reported(request).await;
        answer(reply, Err(InvokeError::Function(error)));
        accepted()
    }

    /// The runtime or an extension says that it cannot go on.
    async fn give_up(&self, request: Request<Incoming>) -> Response<Body> {
        self.board.set_fault(reported(request).await);
        accepted()
    }
}

/// Sends the chunks on as they arrive. A receiver that has gone stops nothing: the rest is read all the same.
async fn forward(mut body: Incoming, pieces: mpsc::Sender<Piece>) {
    let mut end = Piece::End;
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                tracing::debug!(%error, "a function's answer was cut");
                end = Piece::Broken(FunctionError::truncated());
                break;
            }
        };
        match frame.into_data() {
            Ok(chunk) => drop(pieces.send(Piece::Chunk(chunk)).await),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                if let Some(error) = trailing_error(&trailers) {
                    end = Piece::Broken(error);
                }
            }
        }
    }
    drop(pieces.send(end).await);
}

/// The error that a runtime may report after it has begun to answer.
fn trailing_error(trailers: &HeaderMap) -> Option<FunctionError> {
    use base64::Engine;

    let error_type = trailers.get("lambda-runtime-function-error-type")?;
    let error_type = error_type.to_str().unwrap_or("Runtime.Unknown");
    let body = trailers.get("lambda-runtime-function-error-body");
    let body = body.and_then(|body| base64::engine::general_purpose::STANDARD.decode(body).ok());
    let message = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    Some(FunctionError::new(error_type, message))
}

fn is_streaming(headers: &HeaderMap) -> bool {
    let mode = headers.get("lambda-runtime-function-response-mode");
    mode.is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"streaming"))
}

async fn reported(request: Request<Incoming>) -> FunctionError {
    let error_type = ["lambda-runtime-function-error-type", "lambda-extension-function-error-type"];
    let error_type = error_type.iter().find_map(|name| request.headers().get(*name));
    let error_type = error_type.and_then(|value| value.to_str().ok()).unwrap_or("Unhandled");
    let error_type = error_type.to_owned();
    match Limited::new(request.into_body(), MAX_ANSWER_BYTES).collect().await {
        Ok(body) => match body.to_bytes() {
            payload if payload.is_empty() => FunctionError::new(&error_type, "no more was said"),
            payload => FunctionError::reported(payload),
        },
        Err(_) => FunctionError::new(&error_type, "the error's document was cut"),
    }
}

/// A caller that has gone needs no answer.
fn answer(reply: oneshot::Sender<Outcome>, outcome: Outcome) {
    if reply.send(outcome).is_err() {
        tracing::debug!("the caller of an invocation has gone");
    }
}

fn accepted() -> Response<Body> {
    respond(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

fn unknown_request() -> Response<Body> {
    refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "this request waits for no answer")
}

fn refuse(status: StatusCode, error_type: &str, message: &str) -> Response<Body> {
    respond(status, &json!({"errorType": error_type, "errorMessage": message}))
}
