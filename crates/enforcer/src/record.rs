//! What SNS hands over, as far as it concerns us.

use serde_json::Value;
use tollgate_core::notice::{Notice, NoticeError};

/// A notice and the id of the message that brought it, the same for each delivery.
pub(crate) struct Delivery<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) notice: Notice,
}

/// Why a record is nothing that we can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the event holds no records of SNS")]
    NoRecords,
    #[error("the record holds no {0}")]
    Missing(&'static str),
    #[error(transparent)]
    Notice(#[from] NoticeError),
}

/// The records of an event; none is as unreadable as no event at all.
pub(crate) fn records(event: &Value) -> Result<&[Value], Unreadable> {
    let records = event["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
    if records.is_empty() { Err(Unreadable::NoRecords) } else { Ok(records) }
}

impl<'a> Delivery<'a> {
    pub(crate) fn read(record: &'a Value) -> Result<Self, Unreadable> {
        let text = |name: &str| record["Sns"][name].as_str().filter(|text| !text.is_empty());
        let message_id = text("MessageId").ok_or(Unreadable::Missing("Sns.MessageId"))?;
        let message = text("Message").ok_or(Unreadable::Missing("Sns.Message"))?;
        Ok(Self { message_id, notice: Notice::parse(message)? })
    }
}
