//! Reading one shard to its end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodbstreams::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodbstreams::operation::get_records::{GetRecordsError, GetRecordsOutput};
use aws_sdk_dynamodbstreams::operation::get_shard_iterator::GetShardIteratorError;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use tokio::time::Instant;

use super::batch::{Plan, plan};
use super::record::Entry;
use super::retry::pause_after;
use super::{Pump, Target};

/// Lambda polls four times a second.
const POLL: Duration = Duration::from_millis(250);
/// The most that one `GetRecords` gives.
const MAX_READ: usize = 1000;

/// How far a shard has been read.
struct Cursor {
    iterator: Option<String>,
    last_read: Option<String>,
    start: ShardIteratorType,
}

/// What was read and not yet sent.
struct Buffer {
    entries: VecDeque<Entry>,
    waiting_since: Instant,
}

/// Whether more can come from a shard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shard {
    Open,
    ReadOut,
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("cannot get an iterator")]
    Iterator(#[from] Box<SdkError<GetShardIteratorError>>),
    #[error("cannot get records")]
    Records(#[from] Box<SdkError<GetRecordsError>>),
    #[error("the stream gave no iterator")]
    NoIterator,
}

impl Buffer {
    fn extend(&mut self, entries: Vec<Entry>) {
        if self.entries.is_empty() {
            self.waiting_since = Instant::now();
        }
        self.entries.extend(entries);
    }
}

impl<T: Target> Pump<T> {
    /// Reads the shard and delivers its records until it is closed and empty; gives its id back.
    pub(super) async fn drain(self: Arc<Self>, shard_id: String) -> String {
        let start = self.mapping.starting_position.clone();
        let mut cursor = Cursor { iterator: None, last_read: None, start };
        let mut buffer = Buffer { entries: VecDeque::new(), waiting_since: Instant::now() };
        let mut failures: u32 = 0;
        loop {
            let shard = match self.read(&shard_id, &mut cursor, &mut buffer).await {
                Ok(shard) => shard,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let cause = DisplayErrorContext(&error);
                    tracing::warn!(shard.id = shard_id, error = %cause, "cannot read the shard");
                    tokio::time::sleep(pause_after(failures)).await;
                    continue;
                }
            };
            failures = 0;
            let was_sent = self.send_what_is_due(&shard_id, &mut buffer, shard).await;
            match (shard, was_sent) {
                (Shard::ReadOut, _) if buffer.entries.is_empty() => return shard_id,
                (_, true) => {}
                (_, false) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Reads what still fits the batch into the buffer.
    async fn read(
        &self,
        shard_id: &str,
        cursor: &mut Cursor,
        buffer: &mut Buffer,
    ) -> Result<Shard, ReadError> {
        let missing = self.mapping.limits.records.saturating_sub(buffer.entries.len()).clamp(1, MAX_READ);
        let iterator = match cursor.iterator.take() {
            Some(iterator) => iterator,
            None => self.iterator_at(shard_id, cursor).await?,
        };
        let limit = i32::try_from(missing).unwrap_or(i32::MAX);
        let answer = match self.streams.get_records().shard_iterator(iterator).limit(limit).send().await {
            Ok(answer) => answer,
            Err(error) => {
                if matches!(error.as_service_error(), Some(GetRecordsError::TrimmedDataAccessException(_))) {
                    (cursor.last_read, cursor.start) = (None, ShardIteratorType::TrimHorizon);
                }
                return Err(Box::new(error).into());
            }
        };
        buffer.extend(self.accept(&answer, cursor));
        cursor.iterator = answer.next_shard_iterator;
        Ok(if cursor.iterator.is_some() { Shard::Open } else { Shard::ReadOut })
    }

    async fn iterator_at(&self, shard_id: &str, cursor: &Cursor) -> Result<String, ReadError> {
        let request =
            self.streams.get_shard_iterator().stream_arn(&self.mapping.stream_arn).shard_id(shard_id);
        let request = match &cursor.last_read {
            Some(last) => {
                request.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(last)
            }
            None => request.shard_iterator_type(cursor.start.clone()),
        };
        request.send().await.map_err(Box::new)?.shard_iterator.ok_or(ReadError::NoIterator)
    }

    fn accept(&self, answer: &GetRecordsOutput, cursor: &mut Cursor) -> Vec<Entry> {
        let mut entries = Vec::new();
        for record in answer.records() {
            match Entry::from_record(record, &self.mapping.stream_arn) {
                Ok(entry) => entries.push(entry),
                Err(error) => tracing::error!(%error, "a record of the stream is left out"),
            }
        }
        if let Some(last) = entries.last() {
            cursor.last_read = Some(last.sequence_number.clone());
        }
        entries
    }

    /// Sends one batch, if there is one; nothing more comes to fill up the batches of a shard that is read out.
    async fn send_what_is_due(&self, shard_id: &str, buffer: &mut Buffer, shard: Shard) -> bool {
        let sizes: Vec<usize> = buffer.entries.iter().map(|entry| entry.json.len()).collect();
        let waited = match shard {
            Shard::Open => buffer.waiting_since.elapsed(),
            Shard::ReadOut => Duration::MAX,
        };
        let Plan::Send(count) = plan(self.mapping.limits, &sizes, waited) else {
            return false;
        };
        let batch: Vec<Entry> = buffer.entries.drain(..count).collect();
        buffer.waiting_since = Instant::now();
        self.deliver(shard_id, &batch).await;
        true
    }
}
