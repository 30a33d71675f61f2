use std::sync::atomic::Ordering;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::bedrock::samples::{PATIENCE, Sample, Then, keep_alive, kind, nowhere, serve_once};

type Request = http::Request<Vec<u8>>;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const ENDPOINT: Endpoint<'_> =
    Endpoint { host: "http://unused", path_prefix: "/openai/v1", signing_name: "bedrock-mantle" };
const ANSWER: &str = r#"{"id":"c","choices":[{"message":{"content":"because"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}"#;
const CHUNK: &str = r#"{"choices":[{"delta":{"content":"because"}}]}"#;

fn sample(extra: &Value) -> Sample {
    let wire = json!({
        "kind": "openai-sigv4", "host": ENDPOINT.host, "path_prefix": ENDPOINT.path_prefix,
        "signing_name": ENDPOINT.signing_name
    });
    Sample::new("openai.gpt-5.5", &wire, extra)
}

async fn ask_with(
    url: String,
    extra: &Value,
    session_token: Option<&str>,
    timeout: Duration,
) -> Result<Reply, ModelError> {
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, session_token.map(str::to_owned), None, "test");
    let sample = sample(extra);
    OpenaiWire::new(Some(url)).unwrap().call(&sample.call(timeout), &ENDPOINT, &credentials).await
}

async fn ask(url: String) -> Result<Reply, ModelError> {
    ask_with(url, &json!({}), None, PATIENCE).await
}

async fn ask_for_stream(url: String) -> Result<Reply, ModelError> {
    ask_with(url, &json!({"stream": true}), None, PATIENCE).await
}

async fn server(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let route = Mock::given(method("POST")).and(path("/openai/v1/chat/completions"));
    route.respond_with(response).mount(&server).await;
    server
}

async fn answer(status: u16, body: &str) -> Result<Reply, ModelError> {
    let server = server(ResponseTemplate::new(status).set_body_raw(body, "application/json")).await;
    ask(server.uri()).await
}

async fn failure(status: u16, body: &str) -> ModelError {
    answer(status, body).await.err().unwrap()
}

async fn chunks_of(body: &str) -> Vec<Result<Bytes, ModelError>> {
    let server = server(ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")).await;
    let Reply::Stream(chunks) = ask_for_stream(server.uri()).await.unwrap() else { panic!("no stream") };
    chunks.collect().await
}

async fn received(extra: &Value, session_token: Option<&str>) -> Request {
    let server = server(ResponseTemplate::new(200).set_body_string(ANSWER)).await;
    ask_with(server.uri(), extra, session_token, PATIENCE).await.ok().unwrap();
    let got = server.received_requests().await.unwrap().remove(0);
    let mut request = Request::new(got.body);
    *request.headers_mut() = got.headers;
    request
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers()[name].to_str().unwrap()
}

/// A value of the Authorization header, such as `Credential`.
fn authorization<'a>(request: &'a Request, name: &str) -> &'a str {
    let fields = header(request, "authorization").strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    fields.split(", ").find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The signature that AWS computes from what it has received, as its documentation says step by step.
fn expected_signature(request: &Request, path: &str) -> String {
    let names = authorization(request, "SignedHeaders");
    let headers: String =
        names.split(';').map(|name| format!("{name}:{}\n", header(request, name))).collect();
    let body = hex::encode(Sha256::digest(request.body()));
    let canonical = format!("POST\n{path}\n\n{headers}\n{names}\n{body}");
    let (_, scope) = authorization(request, "Credential").split_once('/').unwrap();
    let digest = hex::encode(Sha256::digest(canonical.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", header(request, "x-amz-date"));
    let key = scope.split('/').fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part));
    hex::encode(mac(&key, &to_sign))
}

