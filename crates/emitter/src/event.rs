//! What the ledger's stream brings: changes of records, each read by itself, so that one that cannot be read is
//! known by its number.

use serde::{Deserialize, Serialize};
use serde_dynamo::Item;
use serde_json::value::RawValue;
use tollgate_core::record::Record;
use tollgate_core::rollup::{NoEnd, Posting};

/// A batch of the stream, its entries unread.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    /// In the order of the shard.
    #[serde(rename = "Records")]
    pub entries: Vec<Box<RawValue>>,
}

/// One entry: what the batch checkpoints by, and what it adds to the books.
#[derive(Debug)]
pub struct Entry {
    /// Its number in the shard.
    pub sequence_number: String,
    /// What it adds; `None` where no call became final.
    pub posting: Result<Option<Posting>, Unreadable>,
}

/// What an entry says of an item: a new one, or one that was changed.
#[derive(Debug)]
pub struct Change {
    /// How it was.
    pub before: Option<Record>,
    /// How it is.
    pub after: Record,
}

/// Why an entry cannot be counted. It says nothing of the entry's content.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is no entry of a stream with both images.
    #[error("it is no change of an item")]
    Shape(#[source] serde_json::Error),
    /// The item is no ledger record.
    #[error("its item is no ledger record")]
    Record(#[source] serde_dynamo::Error),
    /// The record contradicts itself.
    #[error(transparent)]
    NoEnd(#[from] NoEnd),
    /// The record was changed and does not say how it is now.
    #[error("it does not hold the item's new image")]
    NoImage,
}

/// An entry has no number, so no checkpoint can stand before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry of the stream has no sequence number")]
pub struct Unnumbered;

/// What Lambda is told about a batch.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// Where to begin again; empty when all is done.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// The first entry that is not done.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its sequence number.
    pub item_identifier: String,
}

impl BatchResponse {
    /// Everything from this entry on comes again.
    #[must_use]
    pub fn from(sequence_number: Option<String>) -> Self {
        let failure = |item_identifier| BatchItemFailure { item_identifier };
        Self { batch_item_failures: sequence_number.map(failure).into_iter().collect() }
    }
}

#[derive(Deserialize)]
struct Numbered {
    dynamodb: Number,
}

#[derive(Deserialize)]
struct Number {
    #[serde(rename = "SequenceNumber")]
    sequence_number: String,
}

#[derive(Deserialize)]
struct Changed {
    #[serde(rename = "eventName")]
    name: ChangeName,
    dynamodb: Images,
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum ChangeName {
    Insert,
    Modify,
    Remove,
}

#[derive(Deserialize)]
struct Images {
    #[serde(rename = "OldImage")]
    old: Option<Item>,
    #[serde(rename = "NewImage")]
    new: Option<Item>,
}

/// Reads one entry.
pub fn read(entry: &RawValue) -> Result<Entry, Unnumbered> {
    Ok(Entry { sequence_number: sequence_number(entry)?, posting: posting(entry) })
}

/// Its number in the shard.
pub fn sequence_number(entry: &RawValue) -> Result<String, Unnumbered> {
    let numbered: Numbered = serde_json::from_str(entry.get()).map_err(|_| Unnumbered)?;
    let number = numbered.dynamodb.sequence_number;
    if number.is_empty() { Err(Unnumbered) } else { Ok(number) }
}

/// What it says of its record; `None` where the record is gone.
pub fn change(entry: &RawValue) -> Result<Option<Change>, Unreadable> {
    let changed: Changed = serde_json::from_str(entry.get()).map_err(Unreadable::Shape)?;
    if changed.name == ChangeName::Remove {
        return Ok(None);
    }
    let after = record(changed.dynamodb.new.ok_or(Unreadable::NoImage)?)?;
    let before = match (changed.name, changed.dynamodb.old) {
        (ChangeName::Modify, None) => return Err(Unreadable::NoImage),
        (_, old) => old.map(record).transpose()?,
    };
    Ok(Some(Change { before, after }))
}

fn posting(entry: &RawValue) -> Result<Option<Posting>, Unreadable> {
    let Some(Change { before, after }) = change(entry)? else { return Ok(None) };
    Ok(Posting::of(before.as_ref(), after)?)
}

fn record(item: Item) -> Result<Record, Unreadable> {
    serde_dynamo::from_item(item).map_err(Unreadable::Record)
}
