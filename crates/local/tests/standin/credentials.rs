use aws_credential_types::Credentials;
use insta::assert_snapshot;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Method, Response};
use serde_json::json;

use crate::provider::Provider;

const MANTLE: &str = "/openai/v1/chat/completions";
const RUNTIME: &str = "/model/us.openai.gpt-5.6-terra/converse";

fn body() -> String {
    let messages = json!([{ "role": "user", "content": [{ "type": "text", "text": "Hello." }] }]);
    json!({ "model": "openai.gpt-5.5", "messages": messages }).to_string()
}

fn root(secret: &str) -> Credentials {
    Credentials::new("test", secret, None, None, "test")
}

async fn send(provider: &Provider, path: &str, headers: HeaderMap) -> Response {
    let request = provider.request(Method::POST, path).headers(headers).body(body());
    request.send().await.expect("an answer")
}

async fn refusal(provider: &Provider, path: &str, headers: HeaderMap) -> String {
    let response = send(provider, path, headers).await;
    let status = response.status().as_u16();
    let kind = response.headers().get("x-amzn-errortype").cloned();
    let kind = kind.as_ref().map_or("-", |kind| kind.to_str().expect("text"));
    format!("{status} {kind} {}", response.text().await.expect("a body"))
}

fn authorization(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("a header value"))])
}

#[tokio::test]
async fn each_endpoint_refuses_a_stranger_in_its_own_words() {
    let provider = Provider::start().await;

    assert_snapshot!(refusal(&provider, MANTLE, HeaderMap::new()).await, @r#"401 - {"error":{"message":"Missing Authentication Token","type":"authentication_error","param":null,"code":"invalid_api_key"}}"#);
    assert_snapshot!(refusal(&provider, RUNTIME, HeaderMap::new()).await, @r#"403 MissingAuthenticationTokenException:http://internal.amazon.com/coral/com.amazon.bedrock/ {"message":"Missing Authentication Token"}"#);
    assert_snapshot!(refusal(&provider, MANTLE, authorization("Bearer sk-123")).await, @r#"401 - {"error":{"message":"Invalid bearer token","type":"authentication_error","param":null,"code":"invalid_api_key"}}"#);
    assert_snapshot!(refusal(&provider, RUNTIME, authorization("Bearer bedrock-api-key-")).await, @r#"403 AccessDeniedException:http://internal.amazon.com/coral/com.amazon.bedrock/ {"message":"Authentication failed: Please make sure your API Key is valid."}"#);
}

#[tokio::test]
async fn a_bedrock_api_key_opens_both_endpoints() {
    let provider = Provider::start().await;

    for path in [MANTLE, RUNTIME] {
        let response = send(&provider, path, authorization("Bearer bedrock-api-key-abc")).await;
        assert_eq!(response.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn the_root_s_signature_is_checked_and_binds_the_body() {
    let provider = Provider::start().await;
    let signed = |secret, body: &str| provider.signature(&root(secret), "bedrock-mantle", MANTLE, body);

    let right = send(&provider, MANTLE, signed("test", &body())).await;
    let wrong_secret = refusal(&provider, MANTLE, signed("other", &body())).await;
    let wrong_body = refusal(&provider, MANTLE, signed("test", "{}")).await;

    assert_eq!(right.status(), 200);
    assert_snapshot!(wrong_secret, @r#"403 - {"error":{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.","type":"permission_error","param":null,"code":null}}"#);
    assert_eq!(wrong_secret, wrong_body);
}

#[tokio::test]
async fn the_scope_s_service_must_fit_the_path() {
    let provider = Provider::start().await;
    let signed = |service, path| provider.signature(&root("test"), service, path, &body());

    assert_snapshot!(refusal(&provider, RUNTIME, signed("bedrock-mantle", RUNTIME)).await, @r#"403 InvalidSignatureException:http://internal.amazon.com/coral/com.amazon.bedrock/ {"message":"Credential should be scoped to correct service: 'bedrock'."}"#);
    assert_snapshot!(refusal(&provider, MANTLE, signed("execute-api", MANTLE)).await, @r#"403 - {"error":{"message":"Credential should be scoped to correct service: 'bedrock-mantle'.","type":"permission_error","param":null,"code":null}}"#);
}

#[tokio::test]
async fn temporary_credentials_need_their_token() {
    let provider = Provider::start().await;
    let token = |token: Option<&str>| {
        let credentials = Credentials::new("ASIAROLE", "secret", token.map(str::to_owned), None, "test");
        provider.signature(&credentials, "bedrock-mantle", MANTLE, &body())
    };

    let with_token = send(&provider, MANTLE, token(Some("token"))).await;
    let without_token = refusal(&provider, MANTLE, token(None)).await;

    assert_eq!(with_token.status(), 200);
    assert_snapshot!(without_token, @r#"403 - {"error":{"message":"The security token included in the request is invalid.","type":"permission_error","param":null,"code":null}}"#);
    let calls = provider.calls().await;
    assert_eq!(calls[0]["access_key_id"], "ASIAROLE");
    assert_eq!(calls[0]["has_session_token"], true);
}

#[tokio::test]
async fn a_malformed_signature_is_refused() {
    let provider = Provider::start().await;
    let scope = "AKIA/20261122/us-east-1/bedrock-mantle/aws4_request";
    let signature = "0".repeat(64);
    let headers = "host;x-amz-date";
    let good = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={headers}, Signature={signature}");
    let send = async |value: &str| {
        let mut headers = authorization(value);
        headers.insert("x-amz-date", "20261122T101112Z".parse().unwrap());
        send(&provider, MANTLE, headers).await.status().as_u16()
    };

    assert_eq!(send(&good).await, 200);
    for (part, broken) in [
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        ("Credential=", "Credentials="),
        ("/aws4_request", ""),
        ("/us-east-1/", "//"),
        ("20261122/", "20261121/"),
        ("host;", ""),
        (";x-amz-date", ""),
        ("Signature=00", "Signature=0"),
        ("Signature=0", "Signature=z"),
        ("bedrock-mantle", "s3"),
    ] {
        let value = good.replacen(part, broken, 1);
        assert_ne!(value, good, "{part} must be there to be broken");
        assert_eq!(send(&value).await, 403, "{value}");
    }
}

#[tokio::test]
async fn a_long_term_key_does_as_well_and_the_model_tells_the_endpoint() {
    let provider = Provider::start().await;
    let ask = async |model: &str| {
        let request = provider.request(Method::POST, MANTLE).bearer_auth("ABSKQmVkcm9jaw==");
        let messages = json!([{ "role": "user", "content": "Hello." }]);
        let request = request.json(&json!({ "model": model, "messages": messages }));
        request.send().await.expect("an answer").status().as_u16()
    };

    assert_eq!(ask("openai.gpt-5.5").await, 200);
    assert_eq!(ask("us.openai.gpt-5.6-sol").await, 200);
    assert_eq!(ask("us.openai.gpt-5.5").await, 400);
}
