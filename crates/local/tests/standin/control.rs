use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

use crate::provider::Provider;

const CHAT: &str = "/openai/v1/chat/completions";

fn ask() -> Value {
    json!({ "model": "openai.gpt-5.5", "messages": [{ "role": "user", "content": "Say hello." }] })
}

#[tokio::test]
async fn a_call_is_remembered_until_it_is_forgotten() {
    let provider = Provider::start().await;

    provider.post("bedrock-mantle", CHAT, &ask()).await;
    let mut calls = provider.calls().await;
    let forgotten = provider.request(Method::DELETE, "/_standin/calls").send().await.unwrap();

    assert_eq!(calls.len(), 1);
    assert!(calls[0]["at_us"].as_u64().unwrap() > 1_700_000_000_000_000);
    calls[0]["at_us"] = json!(0);
    assert_snapshot!(calls[0], @r#"{"at_us":0,"path":"/openai/v1/chat/completions","model":"openai.gpt-5.5","access_key_id":"test","has_session_token":false,"streamed":false,"status":200,"input_tokens":3,"output_tokens":19,"chunks_at_us":[],"finished":true}"#);
    assert_eq!(forgotten.status(), 204);
    assert_eq!(provider.calls().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_refused_call_is_remembered_too() {
    let provider = Provider::start().await;

    provider
        .post("bedrock-mantle", CHAT, &json!({ "model": "openai.gpt-9", "messages": [{ "role": "user" }] }))
        .await;
    provider.request(Method::POST, CHAT).send().await.unwrap();

    let calls = provider.calls().await;
    assert_eq!(calls[0]["status"], 404);
    assert_eq!(calls[0]["model"], "openai.gpt-9");
    assert_eq!(calls[1]["status"], 401);
    assert_eq!(calls[1]["access_key_id"], Value::Null);
}

#[tokio::test]
async fn an_invalid_rule_is_refused_by_field_and_changes_nothing() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "status": 503 })).await;

    let refused = provider.put_rules(&json!([{ "model": "*", "status": 200 }])).await;

    assert_eq!(refused.status(), 400);
    assert_snapshot!(refused.text().await.unwrap(), @r#"{"error":{"field":"[0].status","message":"must be 400 to 599, not 200"}}"#);
    assert_eq!(provider.post("bedrock-mantle", CHAT, &ask()).await.status(), 503);
}

#[tokio::test]
async fn deleting_the_rules_brings_normal_life_back() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "status": 503 })).await;

    let deleted = provider.request(Method::DELETE, "/_standin/faults").send().await.unwrap();

    assert_eq!(deleted.status(), 204);
    assert_eq!(provider.post("bedrock-mantle", CHAT, &ask()).await.status(), 200);
}

#[tokio::test]
async fn what_is_no_control_call_is_not_found() {
    let provider = Provider::start().await;

    let response = provider.request(Method::GET, "/_standin/faults").send().await.unwrap();

    assert_eq!(response.status(), 404);
    assert_eq!(provider.calls().await, Vec::<Value>::new());
}
