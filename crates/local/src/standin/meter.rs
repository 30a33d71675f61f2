//! Bedrock's own count of tokens: what it puts into `CloudWatch` of the account and region in which a call was made.
//!
//! The names are those of Bedrock's metrics at the level of models. Every answered call is counted whole, as Bedrock counts one
//! whose client has left.

use std::collections::HashMap;
use std::convert::Infallible;

use aws_credential_types::Credentials;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Region};
use aws_sdk_cloudwatch::error::DisplayErrorContext;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_sdk_cloudwatch::{Client, Config};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::credentials::{Caller, Service};
use crate::credentials::root;

/// What is counted of one call.
#[derive(Clone, Debug)]
pub(super) struct Count {
    pub(super) service: Service,
    pub(super) region: String,
    pub(super) access_key_id: String,
    pub(super) model: String,
    /// All of the input.
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) cache_written: u64,
    pub(super) output: u64,
}

/// Where calls are handed in to be counted. One without a meter behind it counts nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter(Option<UnboundedSender<Count>>);

/// Puts into the emulator's `CloudWatch` what is handed in.
#[derive(Debug)]
pub struct Meter {
    counts: UnboundedReceiver<Count>,
    endpoint: String,
    /// By access key.
    accounts: HashMap<String, Option<String>>,
    /// By account and region.
    clients: HashMap<(Option<String>, String), Client>,
}

impl Counter {
    /// A counter, and the meter behind it.
    pub(super) fn with_meter(endpoint: &str) -> (Self, Meter) {
        let (sender, counts) = unbounded_channel();
        let meter = Meter {
            counts,
            endpoint: endpoint.to_owned(),
            accounts: HashMap::new(),
            clients: HashMap::new(),
        };
        (Self(Some(sender)), meter)
    }

    /// Counts a call of Bedrock's that was signed; calls of others are none of its.
    pub(super) fn count(&self, caller: &Caller, count: impl FnOnce(String, Service, String) -> Count) {
        let (Some(counts), Caller::Signed { access_key_id, region, service, .. }) = (&self.0, caller) else {
            return;
        };
        // Without a meter any more, the stack is being stopped.
        drop(counts.send(count(access_key_id.clone(), *service, region.clone())));
    }
}

impl Meter {
    /// Puts until it is dropped.
    pub async fn run(mut self) -> Infallible {
        while let Some(count) = self.counts.recv().await {
            self.put(&count).await;
        }
        std::future::pending().await
    }

    async fn put(&mut self, count: &Count) {
        let account = self.account(&count.access_key_id).await;
        let client = self.client(account, &count.region);
        let (namespace, data) = data(count);
        let sent = client.put_metric_data().namespace(namespace).set_metric_data(Some(data)).send().await;
        if let Err(error) = sent {
            tracing::error!(model = count.model, error = %DisplayErrorContext(&error), "a call was not counted");
        }
    }

    /// The account of a key; none where it is the emulator's own, whose root key is no key of AWS's form.
    async fn account(&mut self, access_key_id: &str) -> Option<String> {
        if let Some(known) = self.accounts.get(access_key_id) {
            return known.clone();
        }
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.endpoint)
            .credentials_provider(root())
            .build();
        let found = aws_sdk_sts::Client::from_conf(config).get_access_key_info();
        let account = found.access_key_id(access_key_id).send().await.ok().and_then(|found| found.account);
        self.accounts.insert(access_key_id.to_owned(), account.clone());
        account
    }

    fn client(&mut self, account: Option<String>, region: &str) -> &Client {
        let endpoint = &self.endpoint;
        self.clients.entry((account, region.to_owned())).or_insert_with_key(|(account, region)| {
            // The emulator takes the number of an account for its root key.
            let credentials = account.as_ref().map_or_else(root, |account| {
                Credentials::new(account.clone(), "test", None, None, "account of a caller")
            });
            let config = Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(region.clone()))
                .endpoint_url(endpoint)
                .credentials_provider(credentials);
            Client::from_conf(config.build())
        })
    }
}

/// Namespace and data of one call, named as each endpoint of Bedrock names them.
fn data(count: &Count) -> (&'static str, Vec<MetricDatum>) {
    let Count { input, cached, cache_written, output, .. } = count;
    let (namespace, dimension, values) = match count.service {
        Service::Mantle => (
            "AWS/BedrockMantle",
            "Model",
            vec![("Inferences", 1), ("TotalInputTokens", *input), ("TotalOutputTokens", *output)],
        ),
        Service::Runtime | Service::OpenAi | Service::Compatible | Service::Vectors => (
            "AWS/Bedrock",
            "ModelId",
            vec![
                ("Invocations", 1),
                ("InputTokenCount", input.saturating_sub(cached + cache_written)),
                ("CacheReadInputTokenCount", *cached),
                ("CacheWriteInputTokenCount", *cache_written),
                ("OutputTokenCount", *output),
            ],
        ),
    };
    let model = Dimension::builder().name(dimension).value(&count.model).build();
    let datum = |(name, value): (&str, u64)| {
        let value = u32::try_from(value).map_or(f64::from(u32::MAX), f64::from);
        let datum = MetricDatum::builder().metric_name(name).dimensions(model.clone());
        datum.unit(StandardUnit::Count).value(value).build()
    };
    (namespace, values.into_iter().map(datum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(service: Service) -> (&'static str, Vec<String>) {
        let count = Count {
            service,
            region: "us-east-1".to_owned(),
            access_key_id: "test".to_owned(),
            model: "m".to_owned(),
            input: 100,
            cached: 30,
            cache_written: 5,
            output: 7,
        };
        let (namespace, data) = data(&count);
        let text = |datum: &MetricDatum| {
            let dimension = &datum.dimensions()[0];
            let [metric, name, model] =
                [datum.metric_name(), dimension.name(), dimension.value()].map(Option::unwrap_or_default);
            format!("{metric} {name}={model} {:.0}", datum.value().unwrap_or_default())
        };
        (namespace, data.iter().map(text).collect())
    }

    #[test]
    fn each_endpoint_counts_under_its_own_names() {
        let (namespace, data) = shown(Service::Mantle);
        assert_eq!(namespace, "AWS/BedrockMantle");
        assert_eq!(
            data,
            ["Inferences Model=m 1", "TotalInputTokens Model=m 100", "TotalOutputTokens Model=m 7"]
        );

        let (namespace, data) = shown(Service::Runtime);
        assert_eq!(namespace, "AWS/Bedrock");
        assert_eq!(
            data,
            [
                "Invocations ModelId=m 1",
                "InputTokenCount ModelId=m 65",
                "CacheReadInputTokenCount ModelId=m 30",
                "CacheWriteInputTokenCount ModelId=m 5",
                "OutputTokenCount ModelId=m 7",
            ]
        );
    }
}
