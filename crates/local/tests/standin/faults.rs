use insta::assert_snapshot;
use reqwest::Response;
use serde_json::{Value, json};
use tollgate_local::standin::{count_tokens, reply_for};

use crate::provider::{Provider, events};
use crate::question::{self, GPT};

async fn ask(provider: &Provider, more: Value) -> Response {
    let body = question::ask("openai.gpt-5.5", more);
    provider.post("bedrock-mantle", GPT, &body).await
}

async fn stream(provider: &Provider) -> Response {
    ask(provider, json!({ "stream": true, "stream_options": { "include_usage": true } })).await
}

#[tokio::test]
async fn an_injected_status_has_the_endpoint_s_shape_and_wears_out() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "status": 429, "retry_after_secs": 3, "times": 1 })).await;

    let throttled = ask(&provider, json!({})).await;
    let served = ask(&provider, json!({})).await;

    assert_eq!(throttled.status(), 429);
    assert_eq!(throttled.headers()["retry-after"], "3");
    assert_snapshot!(throttled.text().await.unwrap(), @r#"{"error":{"message":"Too many requests, please wait before trying again.","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#);
    assert_eq!(served.status(), 200);
}

#[tokio::test]
async fn a_rule_holds_for_its_model_only() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "openai.gpt-5.4", "status": 500 })).await;

    assert_eq!(ask(&provider, json!({})).await.status(), 200);
    assert_eq!(ask(&provider, json!({ "model": "openai.gpt-5.4" })).await.status(), 500);
}

#[tokio::test]
async fn a_cut_drops_the_connection_after_exactly_so_many_chunks() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 0, "cut_after_chunks": 3 })).await;

    let mut response = stream(&provider).await;
    let mut received = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(bytes)) => received.extend_from_slice(&bytes),
            Ok(None) => panic!("a cut stream ended cleanly"),
            Err(error) => break error,
        }
    };

    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(events(std::str::from_utf8(&received).unwrap()).len(), 3);
    let call = &provider.calls().await[0];
    assert_eq!(call["finished"], false);
    assert_eq!(call["chunks_at_us"].as_array().unwrap().len(), 3);
    assert_eq!(call["output_tokens"], count_tokens(&reply_for("Say hello.", 12)));
}

#[tokio::test]
async fn a_document_can_be_cut_too() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "cut_after_chunks": 0 })).await;

    let response = ask(&provider, json!({})).await;

    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn a_stream_may_break_off_with_an_error() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 0, "error_after_chunks": 2 })).await;

    let text = stream(&provider).await.text().await.unwrap();

    let events = events(&text);
    assert_eq!(events.len(), 3);
    assert_snapshot!(events[2], @r#"{"error":{"message":"The system encountered an unexpected error.","type":"server_error","param":null,"code":null}}"#);
}

#[tokio::test]
async fn an_empty_and_a_garbled_answer_have_status_200() {
    let provider = Provider::start().await;

    provider.rule(json!({ "model": "*", "empty": true })).await;
    let empty = [stream(&provider).await, ask(&provider, json!({})).await];
    provider.rule(json!({ "model": "*", "garbage": true })).await;
    let garbage = [stream(&provider).await, ask(&provider, json!({})).await];

    for response in empty {
        assert_eq!(response.status(), 200);
        assert_eq!(response.text().await.unwrap(), "");
    }
    for response in garbage {
        assert_eq!(response.status(), 200);
        assert_eq!(response.text().await.unwrap(), "<html><body>502 Bad Gateway</body></html>\n");
    }
}

#[tokio::test]
async fn usage_may_stay_unsaid() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 0, "omit_usage": true })).await;

    let streamed = stream(&provider).await.text().await.unwrap();
    let document: Value = ask(&provider, json!({})).await.json().await.unwrap();

    assert!(streamed.ends_with("data: [DONE]\n\n"));
    assert!(!streamed.contains("prompt_tokens"));
    assert_eq!(document.get("usage"), None);
}

#[tokio::test]
async fn words_cached_and_reasoning_tokens_are_set_by_rule() {
    let provider = Provider::start().await;
    provider
        .rule(json!({ "model": "*", "reply_words": 40, "cached_tokens": 2, "reasoning_tokens": 64 }))
        .await;

    let document: Value = ask(&provider, json!({})).await.json().await.unwrap();

    let reply = reply_for("Say hello.", 40);
    assert_eq!(document["choices"][0]["message"]["content"], reply);
    let usage = &document["usage"];
    assert_eq!(usage["prompt_tokens"], 6);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 2);
    assert_eq!(usage["completion_tokens"], 64 + count_tokens(&reply));
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 64);
}

/// The pause is longer than any test, so what is seen here is seen amid the stream.
#[tokio::test]
async fn a_chunk_arrives_before_the_next_is_made() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 600_000 })).await;

    let mut response = stream(&provider).await;
    let first = response.chunk().await.unwrap().unwrap();
    let call = &provider.calls().await[0];

    assert_eq!(events(std::str::from_utf8(&first).unwrap()).len(), 1);
    assert_eq!(call["chunks_at_us"].as_array().unwrap().len(), 1);
    assert_eq!(call["status"], 200);
    assert_eq!(call["finished"], false);
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_to_leave() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 1, "reply_words": 100_000 })).await;

    let mut response = stream(&provider).await;
    response.chunk().await.unwrap().unwrap();
    drop(response);
    // Another call takes longer than a loopback connection to close: its chunks come one by one as well.
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 1, "reply_words": 50 })).await;
    stream(&provider).await.text().await.unwrap();
    let before = provider.calls().await;
    stream(&provider).await.text().await.unwrap();
    let after = provider.calls().await;

    assert_eq!(before[0]["finished"], false);
    assert_eq!(before[0]["chunks_at_us"], after[0]["chunks_at_us"], "nothing is made for nobody");
}

/// The pause is longer than any test: the headers are here, the first chunk is not.
#[tokio::test]
async fn the_first_chunk_may_come_long_after_the_headers() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "first_chunk_delay_ms": 600_000 })).await;

    let response = stream(&provider).await;

    assert_eq!(response.status(), 200);
    assert_eq!(provider.calls().await[0]["chunks_at_us"], json!([]));
}
