use std::time::Duration;

use serde_json::json;
use wiremock::matchers::body_partial_json;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::bedrock::broken_servers::{PATIENCE, kind};
use crate::bedrock::runtime::samples::{
    Sample, TRACE, assumed, config, drain, event, exception, refusal, serve, stream as frames,
};

const INVOKE: &str = "/model/m%3A0/invoke";
const STREAM: &str = "/model/m%3A0/invoke-with-response-stream";
const ANSWER: &str = r#"{"id":"c","choices":[{"message":{"content":"<reasoning>Hm.</reasoning>because"},"finish_reason":"stop"}]}"#;

async fn ask_with(
    url: &str,
    body: &str,
    bodies: &[Bytes],
    is_stream: bool,
    timeout: Duration,
) -> Result<Reply, ModelError> {
    let sample = Sample::new("m:0", &json!({"kind": "invoke", "body": body}), is_stream);
    InvokeClient::new(&config(url)).call(&sample.call(timeout), bodies, assumed()).await
}

fn chat() -> [Bytes; 1] {
    [Bytes::from_static(br#"{"messages":[{"role":"user","content":"why"}],"max_completion_tokens":50}"#)]
}

fn titan(texts: &[&str]) -> Vec<Bytes> {
    texts.iter().map(|text| Bytes::from(json!({ "inputText": text }).to_string())).collect()
}

/// A server that answers each text in its own way.
async fn titans(answers: Vec<(&str, ResponseTemplate)>) -> MockServer {
    let server = MockServer::start().await;
    for (text, answer) in answers {
        let asked = Mock::given(body_partial_json(json!({ "inputText": text })));
        asked.respond_with(answer).mount(&server).await;
    }
    server
}

fn vector(first: u16, tokens: u64) -> ResponseTemplate {
    let body = json!({"embedding": [first, 0.5], "inputTextTokenCount": tokens});
    ResponseTemplate::new(200).set_body_json(body)
}

async fn embed(server: &MockServer, texts: &[&str]) -> Result<Embeddings, ModelError> {
    match ask_with(&server.uri(), "titan-embedding", &titan(texts), false, PATIENCE).await? {
        Reply::Whole(Said::Embeddings(embeddings)) => Ok(embeddings),
        _ => panic!("no embeddings"),
    }
}

#[tokio::test]
async fn a_chat_body_goes_and_comes_as_it_is() {
    let server = serve(INVOKE, ResponseTemplate::new(200).set_body_raw(ANSWER, JSON)).await;

    let reply = ask_with(&server.uri(), "chat", &chat(), false, PATIENCE).await.unwrap();

    let Reply::Whole(Said::Json(json)) = reply else { panic!("no JSON") };
    assert_eq!(json, ANSWER);
    let request = server.received_requests().await.unwrap().remove(0);
    assert_eq!(request.body, chat()[0]);
    assert_eq!(request.headers["content-type"], JSON);
    assert_eq!(request.headers["accept"], JSON);
    assert_eq!(request.headers["traceparent"], TRACE);
    let metadata: Value =
        serde_json::from_str(request.headers["x-amzn-bedrock-request-metadata"].to_str().unwrap()).unwrap();
    assert_eq!(metadata, json!({"tenant": "acme", "team": "search", "user": "alice"}));
    let authorization = request.headers["authorization"].to_str().unwrap();
    assert!(authorization.contains("Credential=ASIAASSUMED/"), "{authorization}");
    assert!(authorization.contains("/eu-west-2/bedrock/aws4_request"), "{authorization}");
}

fn chunk(json: &str) -> Vec<u8> {
    let bytes = aws_smithy_types::base64::encode(json);
    event("chunk", &json!({ "bytes": bytes }))
}

#[tokio::test]
async fn a_stream_gives_its_chunks_one_by_one() {
    let server = serve(STREAM, frames([chunk("{\"a\":1}"), chunk(""), chunk("{\"b\":2}")].concat())).await;

    let reply = ask_with(&server.uri(), "chat", &chat(), true, PATIENCE).await.unwrap();

    let pieces: Vec<_> = drain(reply).await.into_iter().map(Result::unwrap).collect();
    let [Said::Json(first), Said::Json(second)] = pieces.as_slice() else { panic!("{pieces:?}") };
    assert_eq!((first.as_ref(), second.as_ref()), (&b"{\"a\":1}"[..], &b"{\"b\":2}"[..]));
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_why() {
    let cut = {
        let mut bytes = chunk("{}");
        bytes.truncate(bytes.len() - 1);
        bytes
    };
    for (bytes, expected) in [
        (Vec::new(), "broken"),
        (cut, "broken"),
        (exception("throttlingException"), "throttled"),
        ([chunk("{}"), exception("throttlingException")].concat(), "broken"),
        ([chunk("{}"), exception("internalServerException")].concat(), "broken"),
        ([chunk("{}"), exception("modelTimeoutException")].concat(), "broken"),
    ] {
        let server = serve(STREAM, frames(bytes)).await;
        let reply = ask_with(&server.uri(), "chat", &chat(), true, PATIENCE).await.unwrap();

        let last = drain(reply).await.pop().unwrap().unwrap_err();

        assert_eq!((kind(&last), last.may_be_billed()), (expected, expected == "broken"));
    }
}

#[tokio::test]
async fn each_exception_is_told_apart_by_what_can_be_done() {
    for (status, exception, expected) in [
        (400, "ValidationException", "refused"),
        (403, "AccessDeniedException", "unauthorized"),
        (429, "ServiceQuotaExceededException", "throttled"),
        (408, "ModelTimeoutException", "timed out"),
        (500, "InternalServerException", "unavailable"),
    ] {
        for (is_stream, operation) in [(false, INVOKE), (true, STREAM)] {
            let server = serve(operation, refusal(status, exception, "no")).await;

            let failed = ask_with(&server.uri(), "chat", &chat(), is_stream, PATIENCE).await.err().unwrap();

            assert_eq!((exception, kind(&failed)), (exception, expected));
        }
    }
}

#[tokio::test]
async fn texts_are_embedded_in_their_order_and_their_tokens_summed() {
    let slow = vector(2, 20).set_delay(Duration::from_millis(50));
    let all = vec![("a", vector(1, 1)), ("b", slow), ("c", vector(3, 300)), ("d", vector(4, 4_000))];
    let server = titans(all).await;

    let embeddings = embed(&server, &["a", "b", "c", "d", "a", "c"]).await.unwrap();

    let firsts: Vec<_> = embeddings.vectors.iter().map(|vector| vector[0]).collect();
    assert_eq!(firsts, [1.0, 2.0, 3.0, 4.0, 1.0, 3.0]);
    assert_eq!(embeddings.input_tokens, Some(4_622));
}

#[tokio::test]
async fn tokens_that_the_body_does_not_count_are_counted_in_a_header() {
    let body = json!({"embeddings": {"float": [[0.5], [1.0]]}, "response_type": "embeddings_by_type"});
    let answer = ResponseTemplate::new(200).set_body_json(body);
    let with_header = answer.clone().insert_header("X-Amzn-Bedrock-Input-Token-Count", "7");
    let bodies = vec![Bytes::from_static(b"{}"); 2];

    for (answer, expected) in [(with_header, Some(14)), (answer, None)] {
        let server = serve(INVOKE, answer).await;
        let reply = ask_with(&server.uri(), "cohere-embedding", &bodies, false, PATIENCE).await.unwrap();

        let Reply::Whole(Said::Embeddings(embeddings)) = reply else { panic!("no embeddings") };
        assert_eq!((embeddings.vectors.len(), embeddings.input_tokens), (4, expected));
    }
}

#[tokio::test]
async fn a_failure_is_free_only_before_anything_is_billed() {
    let throttled = || refusal(429, "ThrottlingException", "no");
    let invalid = || refusal(400, "ValidationException", "too long");
    for (texts, bad, expected) in [
        (["bad", "a"], throttled(), "throttled"),
        (["bad", "a"], invalid(), "refused"),
        (["a", "bad"], throttled(), "broken"),
        (["a", "bad"], invalid(), "broken"),
        (["a", "bad"], ResponseTemplate::new(200).set_body_json(json!({})), "garbled"),
    ] {
        let server = titans(vec![("a", vector(1, 1)), ("bad", bad)]).await;

        let failed = embed(&server, &texts).await.unwrap_err();

        assert_eq!((kind(&failed), failed.may_be_billed()), (expected, texts[0] == "a"), "{texts:?}");
    }
}

#[tokio::test]
async fn bodies_that_do_not_fit_the_target_are_not_sent() {
    for (body, bodies) in [("chat", vec![]), ("chat", titan(&["a", "b"])), ("nova-embedding", vec![])] {
        let failed = ask_with("http://127.0.0.1:9", body, &bodies, false, PATIENCE).await.err().unwrap();

        assert_eq!(kind(&failed), "unavailable");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_may_be_billed() {
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    let server = serve(INVOKE, slow).await;

    let timeout = Duration::from_millis(50);
    let failed = ask_with(&server.uri(), "chat", &chat(), false, timeout).await.err().unwrap();

    assert_eq!((kind(&failed), failed.may_be_billed()), ("timed out", true));
}
