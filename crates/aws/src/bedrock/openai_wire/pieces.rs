//! Streamed answers: server-sent events. How long they may take is the gateway's to say, over all wires alike.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use reqwest::Response;
use tollgate_core::dialect::Dialect;
use tollgate_core::model::{ModelError, Pieces, Said};
use tollgate_core::sse::{DONE, SseDecoder};

use super::broken;

/// A stream that is being read.
struct Reading {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    decoder: SseDecoder,
    events: VecDeque<Bytes>,
    /// Whether the end of the connection is an end as good as `[DONE]`.
    may_just_end: bool,
    is_over: bool,
}

/// The data of the events up to `[DONE]`. Chat without `[DONE]` is broken; Responses says in an event of its own that it
/// is over.
pub(super) fn read(response: Response, dialect: Dialect) -> Pieces {
    let reading = Reading {
        bytes: response.bytes_stream().boxed(),
        decoder: SseDecoder::default(),
        events: VecDeque::new(),
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
        let event = self.event().await;
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