#[tokio::test]
async fn a_request_is_signed_as_it_arrives() {
    let request = received(&json!({}), None).await;

    let date = &header(&request, "x-amz-date")[..8];
    let scope = format!("AKIDEXAMPLE/{date}/eu-west-2/bedrock-mantle/aws4_request");
    assert_eq!(authorization(&request, "Credential"), scope);
    assert_eq!(authorization(&request, "SignedHeaders"), "content-type;host;x-amz-date");
    let expected = expected_signature(&request, "/openai/v1/chat/completions");
    assert_eq!(authorization(&request, "Signature"), expected);
    assert!(!request.headers().contains_key("x-amz-security-token"));
}

#[tokio::test]
async fn a_session_token_is_sent_and_signed() {
    let request = received(&json!({}), Some("session/token+")).await;

    assert_eq!(header(&request, "x-amz-security-token"), "session/token+");
    let signed = authorization(&request, "SignedHeaders");
    assert_eq!(signed, "content-type;host;x-amz-date;x-amz-security-token");
    let expected = expected_signature(&request, "/openai/v1/chat/completions");
    assert_eq!(authorization(&request, "Signature"), expected);
}

/// The recomputation itself, against the case `post-x-www-form-urlencoded` of AWS's published signing test suite.
#[test]
fn the_recomputation_meets_the_published_vector() {
    let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
    let names = "content-length;content-type;host;x-amz-content-sha256;x-amz-date";
    let request = http::Request::post("http://example.amazonaws.com/")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", "example.amazonaws.com")
        .header("content-length", "13")
        .header("x-amz-date", "20150830T123600Z")
        .header("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e")
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}"))
        .body(b"Param1=value1".to_vec())
        .unwrap();

    let published = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b";
    assert_eq!(expected_signature(&request, "/"), published);
}

#[tokio::test]
async fn the_callers_body_goes_on_with_model_and_cap() {
    let request = received(&json!({"temperature": 0.30, "odd": {"b": 1, "a": 2}}), None).await;

    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({
        "model": "openai.gpt-5.5", "messages": [{"role": "user", "content": "why is the sky blue"}],
        "temperature": 0.30, "odd": {"b": 1, "a": 2}, "max_completion_tokens": 50
    });
    assert_eq!(body, expected);
    assert_eq!(header(&request, "content-type"), "application/json");
}

#[tokio::test]
async fn an_answer_passes_unchanged_with_its_usage() {
    let Reply::Json { body, usage } = answer(200, ANSWER).await.unwrap() else { panic!("no JSON") };

    assert_eq!(body, ANSWER);
    assert_eq!(usage.map(|usage| (usage.input, usage.output)), Some((5, 1)));
}

#[tokio::test]
async fn each_status_is_told_apart_by_what_can_be_done() {
    let error = r#"{"error":{"message":"no","type":"t","param":null,"code":null}}"#;
    for (status, expected) in [
        (301, "unavailable"),
        (400, "refused"),
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "unavailable"),
        (408, "unavailable"),
        (413, "refused"),
        (415, "refused"),
        (422, "refused"),
        (429, "throttled"),
        (500, "unavailable"),
        (503, "unavailable"),
    ] {
        let failed = failure(status, error).await;

        assert_eq!((status, kind(&failed), failed.may_be_billed()), (status, expected, false));
    }
}

#[tokio::test]
async fn a_refusal_passes_only_in_openais_shape() {
    let error = r#"{"error":{"message":"no such field"}}"#;

    let ModelError::Refused { status, body } = failure(422, error).await else { panic!("not refused") };
    assert_eq!((status, body.as_ref()), (422, error.as_bytes()));
    for strange in ["", "<html>", r#"{"message":"no"}"#, r#"{"error":null}"#] {
        assert_eq!(kind(&failure(400, strange).await), "unavailable");
    }
}

