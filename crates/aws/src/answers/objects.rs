//! The bucket of large answers.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use bytes::Bytes;
use tollgate_core::ports::StoreError;

use crate::sdk::Patience;
use crate::store::unreachable;

const STORE: &str = "answers";

/// Megabytes take longer than items, both ways.
const PATIENCE: Patience = Patience::LONG;

/// Objects of one bucket.
#[derive(Clone, Debug)]
pub struct Objects {
    client: Client,
    bucket: String,
}

impl Objects {
    /// Of this bucket; `None` where there is none, and then no client is made.
    #[must_use]
    pub fn open(sdk: &SdkConfig, bucket: Option<String>) -> Option<Self> {
        let bucket = bucket?;
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(PATIENCE.operation)
            .operation_attempt_timeout(PATIENCE.attempt)
            .build();
        let config = aws_sdk_s3::config::Builder::from(sdk)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(PATIENCE.attempts))
            // An endpoint of one's own has no host name for each bucket.
            .force_path_style(sdk.endpoint_url().is_some())
            .build();
        Some(Self::new(Client::from_conf(config), bucket))
    }

    /// Of this bucket, through this client.
    #[must_use]
    pub const fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    pub(crate) async fn put(&self, name: &str, packed: Bytes) -> Result<(), StoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(name);
        put.content_type("application/gzip")
            .body(packed.into())
            .send()
            .await
            .map(drop)
            .map_err(unreachable(STORE))
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        match self.client.get_object().bucket(&self.bucket).key(name).send().await {
            Ok(found) => {
                let body = found.body.collect().await.map_err(unreachable(STORE))?;
                Ok(Some(body.into_bytes()))
            }
            Err(error) => match error.as_service_error() {
                Some(GetObjectError::NoSuchKey(_)) => Ok(None),
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }
}
