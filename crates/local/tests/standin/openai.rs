//! OpenAI itself and a server on premises, on the same port.

use insta::assert_snapshot;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tollgate_local::standin::reply_for;

use crate::provider::Provider;

fn chat() -> Value {
    json!({ "model": "gpt-5.5", "messages": [{ "role": "user", "content": "Say hello." }] })
}

async fn post(provider: &Provider, key: &str, path: &str, body: &Value) -> Response {
    provider.request(Method::POST, path).bearer_auth(key).json(body).send().await.expect("an answer")
}

async fn get(provider: &Provider, path: &str) -> Response {
    provider.request(Method::GET, path).bearer_auth("sk-one").send().await.expect("an answer")
}

async fn embed(provider: &Provider, more: Value) -> Value {
    let mut body = json!({ "model": "text-embedding-3-small", "input": "Say hello." });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("members").clone());
    post(provider, "sk-one", "/v1/embeddings", &body).await.json().await.expect("JSON")
}

#[tokio::test]
async fn a_key_of_openai_s_opens_its_plain_ids() {
    let provider = Provider::start().await;

    let chat_answer = post(&provider, "sk-one", "/v1/chat/completions", &chat()).await;
    let body = json!({ "model": "gpt-5.5", "input": "Say hello." });
    let responses_answer = post(&provider, "sk-one", "/v1/responses", &body).await;
    let mut of_bedrock = chat();
    of_bedrock["model"] = json!("openai.gpt-5.5");
    let refused = post(&provider, "sk-one", "/v1/chat/completions", &of_bedrock).await;

    assert_eq!([chat_answer.status(), responses_answer.status()], [200, 200]);
    assert_eq!(refused.status(), 404);
    assert_eq!(provider.calls().await[0]["key_ending"], "-one");
}

#[tokio::test]
async fn a_revoked_key_and_a_key_that_a_rule_names_are_refused() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "key": "sk-old", "status": 401 })).await;

    let revoked = post(&provider, "sk-revoked-1", "/v1/chat/completions", &chat()).await;
    let named = post(&provider, "sk-old", "/v1/chat/completions", &chat()).await;
    let other = post(&provider, "sk-new", "/v1/chat/completions", &chat()).await;

    assert_eq!(revoked.status(), 401);
    assert_snapshot!(revoked.text().await.unwrap(), @r#"{"error":{"message":"Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#);
    assert_eq!(named.status(), 401);
    assert_snapshot!(named.text().await.unwrap(), @r#"{"error":{"message":"Incorrect API key provided.","type":"authentication_error","param":null,"code":"invalid_api_key"}}"#);
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn models_are_listed_and_looked_up() {
    let provider = Provider::start().await;

    let list: Value = get(&provider, "/v1/models").await.json().await.unwrap();
    let one: Value = get(&provider, "/v1/models/gpt-5.5").await.json().await.unwrap();
    let none = get(&provider, "/v1/models/gpt-9").await;

    assert!(list["data"].as_array().unwrap().iter().any(|model| model["id"] == "text-embedding-3-small"));
    assert_eq!(one["object"], "model");
    assert_eq!(none.status(), 404);
}

#[tokio::test]
async fn texts_and_tokens_are_embedded() {
    let provider = Provider::start().await;

    let one = embed(&provider, json!({})).await;
    let many = embed(&provider, json!({ "input": ["Say hello.", "Bye."], "dimensions": 8 })).await;
    let tokens = embed(&provider, json!({ "input": [[1, 2, 3], [4]] })).await;
    let large = embed(&provider, json!({ "model": "text-embedding-3-large" })).await;

    assert_eq!(one["data"][0]["embedding"].as_array().unwrap().len(), 1536);
    assert_eq!(one["usage"], json!({ "prompt_tokens": 3, "total_tokens": 3 }));
    assert_eq!(many["data"][1]["index"], 1);
    assert_eq!(many["data"][1]["embedding"].as_array().unwrap().len(), 8);
    assert_eq!(tokens["usage"]["prompt_tokens"], 4);
    assert_eq!(large["data"][0]["embedding"].as_array().unwrap().len(), 3072);
}

#[tokio::test]
async fn base64_is_four_bytes_a_component() {
    let provider = Provider::start().await;

    let document = embed(&provider, json!({ "encoding_format": "base64", "dimensions": 3 })).await;

    assert_eq!(document["data"][0]["embedding"].as_str().unwrap().len(), 16);
}

#[tokio::test]
async fn what_cannot_be_embedded_is_refused() {
    let provider = Provider::start().await;

    let mut refusals = Vec::new();
    for more in [
        json!({ "model": "gpt-5.5" }),
        json!({ "input": "" }),
        json!({ "input": [] }),
        json!({ "dimensions": 1537 }),
        json!({ "encoding_format": "hex" }),
    ] {
        refusals.push(embed(&provider, more).await["error"].to_string());
    }

    assert_snapshot!(refusals.join("\n"), @r#"
    {"message":"The model 'gpt-5.5' does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}
    {"message":"'$.input' is invalid.","type":"invalid_request_error","param":"input","code":null}
    {"message":"'$.input' is invalid.","type":"invalid_request_error","param":"input","code":null}
    {"message":"Invalid value for 'dimensions': must be less than or equal to 1536.","type":"invalid_request_error","param":"dimensions","code":"integer_above_max_value"}
    {"message":"Unsupported value: 'encoding_format' does not support 'hex' with this model. Supported values are: float, base64.","type":"invalid_request_error","param":"encoding_format","code":"unsupported_value"}
    "#);
}

#[tokio::test]
async fn a_server_on_premises_serves_anyone_anything() {
    let provider = Provider::start().await;
    let mut body = chat();
    body["model"] = json!("mistral/any:latest");
    body["max_tokens"] = json!(100);
    body["temperature"] = json!(0.2);
    let send = async |path: &str, body: &Value| {
        let request = provider.request(Method::POST, &format!("/compatible/v1/{path}")).json(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json::<Value>().await.unwrap()
    };

    let answer = send("chat/completions", &body).await;
    let vectors = send("embeddings", &json!({ "model": "nomic", "input": "x" })).await;

    assert_eq!(answer["choices"][0]["message"]["content"], reply_for("Say hello.", 12));
    assert_eq!(vectors["data"][0]["embedding"].as_array().unwrap().len(), 768);
}
