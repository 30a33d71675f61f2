//! The keys table, read by the hash of a key.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_core::caller::KeyRecord;
use tollgate_core::ports::{Keys, StoreError};

use crate::store::unreachable;

const STORE: &str = "keys";

/// Keys in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoKeys {
    client: Client,
    table: String,
}

impl DynamoKeys {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

#[async_trait]
impl Keys for DynamoKeys {
    async fn find(&self, hash: &str) -> Result<Option<KeyRecord>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("key_hash", AttributeValue::S(hash.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        found.item.map(serde_dynamo::from_item).transpose().map_err(unreachable(STORE))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
    use aws_sdk_dynamodb::types::error::{
        InternalServerError, ProvisionedThroughputExceededException, RequestLimitExceeded,
        ResourceNotFoundException,
    };
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use tollgate_core::caller::{KeyStatus, Role};
    use tollgate_core::money::Nanos;

    use super::*;

    fn text(value: &str) -> AttributeValue {
        AttributeValue::S(value.to_owned())
    }

    fn number(value: &str) -> AttributeValue {
        AttributeValue::N(value.to_owned())
    }

    fn adapter(client: Client) -> DynamoKeys {
        DynamoKeys::new(client, "tollgate-keys".to_owned())
    }

    fn item() -> HashMap<String, AttributeValue> {
        [
            ("key_hash", text("abc")),
            ("key_id", text("777777777777")),
            ("user", text("alice")),
            ("team", text("search")),
            ("tenant", text("acme")),
            ("role", text("viewer")),
            ("status", text("revoked")),
            ("interval_us", number("100000")),
            ("burst", number("20")),
            ("budget_day_nanos", number("5000000000")),
            ("models", AttributeValue::L(vec![text("gpt-5.5")])),
            ("created_at", text("2026-11-22T10:00:00Z")),
            ("expires_at", number("1795392000")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    #[tokio::test]
    async fn a_key_is_read_consistently_and_whole() {
        let get = mock!(Client::get_item)
            .match_requests(|request| {
                request.table_name() == Some("tollgate-keys")
                    && request.key() == Some(&HashMap::from([("key_hash".to_owned(), text("abc"))]))
                    && request.consistent_read() == Some(true)
            })
            .then_output(|| GetItemOutput::builder().set_item(Some(item())).build());
        let keys = adapter(mock_client!(aws_sdk_dynamodb, [&get]));

        let record = keys.find("abc").await.unwrap().unwrap();

        assert_eq!((record.user.as_str(), record.role), ("alice", Role::Viewer));
        assert_eq!(record.status, KeyStatus::Revoked);
        assert_eq!((record.rate.interval_us, record.rate.requests_per_day), (100_000, None));
        assert_eq!((record.budget.day, record.budget.month), (Some(Nanos(5_000_000_000)), None));
        assert_eq!(record.models, ["gpt-5.5"]);
        assert_eq!(record.expires_at, Some(1_795_392_000));
    }

    #[tokio::test]
    async fn a_key_that_is_not_there_is_none() {
        let get = mock!(Client::get_item).then_output(|| GetItemOutput::builder().build());
        let keys = adapter(mock_client!(aws_sdk_dynamodb, [&get]));

        assert_eq!(keys.find("abc").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_admits_nobody() {
        let get = mock!(Client::get_item).then_output(|| {
            let item = HashMap::from([("key_hash".to_owned(), text("abc"))]);
            GetItemOutput::builder().set_item(Some(item)).build()
        });
        let keys = adapter(mock_client!(aws_sdk_dynamodb, [&get]));

        assert_eq!(keys.find("abc").await.unwrap_err().to_string(), "the keys table cannot be reached");
    }

    #[tokio::test(start_paused = true)]
    async fn every_service_error_means_unreachable() {
        let errors: [fn() -> GetItemError; 5] = [
            || GetItemError::ResourceNotFoundException(ResourceNotFoundException::builder().build()),
            || {
                let inner = ProvisionedThroughputExceededException::builder().build();
                GetItemError::ProvisionedThroughputExceededException(inner)
            },
            || GetItemError::RequestLimitExceeded(RequestLimitExceeded::builder().build()),
            || GetItemError::InternalServerError(InternalServerError::builder().build()),
            || GetItemError::unhandled("access denied"),
        ];
        for error in errors {
            let get = mock!(Client::get_item).then_error(error);
            let keys = adapter(mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&get]));

            assert_eq!(keys.find("abc").await.unwrap_err().store, "keys");
        }
    }
}
