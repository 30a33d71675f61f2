//! Records of the ledger, read one at a time.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_core::ports::{Records, StoreError};
use tollgate_core::record::Record;

use crate::store::unreachable;

const STORE: &str = "ledger";

/// The ledger table.
#[derive(Clone, Debug)]
pub struct DynamoRecords {
    client: Client,
    table: String,
}

impl DynamoRecords {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

#[async_trait]
impl Records for DynamoRecords {
    async fn find(&self, request_id: &str) -> Result<Option<Record>, StoreError> {
        let key = AttributeValue::S(request_id.to_owned());
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("request_id", key)
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        found.item.map(serde_dynamo::from_item).transpose().map_err(unreachable(STORE))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
    use aws_smithy_mocks::{mock, mock_client};

    use super::*;

    #[tokio::test]
    async fn a_record_is_read_consistently_by_its_id() {
        let get = mock!(Client::get_item)
            .match_requests(|request| {
                let id = request.key().and_then(|key| key.get("request_id"));
                request.consistent_read() == Some(true)
                    && request.table_name() == Some("ledger")
                    && id == Some(&AttributeValue::S("r-1".to_owned()))
            })
            .then_output(|| GetItemOutput::builder().build());
        let records = DynamoRecords::new(mock_client!(aws_sdk_dynamodb, [&get]), "ledger".to_owned());

        assert_eq!(records.find("r-1").await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_item_that_is_no_record_is_an_error() {
        let get = mock!(Client::get_item).then_output(|| {
            GetItemOutput::builder().item("request_id", AttributeValue::S("r-1".to_owned())).build()
        });
        let records = DynamoRecords::new(mock_client!(aws_sdk_dynamodb, [&get]), "ledger".to_owned());

        assert!(records.find("r-1").await.is_err());
    }
}
