//! What no client should send: each gets a clear error in OpenAI's shape, calls nothing and changes nothing.

use reqwest::Method;
use serde_json::Value;
use tollgate_tests::books::items;
use tollgate_tests::raw::RawRequest;
use tollgate_tests::stack::Stack;
use tollgate_tests::standin::{calls, reset};

/// A bad body, the status and the code that it gets.
const BODIES: [(&str, u16, &str); 22] = [
    ("", 400, "invalid_request"),
    ("null", 400, "invalid_request"),
    ("[]", 400, "invalid_request"),
    ("{", 400, "invalid_request"),
    ("\u{feff}{}", 400, "invalid_request"),
    ("model=gpt-5.5", 400, "invalid_request"),
    ("{}", 400, "invalid_request"),
    (r#"{"model":"gpt-5.5"}"#, 400, "invalid_request"),
    (r#"{"model":"gpt-5.5","messages":"hi"}"#, 400, "invalid_request"),
    (r#"{"model":"gpt-5.5","messages":[]}"#, 400, "invalid_request"),
    (r#"{"model":"gpt-5.5","messages":[{"role":"user"}]}"#, 400, "invalid_request"),
    (r#"{"model":"gpt-5.5","messages":[{"role":"king","content":"hi"}]}"#, 400, "invalid_request"),
    (r#"{"model":"gpt-5.5","messages":[{"role":"user","content":{"text":"hi"}}]}"#, 400, "invalid_request"),
    (r#"{"model":7,"messages":[{"role":"user","content":"hi"}]}"#, 400, "invalid_request"),
    (
        r#"{"model":"gpt-5.5","model":"gpt-oss-120b","messages":[{"role":"user","content":"hi"}]}"#,
        400,
        "invalid_request",
    ),
    (r#"{"model":"gpt-5.5","stream":1,"messages":[{"role":"user","content":"hi"}]}"#, 400, "invalid_request"),
    (
        r#"{"model":"gpt-5.5","max_tokens":-3,"messages":[{"role":"user","content":"hi"}]}"#,
        400,
        "invalid_request",
    ),
    (
        r#"{"model":"gpt-5.5","max_tokens":1e99,"messages":[{"role":"user","content":"hi"}]}"#,
        400,
        "invalid_request",
    ),
    (
        r#"{"model":"gpt-5.5","max_tokens":128001,"messages":[{"role":"user","content":"hi"}]}"#,
        400,
        "invalid_request",
    ),
    (r#"{"model":"gpt-5.5","n":0,"messages":[{"role":"user","content":"hi"}]}"#, 400, "invalid_request"),
    (
        r#"{"model":"gpt-5.6-sol","logprobs":true,"messages":[{"role":"user","content":"hi"}]}"#,
        400,
        "invalid_request",
    ),
    (r#"{"model":"gpt-7","messages":[{"role":"user","content":"hi"}]}"#, 404, "model_not_found"),
];

pub(crate) async fn what_is_malformed_is_said_and_changes_nothing(stack: &Stack) {
    reset(stack).await;
    let key = stack.key("oscar", "search", &["--rate", "1000", "--burst", "1000"]).await;
    let bearer = format!("Bearer {key}");
    let before = items(stack, "LedgerTable").await.len();

    for (body, status, code) in BODIES {
        refused(stack, chat(Some(&bearer), body.as_bytes().to_vec()), status, code).await;
    }
    let nested = format!(r#"{{"model":"gpt-5.5","messages":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    refused(stack, chat(Some(&bearer), nested.into_bytes()), 400, "invalid_request").await;
    refused(stack, chat(Some(&bearer), vec![0xff, 0xfe, 0x00]), 400, "invalid_request").await;
    refused(stack, chat(Some(&bearer), vec![b' '; 5 * 1024 * 1024 + 1]), 413, "request_too_large").await;
    refused(stack, chat(Some(&bearer), vec![b' '; 10 * 1024 * 1024 + 1]), 413, "request_too_large").await;

    for authorization in
        [None, Some(""), Some("Bearer"), Some("Basic dXNlcjpwYXNz"), Some("Bearer tg-"), Some(key.as_str())]
    {
        refused(stack, chat(authorization, BODIES[6].0.into()), 401, "invalid_api_key").await;
    }
    for (method, path) in
        [(Method::GET, "/chat/completions"), (Method::POST, "/nothing"), (Method::DELETE, "/models")]
    {
        let request = RawRequest { method, path, authorization: Some(&bearer), body: Vec::new() };
        refused(stack, request, 404, "unknown_url").await;
    }

    assert!(calls(stack).await.is_empty());
    assert_eq!(items(stack, "LedgerTable").await.len(), before);
}

fn chat(authorization: Option<&str>, body: Vec<u8>) -> RawRequest<'_> {
    RawRequest { method: Method::POST, path: "/chat/completions", authorization, body }
}

async fn refused(stack: &Stack, request: RawRequest<'_>, status: u16, code: &str) {
    let asked = format!("{request:.300?}");
    let answer = request.send(stack).await;
    let found = answer.status().as_u16();
    let said = answer.text().await.unwrap_or_default();
    let body: Value = serde_json::from_str(&said).unwrap_or_default();

    assert_eq!((found, body["error"]["code"].as_str()), (status, Some(code)), "{asked}: {said}");
    assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{asked}: {said}");
}
