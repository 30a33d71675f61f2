use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tollgate_core::converse::{
    Block, Choice, Content, Image, ImageFormat, ImageSource, Inference, InputSchema, Reasoning, Speaker,
    Tool, ToolConfig, Turn,
};
use tollgate_core::event::Event;
use tollgate_core::outcome::Cause;
use wiremock::ResponseTemplate;

use super::*;
use crate::bedrock::broken_servers::{PATIENCE, Then, keep_alive, kind, nowhere, serve_once};
use crate::bedrock::runtime::samples::{Sample, TRACE, assumed, config, drain, refusal, serve};

mod streams;

const MODEL: &str = "openai.gpt-oss-120b-1:0";
const CONVERSE: &str = "/model/openai.gpt-oss-120b-1%3A0/converse";
const STREAM: &str = "/model/openai.gpt-oss-120b-1%3A0/converse-stream";

fn question() -> ConverseRequest {
    let content = vec![Block::Text("why is the sky blue".to_owned())];
    ConverseRequest {
        messages: vec![Turn { role: Speaker::User, content }],
        inference_config: Inference { max_tokens: 50, ..Inference::default() },
        ..ConverseRequest::default()
    }
}

async fn ask_with(
    url: &str,
    request: &ConverseRequest,
    is_stream: bool,
    timeout: Duration,
) -> Result<Reply, ModelError> {
    let sample = Sample::new(MODEL, &json!({"kind": "converse"}), is_stream);
    ConverseClient::new(&config(url)).call(&sample.call(timeout), request, assumed()).await
}

async fn ask(url: &str) -> Result<Reply, ModelError> {
    ask_with(url, &question(), false, PATIENCE).await
}

async fn answer(body: &Value) -> Result<Reply, ModelError> {
    let server = serve(CONVERSE, ResponseTemplate::new(200).set_body_json(body)).await;
    ask(&server.uri()).await
}

fn whole(content: &Value, stop_reason: &str) -> Value {
    json!({
        "output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop_reason,
        "usage": {"inputTokens": 5, "outputTokens": 1, "totalTokens": 6}, "metrics": {"latencyMs": 1}
    })
}

/// Events, each in a line: they hold raw JSON, and so have no equality of their own.
fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}

fn events(reply: Reply) -> Vec<String> {
    match reply {
        Reply::Whole(Said::Events(events)) => lines(&events),
        _ => panic!("no events"),
    }
}

#[tokio::test]
async fn an_answer_with_reasoning_text_and_calls_is_read_into_events() {
    let content = json!([
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "AP8="}},
        {"text": "I look."},
        {"text": ""},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Paris", "at": [1, 2.5]}}},
        {"toolUse": {"toolUseId": "tooluse_2", "name": "now", "input": {}}}
    ]);
    let mut body = whole(&content, "tool_use");
    body["usage"] = json!({
        "inputTokens": 5, "outputTokens": 7, "totalTokens": 242, "cacheReadInputTokens": 30,
        "cacheWriteInputTokens": 200
    });
    body["serviceTier"] = json!({"type": "default"});

    let events = events(answer(&body).await.unwrap());

    insta::assert_snapshot!(events.join("\n"), @r#"
    Thought("Hm.")
    Sealed("s.c2ln")
    Sealed("r.AP8")
    Text("I look.")
    ToolCall { index: 0, call_id: "tooluse_1", name: "get_weather" }
    Arguments { index: 0, text: "{\"at\":[1,2.5],\"city\":\"Paris\"}" }
    ToolCall { index: 1, call_id: "tooluse_2", name: "now" }
    Arguments { index: 1, text: "{}" }
    Finish(ToolCalls)
    Usage(Usage { input: 235, cached: 30, cache_write: 200, output: 7, reasoning: 0 })
    ServiceTier("default")
    "#);
}

#[tokio::test]
async fn an_answer_without_usage_says_so() {
    let mut body = whole(&json!([{"text": "because"}]), "end_turn");
    body.as_object_mut().unwrap().remove("usage");

    assert_eq!(events(answer(&body).await.unwrap()), ["Text(\"because\")", "Finish(Stop)"]);
}

#[tokio::test]
async fn what_is_no_answer_is_garbled() {
    let text = json!([{"text": "because"}]);
    let image = json!([{"image": {"format": "png", "source": {"bytes": "aGk="}}}]);
    for body in [whole(&text, "malformed_model_output"), whole(&image, "end_turn"), json!({})] {
        let failed = answer(&body).await.err().unwrap();

        assert_eq!((kind(&failed), failed.may_be_billed()), ("garbled", true), "{body}");
    }
}

