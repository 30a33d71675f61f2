use std::convert::Infallible;
use std::sync::atomic::Ordering;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tollgate_core::completion::glimpse;
use tollgate_local::standin::{Standin, count_tokens, reply_for};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::bedrock::samples::{PATIENCE, Sample, Then, keep_alive, kind, nowhere, serve_once};

const MODEL: &str = "openai.gpt-oss-120b-1:0";
const QUESTION: &str = "why is the sky blue";

fn sample(extra: &Value) -> Sample {
    Sample::new(MODEL, &json!({"kind": "converse", "effort": "flat"}), extra)
}

fn client(url: &str) -> ConverseClient {
    let own = Credentials::new("own", "own", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(own))
        .endpoint_url(url)
        .build();
    ConverseClient::new(&config)
}

fn assumed() -> Credentials {
    Credentials::new("ASIAASSUMED", "secret", Some("session".to_owned()), None, "test")
}

async fn ask_with(url: &str, extra: &Value, timeout: Duration) -> Result<Reply, ModelError> {
    client(url).call(&sample(extra).call(timeout), assumed()).await
}

async fn ask(url: &str) -> Result<Reply, ModelError> {
    ask_with(url, &json!({}), PATIENCE).await
}

/// The provider stand-in, for as long as it lives.
struct Provider {
    url: String,
    _server: JoinSet<std::io::Result<Infallible>>,
}

impl Provider {
    async fn start(rule: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(Standin::default().serve(listener));
        let mut faults = json!({"model": "*", "chunk_delay_ms": 0});
        faults.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
        let put = reqwest::Client::new().put(format!("{url}/_standin/faults")).json(&json!([faults]));
        put.send().await.unwrap().error_for_status().unwrap();
        Self { url, _server: server }
    }
}

async fn answer(rule: Value) -> Result<Reply, ModelError> {
    let provider = Provider::start(rule).await;
    ask(&provider.url).await
}

async fn chunks(rule: Value) -> Vec<Result<Bytes, ModelError>> {
    let provider = Provider::start(rule).await;
    let Reply::Stream(chunks) = ask_with(&provider.url, &json!({"stream": true}), PATIENCE).await.unwrap()
    else {
        panic!("no stream")
    };
    chunks.collect().await
}

