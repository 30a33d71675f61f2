//! The adapter against the local stack's S3 Vectors, over the real wire.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test itself")]

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3vectors::config::{Credentials, SharedCredentialsProvider};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tollgate_aws::vectors::{S3Vectors, VectorIndex};
use tollgate_core::ports::{Near, Point, Vectors};
use tollgate_core::time::Timestamp;
use tollgate_local::standin::{self, Standin};

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

/// A stand-in with one index of two numbers, and the adapter on it.
struct World {
    url: String,
    vectors: S3Vectors,
    _server: JoinSet<()>,
}

impl World {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (bucket, index) = ("vectors".to_owned(), "questions-2".to_owned());
        let standin = Standin::with_indexes([standin::VectorIndex {
            bucket: bucket.clone(),
            index: index.clone(),
            dimension: 2,
        }]);
        let mut server = JoinSet::new();
        server.spawn(async move { drop(standin.serve(listener).await) });
        let vectors = S3Vectors::new(&sdk(&url), VectorIndex { bucket, index, dimension: 2 });
        Self { url, vectors, _server: server }
    }

    async fn rule(&self, rule: Value) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let put = http.put(format!("{}/_standin/faults", self.url)).json(&json!([rule])).send().await;
        assert_eq!(put.unwrap().status(), 204);
    }

    async fn keep(&self, key: &str, vector: [f32; 2], partition: &str, expires_at: u64) {
        let (key, partition) = (key.to_owned(), partition.to_owned());
        self.vectors.put(&Point { key, partition, vector: vector.to_vec(), expires_at }).await.unwrap();
    }
}

fn sdk(url: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "test", "test", None, None, "t",
        )))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_millis(400)).build())
        .endpoint_url(url)
        .build()
}

fn near(partition: &str) -> Near<'_> {
    Near { partition, vector: &[1.0, 0.0], most: 3, now: NOON }
}

#[tokio::test]
async fn a_partition_s_fresh_neighbours_are_found_nearest_first() {
    let world = World::start().await;
    let later = NOON.as_secs() + 1;
    world.keep("far", [0.0, 1.0], "acme", later).await;
    world.keep("same", [3.0, 0.0], "acme", later).await;
    world.keep("near", [0.8, 0.6], "acme", later).await;
    world.keep("expired", [1.0, 0.0], "acme", NOON.as_secs()).await;
    world.keep("foreign", [1.0, 0.0], "globex", later).await;

    let found = world.vectors.nearest(&near("acme")).await.unwrap();

    let found: Vec<_> = found.iter().map(|near| (near.key.as_str(), near.similarity.millionths())).collect();
    assert_eq!(found, [("same", 1_000_000), ("near", 800_000), ("far", 0)]);
    assert_eq!(world.vectors.nearest(&near("nobody")).await.unwrap(), []);
}

#[tokio::test]
async fn a_listing_tells_every_vector_once_and_what_is_removed_is_gone() {
    let world = World::start().await;
    let keys: Vec<String> = (0..40).map(|number| format!("k-{number:02}")).collect();
    try_join_all(keys.iter().map(async |key| {
        let (key, partition) = (key.clone(), "acme".to_owned());
        world.vectors.put(&Point { key, partition, vector: vec![1.0, 0.0], expires_at: 7 }).await
    }))
    .await
    .unwrap();

    world.vectors.remove(&keys[..30]).await.unwrap();
    let (mut points, mut next) = (Vec::new(), None);
    loop {
        let page = world.vectors.page(next.as_deref()).await.unwrap();
        points.extend(page.points);
        next = page.next;
        if next.is_none() {
            break;
        }
    }

    points.sort();
    assert_eq!(points, keys[30..].iter().map(|key| (key.clone(), 7)).collect::<Vec<_>>());
}

#[tokio::test]
async fn whatever_the_service_does_is_an_error_and_no_panic() {
    let world = World::start().await;
    world.keep("k", [1.0, 0.0], "acme", NOON.as_secs() + 1).await;

    for fault in [
        json!({ "model": "s3vectors", "status": 429 }),
        json!({ "model": "s3vectors", "status": 500 }),
        json!({ "model": "s3vectors", "status": 503 }),
        json!({ "model": "s3vectors", "status": 403 }),
        json!({ "model": "s3vectors", "garbage": true }),
        json!({ "model": "s3vectors", "empty": true }),
        json!({ "model": "s3vectors", "cut_after_chunks": 0 }),
        json!({ "model": "s3vectors", "latency_ms": 5_000 }),
    ] {
        world.rule(fault.clone()).await;
        let begun = tokio::time::Instant::now();

        let failed = world.vectors.nearest(&near("acme")).await.unwrap_err();

        assert_eq!(failed.store, "vectors", "{fault}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{fault}: {:?}", begun.elapsed());
    }
    world.rule(json!({ "model": "*" })).await;
    assert_eq!(world.vectors.nearest(&near("acme")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_index_that_is_not_there_is_an_error() {
    let world = World::start().await;
    let index = VectorIndex { bucket: "vectors".to_owned(), index: "gone".to_owned(), dimension: 2 };

    let lost = S3Vectors::new(&sdk(&world.url), index).nearest(&near("acme")).await;

    assert_eq!(lost.unwrap_err().store, "vectors");
}
