//! Events and what becomes of them, over a scripted table and metrics in memory.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test itself")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use tollgate_aws::bypasses::Bypasses;
use tollgate_core::bypass::{ModelCall, Principals, Sighting};
use tollgate_core::metrics::{Datum, Gauge};
use tollgate_core::ports::{Metrics, PutError};
use tollgate_core::time::Timestamp;
use tollgate_reconciler::bypass::Watch;
use tollgate_reconciler::figures::Figures;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

/// Metrics that refuse, or lose their reply, so many times.
#[derive(Default)]
struct MemoryMetrics {
    refusals: Mutex<u32>,
    is_lossy: bool,
    put: Mutex<Vec<Datum>>,
}

impl MemoryMetrics {
    fn shown(&self) -> Vec<(&'static str, f64)> {
        self.put.lock().unwrap().iter().map(|datum| (datum.name, datum.values[0])).collect()
    }
}

#[async_trait]
impl Metrics for MemoryMetrics {
    async fn put(&self, data: Vec<Datum>) -> Result<(), PutError> {
        let mut refusals = self.refusals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return Err(PutError::Refused("throttled".into()));
        }
        self.put.lock().unwrap().extend(data);
        if self.is_lossy { Err(PutError::Ambiguous("reset".into())) } else { Ok(()) }
    }
}

fn figures(metrics: &Arc<MemoryMetrics>) -> Figures {
    Figures::new(Arc::<MemoryMetrics>::clone(metrics), "dev".to_owned())
}

fn refusing(times: u32) -> Arc<MemoryMetrics> {
    Arc::new(MemoryMetrics { refusals: Mutex::new(times), ..MemoryMetrics::default() })
}

fn watch(rules: &[&Rule], metrics: &Arc<MemoryMetrics>) -> Watch {
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, rules);
    let ours = Principals::parse("arn:aws:iam::1:role/invoke");
    Watch::new(ours, Bypasses::new(&client, "rollups"), figures(metrics))
}

fn count(calls: u32, published: u32) -> Rule {
    mock!(Client::get_item).then_output(move || {
        GetItemOutput::builder()
            .item("calls", AttributeValue::N(calls.to_string()))
            .item("published", AttributeValue::N(published.to_string()))
            .build()
    })
}

fn noted(calls: &'static str) -> Rule {
    mock!(Client::update_item)
        .match_requests(move |request| {
            let values = request.expression_attribute_values().unwrap();
            values[":calls"] == AttributeValue::N(calls.to_owned())
        })
        .then_output(|| UpdateItemOutput::builder().build())
}

fn call(principal: &str) -> ModelCall {
    ModelCall {
        event_id: "e-1".to_owned(),
        principal: principal.to_owned(),
        account: "1".to_owned(),
        region: "us-east-1".to_owned(),
        operation: "Converse".to_owned(),
        model: None,
        refusal: None,
    }
}

#[tokio::test]
async fn a_figure_that_is_refused_is_put_again() {
    let metrics = refusing(2);

    figures(&metrics).put(&[(Gauge::CanaryFailures, 1)], NOW).await.unwrap();

    assert_eq!(metrics.shown(), [("Canary.Failures.Count", 1.0)]);
    assert!(figures(&refusing(3)).put(&[(Gauge::CanaryFailures, 1)], NOW).await.is_err());
}

#[tokio::test]
async fn a_lost_reply_is_taken_for_a_yes() {
    let metrics = Arc::new(MemoryMetrics { is_lossy: true, ..MemoryMetrics::default() });

    figures(&metrics).put(&[(Gauge::BypassCalls, 2)], NOW).await.unwrap();

    assert_eq!(metrics.shown(), [("Bypass.Calls.Count", 2.0)]);
}

#[tokio::test]
async fn only_what_is_new_goes_into_the_metric() {
    let metrics = refusing(0);
    let (today, note, yesterday) = (count(5, 3), noted("5"), count(2, 2));

    let published = watch(&[&today, &note, &yesterday], &metrics).publish(NOW).await.unwrap();

    assert_eq!(published, 2);
    assert_eq!(metrics.shown(), [("Bypass.Calls.Count", 2.0)]);
}

#[tokio::test]
async fn what_was_not_put_is_not_noted() {
    let today = count(5, 3);

    let failed = watch(&[&today], &refusing(9)).publish(NOW).await;

    assert!(failed.is_err());
}

#[tokio::test]
async fn the_gateways_own_calls_are_not_counted() {
    let metrics = refusing(0);
    let counting =
        mock!(Client::transact_write_items).then_output(|| TransactWriteItemsOutput::builder().build());
    let watch = watch(&[&counting], &metrics);

    assert_eq!(watch.see(&call("arn:aws:iam::1:role/invoke"), NOW).await.unwrap(), Sighting::Ours);
    let refused = ModelCall { refusal: Some("AccessDenied".to_owned()), ..call("arn:aws:iam::1:user/eve") };
    assert_eq!(watch.see(&refused, NOW).await.unwrap(), Sighting::Refused);
    assert_eq!(counting.num_calls(), 0);

    assert_eq!(watch.see(&call("arn:aws:iam::1:user/eve"), NOW).await.unwrap(), Sighting::Bypass);
    assert_eq!(counting.num_calls(), 1);
}
