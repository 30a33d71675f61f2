//! The record of a batch that was given up, as Lambda writes it to an on-failure bucket.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use uuid::Uuid;

use super::record::{Entry, write_event};
use super::verdict::Outcome;
use crate::clock;

/// A batch that used up its retries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Discarded<'a> {
    /// Who failed to take it.
    pub function_arn: &'a str,
    /// Where it came from.
    pub stream_arn: &'a str,
    /// The shard within the stream.
    pub shard_id: &'a str,
    /// The records, in order.
    pub entries: &'a [Entry],
    /// How often it was tried.
    pub invocations: u32,
    /// What became of the last try.
    pub outcome: &'a Outcome,
}

/// An object to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// Its key in the bucket.
    pub key: String,
    /// Its content.
    pub body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InvocationRecord<'a> {
    request_context: RequestContext<'a>,
    response_context: ResponseContext,
    version: &'static str,
    timestamp: String,
    #[serde(rename = "DDBStreamBatchInfo")]
    batch: BatchInfo<'a>,
    /// The event, as text: only S3 destinations get it.
    payload: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: String,
    function_arn: &'a str,
    condition: &'static str,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext {
    status_code: u16,
    executed_version: &'static str,
    function_error: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchInfo<'a> {
    shard_id: &'a str,
    start_sequence_number: &'a str,
    end_sequence_number: &'a str,
    approximate_arrival_of_first_record: String,
    approximate_arrival_of_last_record: String,
    batch_size: usize,
    stream_arn: &'a str,
}

impl Discarded<'_> {
    /// Writes the object for the mapping with this id; none for a batch without records.
    pub(super) fn to_object(
        self,
        mapping_id: &str,
        id: Uuid,
        now: SystemTime,
    ) -> Result<Option<Object>, serde_json::Error> {
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return Ok(None);
        };
        let record = InvocationRecord {
            request_context: RequestContext {
                request_id: id.to_string(),
                function_arn: self.function_arn,
                condition: "RetryAttemptsExhausted",
                approximate_invoke_count: self.invocations,
            },
            response_context: ResponseContext {
                status_code: 200,
                executed_version: "$LATEST",
                function_error: matches!(self.outcome, Outcome::Failed(_)).then_some("Unhandled"),
            },
            version: "1.0",
            timestamp: clock::format_millis(now),
            batch: BatchInfo {
                shard_id: self.shard_id,
                start_sequence_number: &first.sequence_number,
                end_sequence_number: &last.sequence_number,
                approximate_arrival_of_first_record: format_arrival(first),
                approximate_arrival_of_last_record: format_arrival(last),
                batch_size: self.entries.len(),
                stream_arn: self.stream_arn,
            },
            payload: String::from_utf8_lossy(&write_event(self.entries)).into_owned(),
        };
        let body = serde_json::to_string(&record)?;
        Ok(Some(Object { key: self.key(mapping_id, id, now), body }))
    }

    fn key(&self, mapping_id: &str, id: Uuid, now: SystemTime) -> String {
        let time = clock::format_seconds(now);
        let (date, clock_time) = time.trim_end_matches('Z').split_once('T').unwrap_or((&time, ""));
        let folder = date.replace('-', "/");
        let moment = clock_time.replace(':', ".");
        format!("aws/lambda/{mapping_id}/{}/{folder}/{date}T{moment}-{id}", self.shard_id)
    }
}

fn format_arrival(entry: &Entry) -> String {
    clock::format_seconds(UNIX_EPOCH + Duration::from_secs(entry.created_secs.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(sequence_number: &str, created_secs: i64) -> Entry {
        let json = json!({ "eventID": sequence_number }).to_string();
        Entry { sequence_number: sequence_number.to_owned(), created_secs, json }
    }

    fn discarded<'a>(entries: &'a [Entry], outcome: &'a Outcome) -> Discarded<'a> {
        Discarded {
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:emitter",
            stream_arn: "arn:aws:dynamodb:us-east-1:000000000000:table/ledger/stream/1",
            shard_id: "shardId-1",
            entries,
            invocations: 4,
            outcome,
        }
    }

    #[test]
    fn tells_all_that_lambda_tells() {
        let entries = [entry("17", 1_795_339_700), entry("18", 1_795_339_701)];
        let outcome = Outcome::Failed("boom".to_owned());
        let now = UNIX_EPOCH + Duration::from_millis(1_795_339_800_250);

        let object = discarded(&entries, &outcome).to_object("mapping-1", Uuid::nil(), now).unwrap().unwrap();

        let body: Value = serde_json::from_str(&object.body).unwrap();
        assert_eq!(
            object.key,
            "aws/lambda/mapping-1/shardId-1/2026/11/22/2026-11-22T09.30.00-00000000-0000-0000-0000-000000000000"
        );
        assert_eq!(
            body,
            json!({
                "requestContext": {
                    "requestId": "00000000-0000-0000-0000-000000000000",
                    "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:emitter",
                    "condition": "RetryAttemptsExhausted",
                    "approximateInvokeCount": 4,
                },
                "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
                "version": "1.0",
                "timestamp": "2026-11-22T09:30:00.250Z",
                "DDBStreamBatchInfo": {
                    "shardId": "shardId-1",
                    "startSequenceNumber": "17",
                    "endSequenceNumber": "18",
                    "approximateArrivalOfFirstRecord": "2026-11-22T09:28:20Z",
                    "approximateArrivalOfLastRecord": "2026-11-22T09:28:21Z",
                    "batchSize": 2,
                    "streamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/ledger/stream/1",
                },
                "payload": r#"{"Records":[{"eventID":"17"},{"eventID":"18"}]}"#,
            })
        );
    }

    #[test]
    fn names_no_function_error_when_the_function_only_reported_failures() {
        let entries = [entry("17", 0)];
        let outcome = Outcome::Answered("{}".into());

        let object = discarded(&entries, &outcome).to_object("m", Uuid::nil(), UNIX_EPOCH).unwrap().unwrap();

        let body: Value = serde_json::from_str(&object.body).unwrap();
        assert_eq!(body["responseContext"]["functionError"], Value::Null);
    }

    #[test]
    fn writes_nothing_for_nothing() {
        let outcome = Outcome::Failed(String::new());

        assert_eq!(discarded(&[], &outcome).to_object("m", Uuid::nil(), UNIX_EPOCH).unwrap(), None);
    }
}
