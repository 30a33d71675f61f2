use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::json;
use wiremock::matchers::{body_partial_json, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);
const NAME: &str = "openai-key";

fn keys_at(endpoint: &str) -> ApiKeys {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-2"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    ApiKeys::new(Secrets::new(&config))
}

/// Keeps a text in the vault, for one fetch or for good.
async fn keep(vault: &MockServer, text: &str, times: u64) {
    let body = json!({"Name": NAME, "SecretString": text}).to_string();
    Mock::given(method("POST"))
        .and(header("x-amz-target", "secretsmanager.GetSecretValue"))
        .and(body_partial_json(json!({"SecretId": NAME})))
        .respond_with(ResponseTemplate::new(200).set_body_raw(body, "application/x-amz-json-1.1"))
        .up_to_n_times(times)
        .mount(vault)
        .await;
}

async fn vault(text: &str) -> MockServer {
    let vault = MockServer::start().await;
    keep(&vault, text, u64::MAX).await;
    vault
}

async fn key_at(keys: &ApiKeys, now: Timestamp) -> String {
    keys.key(NAME, now).await.unwrap().expose_secret().to_owned()
}

async fn fetches(vault: &MockServer) -> usize {
    vault.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn a_key_is_kept_for_five_minutes_and_then_fetched_anew() {
    let vault = MockServer::start().await;
    keep(&vault, "sk-1", 1).await;
    keep(&vault, "sk-2", 1).await;
    let keys = keys_at(&vault.uri());

    assert_eq!(key_at(&keys, NOON).await, "sk-1");
    assert_eq!(key_at(&keys, NOON.plus(Duration::from_secs(299))).await, "sk-1");
    assert_eq!(key_at(&keys, NOON.plus(Duration::from_secs(300))).await, "sk-2");
    assert_eq!(key_at(&keys, NOON.plus(Duration::from_secs(599))).await, "sk-2");
    assert_eq!(fetches(&vault).await, 2);
}

#[tokio::test]
async fn a_key_that_was_fetched_ahead_is_there() {
    let vault = vault("sk-1").await;
    let keys = keys_at(&vault.uri());

    keys.prefetch(&[NAME.to_owned(), "another".to_owned()], NOON).await;
    let before = fetches(&vault).await;

    assert_eq!(key_at(&keys, NOON).await, "sk-1");
    assert_eq!(fetches(&vault).await, before);
}

#[tokio::test]
async fn a_successor_is_another_key() {
    let vault = MockServer::start().await;
    for text in ["sk-1", "sk-1", "sk-2"] {
        keep(&vault, text, 1).await;
    }
    let keys = keys_at(&vault.uri());
    let refused = keys.key(NAME, NOON).await.unwrap();

    assert!(keys.successor(NAME, &refused, NOON).await.unwrap().is_none());
    let successor = keys.successor(NAME, &refused, NOON).await.unwrap().unwrap();
    assert_eq!(successor.expose_secret(), "sk-2");
    assert_eq!(key_at(&keys, NOON).await, "sk-2");
}

#[test]
fn a_key_stands_alone_or_in_a_document() {
    let key = |text| key_in(text).map(|key| key.expose_secret().to_owned());

    for text in ["sk-1", " sk-1\n", r#"{"api_key":"sk-1"}"#, r#" {"org": "o", "api_key": "sk-1"}"#] {
        assert_eq!(key(text).as_deref(), Some("sk-1"), "{text}");
    }
    for text in ["sk 1", "sk-1\r\nx: y", "ключ", "{", r#"{"key":"sk-1"}"#, r#"{"api_key":""}"#] {
        assert_eq!(key(text), None, "{text}");
    }
}

#[tokio::test]
async fn a_secret_without_a_key_is_named_and_not_shown() {
    let vault = vault("hunter two").await;

    let error = keys_at(&vault.uri()).key(NAME, NOON).await.unwrap_err();

    assert_eq!(error.to_string(), "the secret openai-key holds no API key");
    assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_shown() {
    let vault = MockServer::start().await;
    let response =
        ResponseTemplate::new(200).set_body_raw(r#"{"SecretString":"hunter2""#, "application/json");
    Mock::given(method("POST")).respond_with(response).mount(&vault).await;

    let error = keys_at(&vault.uri()).key(NAME, NOON).await.unwrap_err();

    assert!(matches!(error, KeyError::Unreadable(_)));
    let shown = format!("{error:?} {}", crate::causes::Causes(&error));
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains(NAME), "{shown}");
}

#[tokio::test]
async fn no_kept_key_is_shown() {
    let vault = vault("hunter2").await;
    let keys = keys_at(&vault.uri());

    key_at(&keys, NOON).await;

    assert!(!format!("{keys:?}").contains("hunter2"), "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_does_not_come_in_time_is_late() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let keys = keys_at(&format!("http://{}", listener.local_addr().unwrap()));

    let error = keys.key(NAME, NOON).await.unwrap_err();

    assert!(matches!(error, KeyError::Late(_)), "{error}");
}
