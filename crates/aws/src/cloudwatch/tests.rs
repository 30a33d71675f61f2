use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{Credentials, Region, SharedCredentialsProvider};
use aws_sdk_cloudwatch::error::ErrorMetadata;
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
use aws_sdk_cloudwatch::types::error::InternalServiceFault;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use tollgate_core::metrics::ambiguous;
use tollgate_core::time::Timestamp;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_859);

fn one() -> Vec<Datum> {
    vec![ambiguous("prod", 2, NOW)]
}

#[tokio::test]
async fn a_datum_is_put_with_values_and_counts() {
    let rule = mock!(Client::put_metric_data)
        .match_requests(|request| {
            let datum = &request.metric_data()[0];
            request.namespace() == Some("Tollgate")
                && datum.metric_name() == Some("Emitter.Ambiguous.Count")
                && datum.dimensions() == [Dimension::builder().name("Environment").value("prod").build()]
                && datum.timestamp() == Some(&DateTime::from_secs(1_795_348_800))
                && datum.unit() == Some(&StandardUnit::Count)
                && datum.values() == [2.0]
                && datum.counts() == [1.0]
                && datum.value().is_none()
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, &[&rule]);
    let metrics = CloudWatch { client, namespace: "Tollgate".to_owned() };

    metrics.put(one()).await.unwrap();

    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn what_the_service_refuses_was_not_counted() {
    let throttled = mock!(Client::put_metric_data).then_error(|| {
        PutMetricDataError::generic(ErrorMetadata::builder().code("ThrottlingException").build())
    });
    let broken = mock!(Client::put_metric_data)
        .then_error(|| PutMetricDataError::InternalServiceFault(InternalServiceFault::builder().build()));
    for rule in [throttled, broken] {
        let client = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, &[&rule]);
        let metrics = CloudWatch { client, namespace: "Tollgate".to_owned() };

        assert!(matches!(metrics.put(one()).await, Err(PutError::Refused(_))));
    }
}

/// Serves connections: reads a request and answers, or not.
fn serve(answer: Option<&'static str>) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut buffer = [0; 65_536];
            assert!(connection.read(&mut buffer).unwrap() > 0);
            seen.fetch_add(1, Ordering::SeqCst);
            if let Some(answer) = answer {
                connection.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    (address, requests)
}

fn client_of(address: SocketAddr) -> CloudWatch {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(5))
        .connect_timeout(Duration::from_secs(2))
        .build();
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(format!("http://{address}"))
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .timeout_config(timeouts)
        .sleep_impl(aws_sdk_cloudwatch::config::SharedAsyncSleep::new(TokioSleep))
        .build();
    CloudWatch::new(&config, "Tollgate".to_owned())
}

#[derive(Debug)]
struct TokioSleep;

impl aws_sdk_cloudwatch::config::AsyncSleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> aws_sdk_cloudwatch::config::Sleep {
        aws_sdk_cloudwatch::config::Sleep::new(tokio::time::sleep(duration))
    }
}

#[tokio::test]
async fn a_lost_reply_is_ambiguous_and_nothing_is_sent_again() {
    let (address, requests) = serve(None);

    let outcome = client_of(address).put(one()).await;

    assert!(matches!(outcome, Err(PutError::Ambiguous(_))), "{outcome:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_ambiguous() {
    let (address, _) = serve(Some(
        "HTTP/1.1 200 OK\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\ncontent-length: 50\r\n\r\n",
    ));

    let outcome = client_of(address).put(one()).await;

    assert!(matches!(outcome, Err(PutError::Ambiguous(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_error_answer_that_nobody_understands_is_still_a_refusal() {
    let (address, requests) =
        serve(Some("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"));

    let outcome = client_of(address).put(one()).await;

    assert!(matches!(outcome, Err(PutError::Refused(_))), "{outcome:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_found_no_connection_was_not_counted() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

    let outcome = client_of(address).put(one()).await;

    assert!(matches!(outcome, Err(PutError::Refused(_))), "{outcome:?}");
}
