//! A stream record in the form in which Lambda hands it to a function.

use std::collections::HashMap;

use aws_sdk_dynamodbstreams::types::{AttributeValue, Identity, Record, StreamRecord};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// One record, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its place in the shard.
    pub sequence_number: String,
    /// When the item was written, in epoch seconds.
    pub created_secs: i64,
    /// What the function sees.
    pub json: String,
}

/// The stream gave a record without what every record has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stream record has no {0}")]
pub(super) struct Incomplete(&'static str);

impl Entry {
    /// Reads what `GetRecords` gave for the stream with this ARN.
    pub(super) fn from_record(record: &Record, stream_arn: &str) -> Result<Self, Incomplete> {
        let change = record.dynamodb.as_ref().ok_or(Incomplete("dynamodb part"))?;
        let sequence_number = change.sequence_number.clone().ok_or(Incomplete("sequence number"))?;
        let created_secs = change.approximate_creation_date_time.as_ref().map_or(0, |time| time.secs());
        let mut event = Map::new();
        event.insert("eventID".to_owned(), json!(record.event_id));
        event.insert("eventName".to_owned(), json!(record.event_name.as_ref().map(|name| name.as_str())));
        event.insert("eventVersion".to_owned(), json!(record.event_version));
        event.insert("eventSource".to_owned(), json!("aws:dynamodb"));
        event.insert("awsRegion".to_owned(), json!(record.aws_region));
        event.insert("dynamodb".to_owned(), change_to_json(change));
        event.insert("eventSourceARN".to_owned(), json!(stream_arn));
        if let Some(identity) = &record.user_identity {
            event.insert("userIdentity".to_owned(), identity_to_json(identity));
        }
        Ok(Self { sequence_number, created_secs, json: Value::Object(event).to_string() })
    }
}

/// The event of one invocation.
pub(super) fn write_event(entries: &[Entry]) -> Bytes {
    let records: Vec<&str> = entries.iter().map(|entry| entry.json.as_str()).collect();
    Bytes::from(format!(r#"{{"Records":[{}]}}"#, records.join(",")))
}

fn change_to_json(change: &StreamRecord) -> Value {
    let mut json = Map::new();
    if let Some(time) = &change.approximate_creation_date_time {
        json.insert("ApproximateCreationDateTime".to_owned(), json!(time.secs()));
    }
    let images = [("Keys", &change.keys), ("NewImage", &change.new_image), ("OldImage", &change.old_image)];
    for (name, image) in images {
        if let Some(item) = image {
            json.insert(name.to_owned(), item_to_json(item));
        }
    }
    json.insert("SequenceNumber".to_owned(), json!(change.sequence_number));
    json.insert("SizeBytes".to_owned(), json!(change.size_bytes));
    json.insert(
        "StreamViewType".to_owned(),
        json!(change.stream_view_type.as_ref().map(|view| view.as_str())),
    );
    Value::Object(json)
}

fn identity_to_json(identity: &Identity) -> Value {
    json!({ "principalId": identity.principal_id, "type": identity.r#type })
}

fn item_to_json(item: &HashMap<String, AttributeValue>) -> Value {
    item.iter().map(|(name, value)| (name.clone(), attribute_to_json(value))).collect()
}

fn attribute_to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::Null(is_null) => json!({ "NULL": is_null }),
        AttributeValue::B(blob) => json!({ "B": STANDARD.encode(blob) }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(blobs) => {
            json!({ "BS": blobs.iter().map(|blob| STANDARD.encode(blob)).collect::<Vec<_>>() })
        }
        AttributeValue::L(list) => {
            json!({ "L": list.iter().map(attribute_to_json).collect::<Vec<_>>() })
        }
        AttributeValue::M(map) => json!({ "M": item_to_json(map) }),
        // A kind of attribute that this SDK does not know cannot be written down.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodbstreams::types::{OperationType, StreamViewType};
    use aws_smithy_types::{Blob, DateTime};

    use super::*;

    const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/ledger/stream/2026-11-22T09:30:00.000";

    fn removal_by_ttl() -> Record {
        let change = StreamRecord::builder()
            .approximate_creation_date_time(DateTime::from_secs_and_nanos(1_795_339_800, 900_000_000))
            .keys("request_id", AttributeValue::S("r-1".to_owned()))
            .old_image("request_id", AttributeValue::S("r-1".to_owned()))
            .old_image("cost_nanos", AttributeValue::N("12500".to_owned()))
            .old_image("blob", AttributeValue::B(Blob::new(b"\x00\xff")))
            .old_image("tags", AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()]))
            .old_image(
                "parts",
                AttributeValue::L(vec![AttributeValue::Null(true), AttributeValue::Bool(false)]),
            )
            .old_image(
                "inner",
                AttributeValue::M([("n".to_owned(), AttributeValue::Ns(vec!["1".to_owned()]))].into()),
            )
            .sequence_number("000000000000000000017")
            .size_bytes(83)
            .stream_view_type(StreamViewType::NewAndOldImages)
            .build();
        Record::builder()
            .event_id("e-1")
            .event_name(OperationType::Remove)
            .event_version("1.1")
            .event_source("aws:dynamodb")
            .aws_region("us-east-1")
            .dynamodb(change)
            .user_identity(
                Identity::builder().principal_id("dynamodb.amazonaws.com").r#type("Service").build(),
            )
            .build()
    }

    #[test]
    fn has_the_shape_that_lambda_sends() {
        let entry = Entry::from_record(&removal_by_ttl(), ARN).unwrap();

        let event: Value = serde_json::from_slice(&write_event(std::slice::from_ref(&entry))).unwrap();
        assert_eq!(
            (entry.sequence_number.as_str(), entry.created_secs),
            ("000000000000000000017", 1_795_339_800)
        );
        assert_eq!(
            event,
            json!({ "Records": [{
                "eventID": "e-1",
                "eventName": "REMOVE",
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "eventSourceARN": ARN,
                "userIdentity": { "principalId": "dynamodb.amazonaws.com", "type": "Service" },
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_795_339_800,
                    "Keys": { "request_id": { "S": "r-1" } },
                    "OldImage": {
                        "request_id": { "S": "r-1" },
                        "cost_nanos": { "N": "12500" },
                        "blob": { "B": "AP8=" },
                        "tags": { "SS": ["a", "b"] },
                        "parts": { "L": [{ "NULL": true }, { "BOOL": false }] },
                        "inner": { "M": { "n": { "NS": ["1"] } } },
                    },
                    "SequenceNumber": "000000000000000000017",
                    "SizeBytes": 83,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            }] })
        );
    }

    #[test]
    fn joins_the_records_of_a_batch_in_order() {
        let entry =
            |json: &str| Entry { sequence_number: String::new(), created_secs: 0, json: json.to_owned() };

        assert_eq!(write_event(&[entry("1"), entry("2")]), r#"{"Records":[1,2]}"#);
    }

    #[test]
    fn refuses_a_record_without_a_place_in_the_stream() {
        let record = Record::builder().dynamodb(StreamRecord::builder().build()).build();

        assert_eq!(Entry::from_record(&record, ARN), Err(Incomplete("sequence number")));
    }
}
