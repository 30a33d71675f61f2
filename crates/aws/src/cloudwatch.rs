//! Metrics, in `CloudWatch`.
//!
//! `PutMetricData` knows no idempotency token: whatever is sent again after a lost reply counts twice. So nothing is
//! retried here, and an error says whether anything can have been counted.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Builder;
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use tollgate_core::metrics::{Datum, Unit};
use tollgate_core::model::Cause;
use tollgate_core::ports::{Metrics, PutError};

use crate::connection::{connect_anew, never_left};

/// One namespace of `CloudWatch`.
#[derive(Clone, Debug)]
pub struct CloudWatch {
    client: Client,
    namespace: String,
}

impl CloudWatch {
    /// A client of its own that never retries, and connects anew for every call.
    #[must_use]
    pub fn new(config: &SdkConfig, namespace: String) -> Self {
        let config =
            Builder::from(config).retry_config(RetryConfig::disabled()).http_client(connect_anew()).build();
        Self { client: Client::from_conf(config), namespace }
    }
}

#[async_trait]
impl Metrics for CloudWatch {
    async fn put(&self, data: Vec<Datum>) -> Result<(), PutError> {
        let data = data.into_iter().map(metric_datum).collect();
        let sent = self.client.put_metric_data().namespace(&self.namespace).set_metric_data(Some(data));
        sent.send().await.map(drop).map_err(put_error)
    }
}

fn metric_datum(datum: Datum) -> MetricDatum {
    let dimension = |(name, value)| Dimension::builder().name(name).value(value).build();
    let secs = i64::try_from(datum.minute.as_secs()).unwrap_or(i64::MAX);
    MetricDatum::builder()
        .metric_name(datum.name)
        .set_dimensions(Some(datum.dimensions.into_iter().map(dimension).collect()))
        .timestamp(DateTime::from_secs(secs))
        .unit(match datum.unit {
            Unit::Count => StandardUnit::Count,
            Unit::Milliseconds => StandardUnit::Milliseconds,
            Unit::None => StandardUnit::None,
            Unit::Percent => StandardUnit::Percent,
        })
        .set_values(Some(datum.values))
        .set_counts(Some(datum.counts))
        .build()
}

fn put_error<R>(error: SdkError<PutMetricDataError, R>) -> PutError
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let is_definite = match &error {
        SdkError::ConstructionFailure(_) | SdkError::ServiceError(_) => true,
        SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().is_some_and(|error| never_left(error))
        }
        // A time-out, an answer that cannot be read, and whatever the SDK may add.
        _ => false,
    };
    let cause: Cause = Box::new(error);
    if is_definite { PutError::Refused(cause) } else { PutError::Ambiguous(cause) }
}

#[cfg(test)]
mod tests;