fn text_of(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

fn read(chunks: Vec<Result<Bytes, ModelError>>) -> Vec<Value> {
    chunks.into_iter().map(|chunk| serde_json::from_slice(&chunk.unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn an_answer_becomes_a_chat_completion_with_its_usage() {
    let Reply::Json { body, usage } = answer(json!({"cached_tokens": 2})).await.unwrap() else {
        panic!("no JSON")
    };

    let expected = reply_for(QUESTION, 12);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["message"]["content"], expected);
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    let usage = usage.unwrap();
    assert_eq!((usage.input, usage.cached), (count_tokens(QUESTION), 2));
    assert!(usage.output >= count_tokens(&expected));
    assert_eq!(body["usage"]["prompt_tokens"], usage.input);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 2);
}

#[tokio::test]
async fn an_answer_without_usage_says_so() {
    let Reply::Json { usage, .. } = answer(json!({"omit_usage": true})).await.unwrap() else {
        panic!("no JSON")
    };

    assert_eq!(usage, None);
    let streamed = read(chunks(json!({"omit_usage": true})).await);
    assert!(streamed.iter().all(|chunk| chunk["usage"].is_null()), "{streamed:?}");
}

#[tokio::test]
async fn an_answer_that_the_cap_has_cut_finishes_with_length() {
    let rule = json!({"reply_words": 1_000});
    let Reply::Json { body, .. } = answer(rule.clone()).await.unwrap() else { panic!("no JSON") };
    let body: Value = serde_json::from_slice(&body).unwrap();
    let streamed = read(chunks(rule).await);

    assert_eq!(body["choices"][0]["finish_reason"], "length");
    assert!(streamed.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "length"));
}

#[tokio::test]
async fn a_stream_becomes_chunks_and_ends_with_finish_and_usage() {
    let chunks = read(chunks(json!({})).await);

    let [first, .., finish, usage] = chunks.as_slice() else { panic!("{} chunks", chunks.len()) };
    assert_eq!(first["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(text_of(&chunks), reply_for(QUESTION, 12));
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    let usage = glimpse(usage.to_string().as_bytes()).unwrap();
    assert!(usage.is_usage_chunk);
    assert_eq!(usage.usage.unwrap().input, count_tokens(QUESTION));
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_broken_after_what_had_come() {
    for rule in [
        json!({"error_after_chunks": 4, "status": 429}),
        json!({"error_after_chunks": 4}),
        json!({"cut_after_chunks": 4}),
    ] {
        let mut chunks = chunks(rule.clone()).await;

        let last = chunks.pop().unwrap().unwrap_err();
        assert_eq!((kind(&last), last.may_be_billed()), ("broken", true), "{rule}");
        assert!(reply_for(QUESTION, 12).starts_with(&text_of(&read(chunks))));
    }
}

#[tokio::test]
async fn a_stream_of_nothing_or_of_noise_is_broken() {
    for rule in [json!({"empty": true}), json!({"garbage": true})] {
        let chunks = chunks(rule.clone()).await;

        assert_eq!(chunks.len(), 1, "{rule}");
        assert_eq!(kind(chunks[0].as_ref().unwrap_err()), "broken", "{rule}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_may_be_billed() {
    for rule in [json!({"empty": true}), json!({"garbage": true}), json!({"cut_after_chunks": 0})] {
        let failed = answer(rule.clone()).await.err().unwrap();

        assert!(failed.may_be_billed(), "{rule}: {failed:?}");
    }
}

#[tokio::test]
async fn each_exception_is_told_apart_by_what_can_be_done() {
    for (status, expected) in [
        (400, "refused"),
        (403, "unauthorized"),
        (404, "unavailable"),
        (408, "timed out"),
        (424, "unavailable"),
        (429, "throttled"),
        (500, "unavailable"),
        (503, "unavailable"),
    ] {
        for is_stream in [false, true] {
            let provider = Provider::start(json!({"status": status})).await;
            let extra = json!({"stream": is_stream});
            let failed = ask_with(&provider.url, &extra, PATIENCE).await.err().unwrap();

            assert_eq!((status, kind(&failed)), (status, expected));
            assert_eq!(failed.may_be_billed(), expected == "timed out");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_worded_as_openai_words_it() {
    let Err(ModelError::Refused { status: 400, body }) = answer(json!({"status": 400})).await else {
        panic!("not refused")
    };

    let body: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!({
        "message": "The system encountered an unexpected error.", "type": "invalid_request_error",
        "param": null, "code": "provider_refused"
    });
    assert_eq!(body["error"], expected);
}

#[tokio::test]
async fn the_targets_region_is_called_with_the_credentials_of_the_call() {
    let server = MockServer::start().await;
    let reply = json!({
        "output": {"message": {"role": "assistant", "content": [{"text": "because"}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 5, "outputTokens": 1, "totalTokens": 6}, "metrics": {"latencyMs": 1}
    });
    let route = Mock::given(method("POST")).and(path("/model/openai.gpt-oss-120b-1%3A0/converse"));
    route.respond_with(ResponseTemplate::new(200).set_body_json(reply)).mount(&server).await;

    let extra = json!({"temperature": 1, "stop": "END", "reasoning_effort": "low"});
    ask_with(&server.uri(), &extra, PATIENCE).await.ok().unwrap();

    let request = server.received_requests().await.unwrap().remove(0);
    let authorization = request.headers["authorization"].to_str().unwrap();
    assert!(authorization.contains("Credential=ASIAASSUMED/"), "{authorization}");
    assert!(authorization.contains("/eu-west-2/bedrock/aws4_request"), "{authorization}");
    assert_eq!(request.headers["x-amz-security-token"], "session");
    let expected = json!({
        "messages": [{"role": "user", "content": [{"text": QUESTION}]}],
        "system": [],
        "inferenceConfig": {"maxTokens": 50, "temperature": 1.0, "stopSequences": ["END"]},
        "additionalModelRequestFields": {"reasoning_effort": "low"},
        "requestMetadata": {"tenant": "acme", "team": "search", "user": "alice"}
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_billed() {
    let failed = ask(&nowhere()).await.err().unwrap();

    assert_eq!((kind(&failed), failed.may_be_billed()), ("unavailable", false));
}

#[tokio::test]
async fn what_breaks_after_the_request_has_left_may_be_billed() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for (answer, then) in [("", Then::HangUp), ("", Then::Reset), (half, Then::HangUp)] {
        let failed = ask(&serve_once(answer, then)).await.err().unwrap();

        assert_eq!((kind(&failed), failed.may_be_billed()), ("broken", true), "{failed:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_may_be_billed() {
    let url = serve_once("", Then::Stall);

    let failed = ask_with(&url, &json!({}), Duration::from_millis(50)).await.err().unwrap();

    assert_eq!((kind(&failed), failed.may_be_billed()), ("timed out", true));
}

#[test]
fn stop_reasons_that_are_no_ends_of_an_answer_are_errors() {
    for (reason, expected) in [
        (StopReason::EndTurn, Some("stop")),
        (StopReason::StopSequence, Some("stop")),
        (StopReason::MaxTokens, Some("length")),
        (StopReason::ModelContextWindowExceeded, Some("length")),
        (StopReason::ContentFiltered, Some("content_filter")),
        (StopReason::GuardrailIntervened, Some("content_filter")),
        (StopReason::ToolUse, None),
        (StopReason::from("tomorrows_reason"), None),
    ] {
        assert_eq!(finish_reason(&reason).ok(), expected);
    }
}

#[test]
fn input_tokens_include_what_was_read_from_and_written_to_the_cache() {
    let counted = TokenUsage::builder()
        .input_tokens(5)
        .cache_read_input_tokens(30)
        .cache_write_input_tokens(200)
        .output_tokens(7)
        .total_tokens(242)
        .build()
        .unwrap();

    let expected = Usage { input: 235, cached: 30, cache_write: 200, output: 7, reasoning: 0 };
    assert_eq!(usage_of(&counted), Some(expected));
}

#[tokio::test]
async fn no_connection_is_taken_that_may_have_died_while_the_function_was_frozen() {
    let answer = r#"{"output":{"message":{"role":"assistant","content":[{"text":"a"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}"#;
    let (url, connections) = keep_alive(answer);
    let client = client(&url);
    let sample = sample(&json!({}));

    for _ in 0..2 {
        client.call(&sample.call(PATIENCE), assumed()).await.ok().unwrap();
    }

    assert_eq!(connections.load(Ordering::Relaxed), 2);
}
