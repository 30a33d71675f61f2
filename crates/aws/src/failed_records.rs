//! Entries of the ledger's stream that cannot be counted, in S3, whole and with the reason.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use serde::Serialize;
use serde_json::value::RawValue;
use tollgate_core::ports::{Aside, StoreError};

use crate::store::unreachable;

const STORE: &str = "failed records";

/// The bucket of what the emitter gave up.
#[derive(Clone, Debug)]
pub struct FailedRecords {
    client: Client,
    bucket: String,
}

#[derive(Serialize)]
struct Failed<'a> {
    reason: &'a str,
    entry: &'a RawValue,
}

impl FailedRecords {
    /// In this bucket.
    #[must_use]
    pub fn new(sdk: &SdkConfig, bucket: String) -> Self {
        let config = aws_sdk_s3::config::Builder::from(sdk)
            // An endpoint of one's own has no host name for each bucket.
            .force_path_style(sdk.endpoint_url().is_some())
            .build();
        Self { client: Client::from_conf(config), bucket }
    }
}

#[async_trait]
impl Aside for FailedRecords {
    async fn set_aside(&self, number: &str, entry: &str, reason: &str) -> Result<(), StoreError> {
        let entry: &RawValue = serde_json::from_str(entry).map_err(unreachable(STORE))?;
        let body = serde_json::to_vec(&Failed { reason, entry }).map_err(unreachable(STORE))?;
        let put = self.client.put_object().bucket(&self.bucket).key(format!("unreadable/{number}.json"));
        put.content_type("application/json")
            .body(body.into())
            .send()
            .await
            .map(drop)
            .map_err(unreachable(STORE))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::put_object::PutObjectOutput;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    use super::*;

    #[tokio::test]
    async fn an_entry_is_kept_whole_beside_the_reason() {
        let rule = mock!(Client::put_object)
            .match_requests(|request| {
                request.bucket() == Some("failed")
                    && request.key() == Some("unreadable/300.json")
                    && request.body().bytes()
                        == Some(br#"{"reason":"no image","entry":{"b": 1,  "a":2}}"#.as_slice())
            })
            .then_output(|| PutObjectOutput::builder().build());
        let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, &[&rule]);
        let records = FailedRecords { client, bucket: "failed".to_owned() };

        records.set_aside("300", r#"{"b": 1,  "a":2}"#, "no image").await.unwrap();

        assert_eq!(rule.num_calls(), 1);
    }
}
