use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use tokio::time::Instant;

use super::support::{ANSWER, Sample, kind, nowhere, vault};
use crate::clock;

/// A provider that takes only this key.
async fn provider(key: &str) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("authorization", format!("Bearer {key}").as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_string(ANSWER))
        .mount(&server)
        .await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    server
}

async fn requests_to(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn a_key_is_sent_as_a_bearer_token_and_fetched_once() {
    let (provider, vault) = (provider("sk-1").await, vault(&["sk-1"]).await);
    let sample = Sample::with_key(&provider.uri(), &vault.uri());
    let wire = sample.wire();

    for _ in 0..2 {
        sample.ask_over(&wire).await.ok().unwrap();
    }

    assert_eq!((requests_to(&provider).await, requests_to(&vault).await), (2, 1));
}

#[tokio::test]
async fn a_key_that_has_been_rotated_is_replaced_within_the_call() {
    let (provider, vault) = (provider("sk-2").await, vault(&["sk-1", r#"{"api_key": "sk-2"}"#]).await);
    let sample = Sample::with_key(&provider.uri(), &vault.uri());
    let wire = sample.wire();

    assert!(sample.ask_over(&wire).await.is_ok());
    assert!(sample.ask_over(&wire).await.is_ok());

    assert_eq!((requests_to(&provider).await, requests_to(&vault).await), (3, 2));
}

#[tokio::test]
async fn kill_in_time_a_key_that_is_refused_late_is_not_tried_again() {
    let (provider, vault) = (provider("sk-2").await, vault(&["sk-1", "sk-2"]).await);
    let sample = Sample::with_key(&provider.uri(), &vault.uri());
    let wire = sample.wire();
    wire.keys.prefetch(&["openai-key".to_owned()], clock::now()).await;
    let url = format!("{}/openai/v1/chat/completions", provider.uri());

    let response = sample.send_with_key(&wire, &url, Instant::now()).await.unwrap();

    assert_eq!(response.status(), 401);
    assert_eq!(requests_to(&provider).await, 1);
}

#[tokio::test]
async fn a_key_that_is_refused_and_still_the_same_is_not_tried_again() {
    let (provider, vault) = (provider("sk-2").await, vault(&["sk-1"]).await);

    let failed = Sample::with_key(&provider.uri(), &vault.uri()).ask().await.err().unwrap();

    assert_eq!(kind(&failed), ("unauthorized", false));
    assert_eq!((requests_to(&provider).await, requests_to(&vault).await), (1, 2));
}

#[tokio::test]
async fn a_second_key_that_is_refused_too_is_the_last() {
    let (provider, vault) = (provider("sk-9").await, vault(&["sk-1", "sk-2", "sk-3"]).await);

    let failed = Sample::with_key(&provider.uri(), &vault.uri()).ask().await.err().unwrap();

    assert_eq!(kind(&failed), ("unauthorized", false));
    assert_eq!((requests_to(&provider).await, requests_to(&vault).await), (2, 2));
}

#[tokio::test]
async fn without_a_key_nothing_is_sent() {
    let provider = provider("sk-1").await;
    let empty = vault(&["  "]).await;

    for vault in [nowhere(), empty.uri()] {
        let failed = Sample::with_key(&provider.uri(), &vault).ask().await.err().unwrap();

        assert_eq!(kind(&failed), ("unauthorized", false));
    }
    assert_eq!(requests_to(&provider).await, 0);
}

#[tokio::test]
async fn a_key_goes_to_no_private_address() {
    let (provider, vault) = (provider("sk-1").await, vault(&["sk-1"]).await);
    let sample = Sample { allow_private: false, ..Sample::with_key(&provider.uri(), &vault.uri()) };

    assert_eq!(kind(&sample.ask().await.err().unwrap()), ("unavailable", false));
    assert_eq!(requests_to(&provider).await, 0);
}

#[tokio::test]
async fn no_error_shows_a_key() {
    let provider = provider("sk-9").await;
    let vault = vault(&["sk-private-1", "sk-private-2"]).await;
    let sample = Sample::with_key(&provider.uri(), &vault.uri());
    let wire = sample.wire();

    let refused = sample.ask_over(&wire).await.err().unwrap();
    let unreachable = Sample::with_key(&nowhere(), &vault.uri()).ask().await.err().unwrap();

    for shown in [format!("{refused:?}"), format!("{unreachable:?}"), format!("{wire:?}")] {
        assert!(!shown.contains("sk-private"), "{shown}");
    }
}
