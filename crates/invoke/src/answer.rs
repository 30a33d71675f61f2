//! An answer on its way out: status, headers, and a body that is whole or still being made.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame};
use tokio::sync::mpsc;
use tollgate_core::error::Error;

/// The header that says what differs from what the caller asked.
pub(crate) const ADAPTED: &str = "x-tollgate-adapted";

/// Keeps OpenAI's clients from trying again what their rules by status would.
pub(crate) const NO_RETRY: (&str, &str) = ("x-should-retry", "false");

/// What happens after an answer, or beside a stream; it ends by itself.
pub type Job = BoxFuture<'static, ()>;

/// An answer and what goes on after it.
pub struct Answer {
    /// What the caller gets.
    pub response: Response<AnswerBody>,
    /// What is still to be done.
    pub job: Option<Job>,
}

/// A body.
pub enum AnswerBody {
    /// All of it, once.
    Whole(Option<Bytes>),
    /// Pieces, as they come.
    Pieces(mpsc::Receiver<Bytes>),
    /// Pieces that the body makes itself, by driving the job.
    Driven(mpsc::Receiver<Bytes>, Option<Job>),
}

impl Answer {
    /// A whole JSON answer.
    pub(crate) fn json(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self::new(status, headers, "application/json", AnswerBody::Whole(Some(body)))
    }

    /// A stream of events, or a whole one from the cache.
    pub(crate) fn events(headers: HeaderMap, body: AnswerBody) -> Self {
        let mut answer = Self::new(StatusCode::OK, headers, "text/event-stream; charset=utf-8", body);
        answer.response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        answer
    }

    /// An answer that was kept, in the form that is wanted.
    pub(crate) fn kept(headers: HeaderMap, body: Bytes, is_stream: bool) -> Self {
        if is_stream {
            Self::events(headers, AnswerBody::Whole(Some(body)))
        } else {
            Self::json(StatusCode::OK, headers, body)
        }
    }

    /// What is said instead of an answer.
    pub(crate) fn error(error: &Error, mut headers: HeaderMap) -> Self {
        if let Some(secs) = error.retry_after_secs() {
            headers.insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        if error.is_final() {
            set(&mut headers, NO_RETRY.0, NO_RETRY.1);
        }
        Self::json(error.status(), headers, error.body())
    }

    /// The same answer, which says first of all that this was adapted.
    pub(crate) fn adapted(mut self, note: &str) -> Self {
        let headers = self.response.headers_mut();
        let others = headers.get(ADAPTED).and_then(|others| others.to_str().ok());
        let notes = others.map_or_else(|| note.to_owned(), |others| format!("{note}, {others}"));
        set(headers, ADAPTED, &notes);
        self
    }

    /// The same answer with something to do after it.
    pub(crate) fn then(mut self, job: Job) -> Self {
        self.job = Some(job);
        self
    }

    /// The answer for an environment without an extension: nothing is left to do once its body has ended.
    pub(crate) async fn finish_within_body(mut self) -> Self {
        let Some(job) = self.job.take() else { return self };
        let (parts, body) = self.response.into_parts();
        let body = match body {
            AnswerBody::Pieces(pieces) => AnswerBody::Driven(pieces, Some(job)),
            whole => {
                job.await;
                whole
            }
        };
        Self { response: Response::from_parts(parts, body), job: None }
    }

    fn new(status: StatusCode, headers: HeaderMap, content_type: &'static str, body: AnswerBody) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { response, job: None }
    }
}

/// Adds a header whose value may come from outside; one that cannot be a header is left out.
pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |piece: Option<Bytes>| piece.map(|bytes| Ok(Frame::data(bytes)));
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(frame(bytes.take())),
            Self::Pieces(pieces) => pieces.poll_recv(context).map(frame),
            Self::Driven(pieces, job) => {
                let is_done = job.as_mut().is_some_and(|job| job.as_mut().poll(context).is_ready());
                if is_done {
                    *job = None;
                }
                match pieces.poll_recv(context) {
                    Poll::Ready(None) if job.is_some() => Poll::Pending,
                    polled => polled.map(frame),
                }
            }
        }
    }
}
