//! S3 Vectors by its own client, and by plain HTTP for what the bytes say.

use aws_credential_types::Credentials;
use aws_sdk_s3vectors::Client;
use aws_sdk_s3vectors::config::retry::RetryConfig;
use aws_sdk_s3vectors::config::{BehaviorVersion, Config, Region};
use aws_sdk_s3vectors::error::ProvideErrorMetadata;
use aws_sdk_s3vectors::types::{PutInputVector, QueryOutputVector, VectorData};
use aws_smithy_types::{Document, Number};
use reqwest::Method;
use serde_json::{Value, json};

use crate::provider::Provider;

fn client(provider: &Provider) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(&provider.url);
    Client::from_conf(config.build())
}

fn object<const N: usize>(members: [(&str, Document); N]) -> Document {
    Document::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text(value: &str) -> Document {
    Document::String(value.to_owned())
}

fn whole(number: u64) -> Document {
    Document::Number(Number::PosInt(number))
}

fn vector(key: &str, numbers: [f32; 2], partition: &str, expires_at: u64) -> PutInputVector {
    PutInputVector::builder()
        .key(key)
        .data(VectorData::Float32(numbers.to_vec()))
        .metadata(object([("partition", text(partition)), ("expires_at", whole(expires_at))]))
        .build()
        .expect("key and metadata are given")
}

async fn put(client: &Client, vectors: Vec<PutInputVector>) {
    let put = client.put_vectors().vector_bucket_name("vectors").index_name("questions");
    put.set_vectors(Some(vectors)).send().await.expect("they are kept");
}

async fn some(client: &Client) {
    let vectors = vec![
        vector("same", [2.0, 0.0], "a", 10),
        vector("near", [1.0, 0.1], "a", 10),
        vector("old", [1.0, 0.0], "a", 5),
        vector("other", [1.0, 0.0], "b", 10),
        vector("opposite", [-1.0, 0.0], "a", 10),
    ];
    put(client, vectors).await;
}

async fn nearest(client: &Client, filter: Option<Document>, most: i32) -> Vec<QueryOutputVector> {
    let query = client.query_vectors().vector_bucket_name("vectors").index_name("questions");
    let query = query.top_k(most).query_vector(VectorData::Float32(vec![1.0, 0.0])).set_filter(filter);
    let answer = query.return_distance(true).return_metadata(true).send().await.expect("an answer");
    assert_eq!(answer.distance_metric().map(|metric| metric.as_str()), Some("cosine"));
    answer.vectors
}

/// Posts to an operation and answers status, error type and body.
async fn refusal(provider: &Provider, operation: &str, body: Value) -> String {
    let response = provider.post("s3vectors", &format!("/{operation}"), &body).await;
    let status = response.status().as_u16();
    let kind = response.headers().get("x-amzn-errortype").cloned();
    let kind = kind.as_ref().map_or("-", |kind| kind.to_str().expect("text"));
    format!("{status} {kind} {}", response.text().await.expect("a body"))
}

fn at(body: Value) -> Value {
    let mut body = body;
    body["vectorBucketName"] = json!("vectors");
    body["indexName"] = json!("questions");
    body
}

#[tokio::test]
async fn the_nearest_that_the_filter_admits_come_first() {
    let provider = Provider::start().await;
    let client = client(&provider);
    some(&client).await;
    let partition = object([("partition", object([("$eq", text("a"))]))]);
    let fresh = object([("expires_at", object([("$gt", whole(5))]))]);
    let filter = object([("$and", Document::Array(vec![partition, fresh]))]);

    let found = nearest(&client, Some(filter.clone()), 10).await;
    let first = nearest(&client, Some(filter), 1).await;
    let all = nearest(&client, None, 10).await;

    let keys: Vec<_> = found.iter().map(QueryOutputVector::key).collect();
    assert_eq!(keys, ["same", "near", "opposite"]);
    let distances: Vec<_> = found.iter().map(|found| format!("{:.4}", found.distance().unwrap())).collect();
    assert_eq!(distances, ["0.0000", "0.0050", "2.0000"]);
    assert_eq!(found[0].metadata().and_then(Document::as_object).unwrap()["partition"], text("a"));
    assert_eq!((first.len(), all.len()), (1, 5));
}

#[tokio::test]
async fn a_vector_is_kept_once_under_its_key_until_it_is_deleted() {
    let provider = Provider::start().await;
    let client = client(&provider);
    put(&client, vec![vector("k", [1.0, 0.0], "a", 1), vector("l", [1.0, 0.0], "a", 1)]).await;
    put(&client, vec![vector("k", [0.0, 1.0], "b", 2)]).await;
    let get = || client.get_vectors().vector_bucket_name("vectors").index_name("questions");

    let kept = get().keys("k").keys("none").return_data(true).return_metadata(true).send().await.unwrap();
    let arn = "arn:aws:s3vectors:us-east-1:000000000000:bucket/vectors/index/questions";
    client.delete_vectors().index_arn(arn).keys("k").keys("none").send().await.unwrap();
    let left = get().keys("k").keys("l").send().await.unwrap();

    let [kept] = kept.vectors() else { panic!("{kept:?}") };
    assert_eq!(kept.data(), Some(&VectorData::Float32(vec![0.0, 1.0])));
    assert_eq!(kept.metadata(), Some(&object([("partition", text("b")), ("expires_at", whole(2))])));
    assert_eq!(left.vectors().iter().map(|left| left.key()).collect::<Vec<_>>(), ["l"]);
}

#[tokio::test]
async fn pages_and_segments_tell_every_vector_once() {
    let provider = Provider::start().await;
    let client = client(&provider);
    let vectors = |from: u32| (from..from + 500).map(|at| vector(&format!("k{at:04}"), [1.0, 0.0], "a", 1));
    put(&client, vectors(0).collect()).await;
    put(&client, vectors(500).collect()).await;

    let mut keys = Vec::new();
    for segment in 0..4 {
        let mut token = None;
        loop {
            let list = client.list_vectors().vector_bucket_name("vectors").index_name("questions");
            let list = list.segment_count(4).segment_index(segment).max_results(99).set_next_token(token);
            let page = list.send().await.unwrap();
            assert!(page.vectors().len() <= 99);
            keys.extend(page.vectors.into_iter().map(|vector| vector.key));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
    }

    keys.sort();
    assert_eq!(keys, (0..1_000).map(|at| format!("k{at:04}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_the_service_refuses_is_refused_in_its_own_words() {
    let provider = Provider::start().await;
    let data = |numbers: Value| json!({ "float32": numbers });
    let query = |most: u32, numbers: Value| at(json!({ "topK": most, "queryVector": data(numbers) }));
    let put = |vector: Value| at(json!({ "vectors": [vector] }));

    let vector = |key: &str, metadata: Value| {
        put(json!({ "key": key, "data": data(json!([1, 0])), "metadata": metadata }))
    };
    let nowhere = json!({ "indexName": "x", "vectorBucketName": "y" });
    let long = json!({ "partition": "x".repeat(2_048) });
    let validation = "400 ValidationException";

    for (operation, body, kind, says) in [
        ("QueryVectors", json!({ "indexName": "x" }), validation, "only indexArn"),
        ("ListVectors", nowhere, "404 NotFoundException", "index x of the vector bucket y"),
        ("QueryVectors", query(101, json!([1, 0])), validation, r#""path":"topK""#),
        ("QueryVectors", query(1, json!([1, 0, 0])), validation, "must have length 2, but has 3"),
        ("QueryVectors", query(1, json!([0, 0])), validation, "zero vector"),
        ("QueryVectors", query(1, json!(["NaN", 0])), validation, r#""path":"queryVector.float32[0]""#),
        ("PutVectors", at(json!({ "vectors": [] })), validation, "must be 1 to 500, but is 0"),
        ("PutVectors", vector("", json!({})), validation, r#""path":"vectors/0/key""#),
        ("PutVectors", vector("k", long), validation, "at most 2048 bytes"),
        ("PutVectors", vector("k", json!({ "a": null })), validation, "strings, numbers, booleans"),
        ("DeleteVectors", at(json!({ "keys": vec!["k"; 501] })), validation, "1 to 500"),
        ("GetVectors", at(json!({ "keys": vec!["k"; 101] })), validation, "1 to 100"),
        ("ListVectors", at(json!({ "segmentCount": 17, "segmentIndex": 0 })), validation, "16 segments"),
        ("ListVectors", at(json!({ "nextToken": "???" })), validation, "nextToken"),
    ] {
        let refused = refusal(&provider, operation, body).await;
        assert!(refused.starts_with(kind) && refused.contains(says), "{refused}");
    }
    assert!(nearest(&client(&provider), None, 1).await.is_empty());
}

#[tokio::test]
async fn a_refused_batch_keeps_nothing() {
    let provider = Provider::start().await;
    let good = json!({ "key": "good", "data": { "float32": [1, 0] } });
    let bad = json!({ "key": "bad", "data": { "float32": [1] } });

    let refused = refusal(&provider, "PutVectors", at(json!({ "vectors": [good, bad] }))).await;

    assert!(refused.starts_with("400 ValidationException"), "{refused}");
    assert!(nearest(&client(&provider), None, 1).await.is_empty());
}

#[tokio::test]
async fn only_calls_that_are_signed_for_s3_vectors_are_taken() {
    let provider = Provider::start().await;
    let list = at(json!({}));

    let unsigned = provider.request(Method::POST, "/ListVectors").json(&list).send().await.unwrap();
    let with_key = provider.request(Method::POST, "/ListVectors").bearer_auth("ABSKxyz").json(&list);
    let with_key = with_key.send().await.unwrap();
    let elsewhere = provider.post("bedrock", "/ListVectors", &list).await;

    for response in [unsigned, with_key, elsewhere] {
        assert_eq!(response.status(), 403);
        assert!(response.headers().contains_key("x-amzn-errortype"));
    }
    assert_eq!(provider.post("s3vectors", "/model/x/converse", &list).await.status(), 403);
}

#[tokio::test]
async fn faults_are_worded_as_the_service_words_them_and_calls_have_a_log_of_their_own() {
    let provider = Provider::start().await;
    let client = client(&provider);
    let list = || client.list_vectors().vector_bucket_name("vectors").index_name("questions").send();
    let rules = json!([
        { "model": "s3vectors/ListVectors", "times": 1, "status": 429 },
        { "model": "s3vectors", "times": 1, "status": 503 },
        { "model": "s3vectors", "times": 1, "garbage": true },
        { "model": "s3vectors", "times": 1, "empty": true },
        { "model": "s3vectors", "times": 1, "cut_after_chunks": 0 },
    ]);
    assert_eq!(provider.put_rules(&rules).await.status(), 204);

    let throttled = list().await.unwrap_err();
    let unavailable = list().await.unwrap_err();
    let (garbage, empty, cut) = (list().await, list().await, list().await);

    assert_eq!(throttled.code(), Some("TooManyRequestsException"));
    assert_eq!(unavailable.code(), Some("ServiceUnavailableException"));
    assert!(garbage.is_err() && cut.is_err(), "{garbage:?} {cut:?}");
    // The client takes a body with nothing in it for an object with nothing in it.
    assert!(empty.is_ok_and(|page| page.vectors().is_empty()));
    assert!(list().await.is_ok());
    assert!(provider.calls().await.is_empty());
    let log = provider.request(Method::GET, "/_standin/vector-calls").send().await.unwrap();
    let log: Vec<Value> = log.json().await.unwrap();
    let statuses: Vec<_> = log.iter().map(|call| call["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [429, 503, 200, 200, 200, 200]);
    assert_eq!(log[0]["path"], "/ListVectors");
    let forgotten = provider.request(Method::DELETE, "/_standin/vector-calls").send().await.unwrap();
    assert_eq!(forgotten.status(), 204);
}