fn everything() -> ConverseRequest {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let source = ImageSource::Bytes(Bytes::from_static(b"hi"));
    let image = Image { format: ImageFormat::Jpeg, source };
    let called = vec![
        Block::ReasoningContent(Reasoning::RedactedContent(Bytes::from_static(&[0, 255]))),
        Block::ToolUse {
            tool_use_id: "c1".to_owned(),
            name: "f".to_owned(),
            input: raw(r#"{"z":1,"a":-1}"#),
        },
    ];
    let content = vec![Content::Text("é".to_owned()), Content::Image(image)];
    let result = vec![Block::ToolResult { tool_use_id: "c1".to_owned(), content }];
    let tool = Tool::ToolSpec {
        name: "f".to_owned(),
        description: None,
        input_schema: InputSchema { json: raw(r#"{"type":"object"}"#) },
        strict: false,
    };
    let mut request = question();
    request.messages.push(Turn { role: Speaker::Assistant, content: called });
    request.messages.push(Turn { role: Speaker::User, content: result });
    request.tool_config = Some(ToolConfig { tools: vec![tool], tool_choice: Some(Choice::Any {}) });
    request.additional.reasoning_effort = Some("low".to_owned());
    request
}

#[tokio::test]
async fn both_operations_ask_the_same_with_the_credentials_of_the_call() {
    for (is_stream, operation) in [(false, CONVERSE), (true, STREAM)] {
        let body = whole(&json!([{"text": "because"}]), "end_turn");
        let server = serve(operation, ResponseTemplate::new(200).set_body_json(body)).await;

        ask_with(&server.uri(), &everything(), is_stream, PATIENCE).await.ok().unwrap();

        let request = server.received_requests().await.unwrap().remove(0);
        let authorization = request.headers["authorization"].to_str().unwrap();
        assert!(authorization.contains("Credential=ASIAASSUMED/"), "{authorization}");
        assert!(authorization.contains("/eu-west-2/bedrock/aws4_request"), "{authorization}");
        assert_eq!(request.headers["x-amz-security-token"], "session");
        assert_eq!(request.headers["content-length"], request.body.len().to_string().as_str());
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["traceparent"], TRACE);
        let sample = Sample::new(MODEL, &json!({"kind": "converse"}), is_stream);
        assert_eq!(request.body, everything().body(&sample.call(PATIENCE).identity).unwrap());
    }
}

#[tokio::test]
async fn each_exception_is_told_apart_by_what_can_be_done() {
    for (status, exception, expected) in [
        (400, "ValidationException", "refused"),
        (403, "AccessDeniedException", "unauthorized"),
        (404, "ResourceNotFoundException", "model gone"),
        (408, "ModelTimeoutException", "timed out"),
        (424, "ModelErrorException", "unavailable"),
        (429, "ThrottlingException", "throttled"),
        (429, "ModelNotReadyException", "throttled"),
        (500, "InternalServerException", "unavailable"),
        (503, "ServiceUnavailableException", "unavailable"),
    ] {
        for (is_stream, operation) in [(false, CONVERSE), (true, STREAM)] {
            let server = serve(operation, refusal(status, exception, "no")).await;
            let failed = ask_with(&server.uri(), &question(), is_stream, PATIENCE).await.err().unwrap();

            assert_eq!((status, kind(&failed)), (status, expected));
            assert_eq!(failed.may_be_billed(), expected == "timed out");
            // The SDK must not try again by itself: attempts are counted, and billed, one by one.
            assert_eq!(server.received_requests().await.unwrap().len(), 1, "{exception}");
        }
    }
}

#[tokio::test]
async fn a_throttled_call_knows_how_long_to_wait() {
    let answer = refusal(429, "ThrottlingException", "no").insert_header("retry-after", "7");
    let server = serve(CONVERSE, answer).await;

    let Err(ModelError::Throttled { retry_after }) = ask(&server.uri()).await else {
        panic!("not throttled")
    };

    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_refusal_is_worded_as_openai_words_it() {
    let server = serve(CONVERSE, refusal(400, "ValidationException", "too long")).await;

    let Err(ModelError::Refused { status: 400, body }) = ask(&server.uri()).await else {
        panic!("not refused")
    };

    let body: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!({
        "message": "too long", "type": "invalid_request_error", "param": null, "code": "provider_refused"
    });
    assert_eq!(body["error"], expected);
}

#[tokio::test]
async fn a_request_longer_than_the_context_is_told_from_other_mistakes() {
    for message in
        ["Input is too long for requested model.", "prompt is too long: 214512 tokens > 200000 maximum"]
    {
        let server = serve(CONVERSE, refusal(400, "ValidationException", message)).await;

        let refused = ask(&server.uri()).await.err().unwrap();

        assert_eq!(Cause::of(&refused), Some(Cause::ContextLength), "{message}");
    }
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

    let failed = ask_with(&url, &question(), false, Duration::from_millis(50)).await.err().unwrap();

    assert_eq!((kind(&failed), failed.may_be_billed()), ("timed out", true));
}

#[tokio::test]
async fn no_connection_is_taken_that_may_have_died_while_the_function_was_frozen() {
    let answer = r#"{"output":{"message":{"role":"assistant","content":[{"text":"a"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}"#;
    let (url, connections) = keep_alive(answer);
    let client = ConverseClient::new(&config(&url));
    let sample = Sample::new(MODEL, &json!({"kind": "converse"}), false);

    for _ in 0..2 {
        client.call(&sample.call(PATIENCE), &question(), assumed()).await.ok().unwrap();
    }

    assert_eq!(connections.load(Ordering::Relaxed), 2);
}
