//! Streamed answers: server-sent events, each within its time.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use reqwest::Response;
use tokio::time::{Instant, timeout, timeout_at};
use tollgate_core::dialect::Dialect;
use tollgate_core::model::{ModelError, Pieces, Said};
use tollgate_core::sse::{DONE, SseDecoder};

use super::broken;

/// A stream that is being read.
struct Reading {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    decoder: SseDecoder,
    events: VecDeque<Bytes>,
    /// Until there is a first event, by when it must come.
    first_by: Option<Instant>,
    between: Duration,
    /// Whether the end of the connection is an end as good as `[DONE]`.
    may_just_end: bool,
    is_over: bool,
}

/// The data of the events up to `[DONE]`: the first by `first_by`, and each other within `between` of its being asked
/// for. Chat without `[DONE]` is broken; Responses says in an event of its own that it is over.
pub(super) fn read(response: Response, dialect: Dialect, first_by: Instant, between: Duration) -> Pieces {
    let reading = Reading {
        bytes: response.bytes_stream().boxed(),
        decoder: SseDecoder::default(),
        events: VecDeque::new(),
        first_by: Some(first_by),
        between,
        may_just_end: dialect == Dialect::Responses,
        is_over: false,
    };
    stream::unfold(reading, async |mut reading| reading.next().await.map(|piece| (piece, reading))).boxed()
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Said, ModelError>> {
        if self.is_over {
            return None;
        }
        let between = self.between;
        let event = match self.first_by.take() {
            Some(end) => timeout_at(end, self.event()).await.unwrap_or(Err(ModelError::TimedOut)),
            None => timeout(between, self.event()).await.unwrap_or_else(|_| {
                Err(ModelError::Broken(format!("no event within {} ms", between.as_millis()).into()))
            }),
        };
        self.is_over = !matches!(event, Ok(Some(_)));
        event.map(|event| event.map(Said::Json)).transpose()
    }

    async fn event(&mut self) -> Result<Option<Bytes>, ModelError> {
        loop {
            match self.events.pop_front() {
                Some(event) if event.trim_ascii() == DONE => return Ok(None),
                // Some servers keep the connection busy so.
                Some(event) if event.trim_ascii().is_empty() => {}
                Some(event) => return Ok(Some(event)),
                None => match self.bytes.next().await {
                    Some(bytes) => self.take(&bytes.map_err(broken)?)?,
                    None if self.may_just_end => return Ok(None),
                    None => return Err(ModelError::Broken("the stream ended without [DONE]".into())),
                },
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        let events = self.decoder.feed(bytes).map_err(|error| ModelError::Garbled(Box::new(error)))?;
        self.events.extend(events);
        Ok(())
    }
}
