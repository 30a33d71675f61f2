//! What comes back from an invocation.

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::http::BoxError;

pub(crate) type Outcome = Result<Answer, InvokeError>;

/// The function's payload: whole, or as it is made.
#[derive(Debug)]
pub enum Answer {
    Whole(Bytes),
    Stream(ResponseStream),
}

impl Answer {
    /// Waits for the end of the payload.
    pub async fn into_bytes(self) -> Result<Bytes, FunctionError> {
        let mut stream = match self {
            Self::Whole(bytes) => return Ok(bytes),
            Self::Stream(stream) => stream,
        };
        let mut payload = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            payload.extend_from_slice(&chunk?);
        }
        Ok(payload.freeze())
    }
}

/// A part of a streamed payload. The end is said, so that a producer that vanished is never taken for one that ended.
#[derive(Debug)]
pub(crate) enum Piece {
    Chunk(Bytes),
    End,
    Broken(FunctionError),
}

/// A payload that is still being made; dropping it does not stop the function.
#[derive(Debug)]
pub struct ResponseStream {
    pieces: mpsc::Receiver<Piece>,
    is_over: bool,
}

impl ResponseStream {
    pub(crate) fn new(pieces: mpsc::Receiver<Piece>) -> Self {
        Self { pieces, is_over: false }
    }

    /// The next chunk; none after the end, and none after an error.
    pub async fn next(&mut self) -> Option<Result<Bytes, FunctionError>> {
        if self.is_over {
            return None;
        }
        match self.pieces.recv().await {
            Some(Piece::Chunk(chunk)) => Some(Ok(chunk)),
            Some(Piece::End) => {
                self.is_over = true;
                None
            }
            Some(Piece::Broken(error)) => {
                self.is_over = true;
                Some(Err(error))
            }
            None => {
                self.is_over = true;
                Some(Err(FunctionError::truncated()))
            }
        }
    }
}

/// An error of the function, as Lambda reports it to the caller.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{error_type}: {message}")]
pub struct FunctionError {
    pub error_type: String,
    pub message: String,
    /// The document that Lambda gives as the payload.
    pub payload: Bytes,
}

impl FunctionError {
    pub(crate) fn new(error_type: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let payload = json!({"errorType": error_type, "errorMessage": message}).to_string();
        Self { error_type: error_type.to_owned(), message, payload: payload.into() }
    }

    /// Lambda names the request in what it says itself.
    pub(crate) fn of_request(&self, request_id: &str) -> Self {
        let message = format!("RequestId: {request_id} Error: {}", self.message);
        Self::new(&self.error_type, message)
    }

    pub(crate) fn truncated() -> Self {
        Self::new("Runtime.TruncatedResponse", "the response ended before it was whole")
    }

    /// The document that a runtime posted about itself; whatever cannot be read is kept as it came.
    pub(crate) fn reported(payload: Bytes) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Document {
            error_type: String,
            error_message: String,
        }
        let document: Document = serde_json::from_slice(&payload).unwrap_or_default();
        Self { error_type: document.error_type, message: document.error_message, payload }
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum InvokeError {
    #[error("every environment that the function may have is busy")]
    Throttled,
    #[error("the event is larger than 6 MB")]
    EventTooLarge,
    #[error("the function failed")]
    Function(#[from] FunctionError),
    #[error("no environment could be started")]
    Unavailable(#[from] StartError),
    #[error("the function is shut down")]
    Closed,
}

/// Why an environment's process could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("the environment's Runtime API could not listen")]
    Listen(#[source] std::io::Error),
    #[error("the log file {path} could not be opened")]
    Log {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} could not be executed")]
    Execute {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the function's credentials could not be had")]
    Credentials(#[source] BoxError),
}
