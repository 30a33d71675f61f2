//! Every version of a document stays in the table under its number, so that one that did harm can be taken back.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use serde::Deserialize;
use tollgate_core::ports::StoreError;
use tollgate_core::settings::Document;
use tollgate_core::time::Timestamp;

use super::{Change, ConfigStore, number};
use crate::clock;

/// A version of a document as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// Its number.
    pub version: u64,
    /// When it was written, in microseconds.
    pub written_us: Timestamp,
    /// Its text.
    #[serde(rename = "document")]
    pub text: String,
}

impl ConfigStore {
    /// The copy of a version, written together with the document itself.
    pub(super) fn keep(&self, change: &Change, text: &str) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.table)
            .item("id", AttributeValue::S(version_id(change.document, change.version)))
            .item("version", number(change.version))
            .item("written_us", number(clock::now().as_micros()))
            .item("document", AttributeValue::S(text.to_owned()))
            .build()
            .expect("a put of a version has a table and an item");
        TransactWriteItem::builder().put(put).build()
    }

    /// One version; `None` where it was never written, or by a release that kept none.
    pub async fn version(&self, document: Document, version: u64) -> Result<Option<Version>, StoreError> {
        self.read(&version_id(document, version)).await
    }
}

fn version_id(document: Document, version: u64) -> String {
    format!("{}#{version}", document.id())
}
