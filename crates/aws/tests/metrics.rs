//! Metrics against a real `CloudWatch` endpoint: what is put comes back as sums and percentiles.
//!
//! Set `TOLLGATE_CLOUDWATCH_URL` to the URL of the emulator; without it this test says that it was skipped.

#![cfg(feature = "cloudwatch")]
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test itself")]

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::{Credentials, Region, SharedCredentialsProvider};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use tollgate_aws::clock;
use tollgate_aws::cloudwatch::CloudWatch;
use tollgate_core::metrics::{POSTINGS_PER_PUT, data};
use tollgate_core::ports::Metrics;
use tollgate_core::record::Record;
use tollgate_core::rollup::Posting;
use tollgate_core::time::Timestamp;

fn call(index: usize, now: Timestamp) -> Posting {
    let record: Record = serde_json::from_value(serde_json::json!({
        "request_id": format!("r-{index}"), "state": "settled", "deadline_us": 5, "created_us": 1, "expires_at": 9,
        "key_id": "k", "user": "alice", "team": "search", "tenant": "default", "model": "gpt-5.5", "stream": false,
        "day": "2026-11-22", "reserved_nanos": 100, "charged_nanos": 1_000_000_001_u64 + 7 * index as u64,
        "attempts": 1, "target": "t", "cache": "miss", "ended_us": now, "outcome": "ok", "provider": "bedrock",
        "latency_us": 1_000 * (index + 1), "usage": {"input": 3, "cached": 1, "cache_write": 0, "output": 2, "reasoning": 0}
    }))
    .unwrap();
    Posting::of(None, record).unwrap().unwrap()
}

fn query(id: &str, namespace: &str, environment: &str, metric: &str, statistic: &str) -> MetricDataQuery {
    let metric = Metric::builder()
        .namespace(namespace)
        .metric_name(metric)
        .dimensions(Dimension::builder().name("Environment").value(environment).build())
        .build();
    let stat = MetricStat::builder().metric(metric).period(3_600).stat(statistic).build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}

#[tokio::test]
async fn sums_are_exact_and_percentiles_are_real() {
    let Some(url) = tollgate_aws::vars::read("TOLLGATE_CLOUDWATCH_URL") else {
        eprintln!("SKIPPED: set TOLLGATE_CLOUDWATCH_URL to run this test against CloudWatch");
        return;
    };
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .endpoint_url(url)
        .build();
    let now = clock::now();
    let environment = format!("test-{}", now.as_micros());
    let metrics = CloudWatch::new(&config, "Tollgate".to_owned());
    let calls: Vec<Posting> = (0..99).map(|index| call(index, now)).collect();

    for group in calls.chunks(POSTINGS_PER_PUT) {
        metrics.put(data(&environment, group)).await.unwrap();
    }

    let secs = i64::try_from(now.as_secs()).unwrap();
    let queries =
        [("cost", "Cost.Estimate.Total", "Sum"), ("half", "Latency", "p50"), ("most", "Latency", "p99")];
    let client = Client::new(&config);
    let reply = client
        .get_metric_data()
        .start_time(DateTime::from_secs(secs - 3_600))
        .end_time(DateTime::from_secs(secs + 3_600))
        .set_metric_data_queries(Some(
            queries
                .map(|(id, metric, statistic)| query(id, "Tollgate", &environment, metric, statistic))
                .to_vec(),
        ))
        .send()
        .await
        .unwrap();
    let text = |id: &str| {
        let result = reply.metric_data_results().iter().find(|result| result.id() == Some(id)).unwrap();
        result.values().iter().map(|value| format!("{value:.9}")).collect::<Vec<_>>()
    };
    assert_eq!(text("cost"), ["99.000034056"]);
    assert_eq!(text("half"), ["50.000000000"]);
    let most: u64 = text("most")[0].split_once('.').unwrap().0.parse().unwrap();
    assert!((97..=99).contains(&most), "{most}");
}
