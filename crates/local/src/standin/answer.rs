//! Bodies: whole ones, and streams that are paced chunk by chunk and may be cut.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use super::calls::OpenCall;

pub(super) type Body = UnsyncBoxBody<Bytes, Cut>;

/// Ends a body early, upon which the server drops the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is cut on purpose")]
pub(super) struct Cut;

pub(super) fn whole(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    with_head(status, content_type, body)
}

pub(super) fn with_head(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Chunks on their way out.
#[derive(Debug)]
pub(super) struct PacedChunks {
    pub(super) chunks: VecDeque<Bytes>,
    /// Before the first chunk; the headers do not wait for it.
    pub(super) first_delay: Duration,
    /// Before every other chunk.
    pub(super) delay: Duration,
    pub(super) cut_after: Option<usize>,
    pub(super) sent: usize,
    pub(super) call: OpenCall,
}

impl PacedChunks {
    pub(super) fn into_body(self) -> Body {
        StreamBody::new(stream::unfold(self, Self::next)).boxed_unsync()
    }

    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Cut>, Self)> {
        if !self.chunks.is_empty() {
            tokio::time::sleep(if self.sent == 0 { self.first_delay } else { self.delay }).await;
        }
        // The server writes what it holds only when the body has nothing ready: without this pause a cut would swallow
        // chunks, and chunks without delay would leave as one.
        tokio::task::yield_now().await;
        if self.cut_after == Some(self.sent) {
            return Some((Err(Cut), self));
        }
        let Some(chunk) = self.chunks.pop_front() else {
            self.call.finish();
            return None;
        };
        self.sent += 1;
        self.call.note_chunk();
        // Clients hang up on the last chunk without waiting for the end of the body.
        if self.chunks.is_empty() && self.cut_after != Some(self.sent) {
            self.call.finish();
        }
        Some((Ok(Frame::data(chunk)), self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standin::calls::CallLog;

    async fn is_finished_after_its_one_chunk(cut_after: Option<usize>) -> bool {
        let log = CallLog::default();
        let mut body = PacedChunks {
            chunks: [Bytes::from_static(b"last")].into(),
            first_delay: Duration::ZERO,
            delay: Duration::ZERO,
            cut_after,
            sent: 0,
            call: log.open("/"),
        }
        .into_body();

        body.frame().await.unwrap().unwrap();

        log.list()[0].finished
    }

    #[tokio::test]
    async fn a_client_that_hangs_up_on_the_last_chunk_was_served() {
        assert!(is_finished_after_its_one_chunk(None).await);
    }

    #[tokio::test]
    async fn a_cut_after_the_last_chunk_is_still_a_cut() {
        assert!(!is_finished_after_its_one_chunk(Some(1)).await);
    }
}