#[tokio::test]
async fn a_throttled_call_learns_when_to_come_back() {
    for (value, expected) in [("7", Some(7)), ("soon", None)] {
        let response = ResponseTemplate::new(429).insert_header("retry-after", value);
        let server = server(response).await;

        let Err(ModelError::Throttled { retry_after }) = ask(server.uri()).await else { panic!("no 429") };
        assert_eq!(retry_after, expected.map(Duration::from_secs));
    }
}

#[tokio::test]
async fn an_answer_that_is_none_may_be_billed() {
    let unknown =
        r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#;
    for body in [unknown, "", "<html>", r#"{"error":{"message":"x"}}"#] {
        let failed = failure(200, body).await;

        assert_eq!((kind(&failed), failed.may_be_billed()), ("garbled", true), "{body}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_done_and_without_it_is_broken() {
    let whole = chunks_of(&format!(": ping\n\ndata: {CHUNK}\n\ndata: [DONE]\n\ndata: late\n\n")).await;
    assert_eq!(whole.len(), 1);
    assert_eq!(whole[0].as_ref().unwrap(), CHUNK);

    let cut = chunks_of(&format!("data: {CHUNK}\n\ndata: {CHUNK}\n")).await;
    assert_eq!(cut.len(), 2);
    assert_eq!(cut[0].as_ref().unwrap(), CHUNK);
    assert_eq!(kind(cut[1].as_ref().unwrap_err()), "broken");
}

#[tokio::test]
async fn a_chunk_that_reports_an_error_is_passed_on_for_the_gateway_to_read() {
    let error = r#"{"error":{"message":"x"}}"#;

    let chunks =
        chunks_of(&format!("data: {CHUNK}\n\nevent: error\ndata: {error}\n\ndata: [DONE]\n\n")).await;

    let chunks: Vec<_> = chunks.into_iter().map(Result::unwrap).collect();
    assert_eq!(chunks, [CHUNK, error]);
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_billed() {
    let failed = ask(nowhere()).await.err().unwrap();

    assert_eq!((kind(&failed), failed.may_be_billed()), ("unavailable", false));
}

#[tokio::test]
async fn what_breaks_after_the_request_has_left_may_be_billed() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for (answer, then) in [("", Then::HangUp), ("", Then::Reset), (half, Then::HangUp)] {
        let failed = ask(serve_once(answer, then)).await.err().unwrap();

        assert_eq!((kind(&failed), failed.may_be_billed()), ("broken", true));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_amid_a_stream_breaks_the_stream() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\ndata: {}\n\ndata: ";
    let Reply::Stream(chunks) = ask_for_stream(serve_once(head, Then::HangUp)).await.unwrap() else {
        panic!("no stream")
    };

    let chunks: Vec<_> = chunks.collect().await;

    assert_eq!(chunks.len(), 2);
    assert_eq!(kind(chunks[1].as_ref().unwrap_err()), "broken");
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_may_be_billed() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for answer in ["", half] {
        let url = serve_once(answer, Then::Stall);

        let failed = ask_with(url, &json!({}), None, Duration::from_millis(50)).await.err().unwrap();

        assert_eq!((kind(&failed), failed.may_be_billed()), ("timed out", true));
    }
}

#[tokio::test]
async fn a_refusal_that_does_not_say_why_in_time_is_still_not_billed() {
    let url = serve_once("HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n{", Then::Stall);

    let failed = ask_with(url, &json!({}), None, Duration::from_secs(1)).await.err().unwrap();

    assert_eq!((kind(&failed), failed.may_be_billed()), ("unavailable", false));
}

#[tokio::test]
async fn no_connection_is_taken_that_may_have_died_while_the_function_was_frozen() {
    let (url, connections) = keep_alive(ANSWER);
    let wire = OpenaiWire::new(Some(url)).unwrap();
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test");
    let sample = sample(&json!({}));

    for _ in 0..2 {
        wire.call(&sample.call(PATIENCE), &ENDPOINT, &credentials).await.ok().unwrap();
    }

    assert_eq!(connections.load(Ordering::Relaxed), 2);
}
