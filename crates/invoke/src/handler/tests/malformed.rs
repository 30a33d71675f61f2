//! Whatever comes, it gets a clear error, and nothing is called or written.

use serde_json::{Value, json};

use crate::testing::*;

/// What came, and what is said: status, code and param.
type Case = (Value, u16, &'static str, Option<&'static str>);

/// A body that is right but for what is added.
fn plus(members: &str) -> String {
    format!(r#"{{"model":"gpt-5.5","messages":[{{"role":"user","content":"a"}}],{members}}}"#)
}

fn messages(messages: &str) -> String {
    format!(r#"{{"model":"gpt-5.5","messages":{messages}}}"#)
}

fn model(model: &str) -> String {
    format!(r#"{{"model":{model},"messages":[{{"role":"user","content":"a"}}]}}"#)
}

fn authorizer(name: &str, value: Value) -> Value {
    let mut event = event("chat");
    event["requestContext"]["authorizer"][name] = value;
    event
}

async fn check(cases: Vec<Case>) {
    let world = World::scripted([]);
    for (event, status, code, param) in cases {
        let shown: String = event["body"].to_string().chars().take(200).collect();

        let said = world.call(event).await;

        assert_eq!((said.status, said.code().as_str()), (status, code), "{shown}");
        assert_eq!(said.json()["error"]["param"].as_str(), param, "{shown}");
        assert_eq!(said.json()["error"]["message"].as_str().map(str::is_empty), Some(false), "{shown}");
        assert!(world.is_untouched(), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_no_json_object() {
    let mut not_utf8 = chat("//4=");
    not_utf8["isBase64Encoded"] = Value::Bool(true);
    let deep = plus(&format!(r#""x":{}{}"#, "[".repeat(64), "]".repeat(64)));
    let bodies = [
        "",
        "null",
        "[]",
        "5",
        "\"text\"",
        "{",
        "{}garbage",
        "\u{feff}{}",
        "{\"model\":\"a\",\"model\":\"b\"}",
    ];
    let mut cases: Vec<Case> =
        bodies.into_iter().map(|body| (chat(body), 400, "invalid_request", None)).collect();
    cases.push((with("chat", "/body", Value::Null), 400, "invalid_request", None));
    cases.push((not_utf8, 400, "invalid_request", None));
    cases.push((chat(deep), 400, "invalid_request", None));
    cases.push((chat(" ".repeat(5 * 1024 * 1024 + 1)), 413, "request_too_large", None));

    check(cases).await;
}

#[tokio::test(start_paused = true)]
async fn fields_that_are_wrong() {
    let cases = [
        (model("null"), "model"),
        (model("\"\""), "model"),
        (model("5"), "model"),
        (model("[\"gpt-5.5\"]"), "model"),
        ("{}".to_owned(), "model"),
        (r#"{"model":"gpt-5.5"}"#.to_owned(), "messages"),
        (messages("null"), "messages"),
        (messages("[]"), "messages"),
        (messages("{}"), "messages"),
        (messages("\"hello\""), "messages"),
        (messages("[1]"), "messages"),
        (messages(r#"[{"content":"a"}]"#), "messages[0].role"),
        (messages(r#"[{"role":"robot","content":"a"}]"#), "messages[0].role"),
        (messages(r#"[{"role":"user"}]"#), "messages[0].content"),
        (messages(r#"[{"role":"user","content":5}]"#), "messages[0].content"),
        (messages(r#"[{"role":"user","content":[{"type":"text"}]}]"#), "messages[0].content"),
        (messages(r#"[{"role":"user","content":[{"type":"input_audio"}]}]"#), "messages[0].content"),
        (
            messages(r#"[{"role":"user","content":"a"},{"role":"user","content":[{}]}]"#),
            "messages[1].content",
        ),
        (plus(r#""stream":"yes""#), "stream"),
        (plus(r#""stream":1"#), "stream"),
        (plus(r#""stream_options":{"include_usage":true}"#), "stream_options"),
        (plus(r#""stream":true,"stream_options":5"#), "stream_options"),
        (plus(r#""stream":true,"stream_options":{"include_usage":"yes"}"#), "stream_options"),
        (plus(r#""max_tokens":0"#), "max_tokens"),
        (plus(r#""max_tokens":"many""#), "max_tokens"),
        (plus(r#""max_tokens":1,"max_completion_tokens":1"#), "max_tokens"),
        (plus(r#""max_completion_tokens":-1"#), "max_completion_tokens"),
        (plus(r#""max_completion_tokens":1.5"#), "max_completion_tokens"),
        (plus(r#""max_completion_tokens":99999999999999999999"#), "max_completion_tokens"),
        (plus(r#""n":0"#), "n"),
        (plus(r#""n":129"#), "n"),
        (plus(r#""n":"two""#), "n"),
    ];

    check(cases.map(|(body, param)| (chat(body), 400, "invalid_request", Some(param))).into()).await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_no_target_can_take() {
    let converse = |members: &str| chat(plus(members).replace("gpt-5.5", "talks-converse"));
    let restricted = with("chat", "/requestContext/authorizer/models", "plain,unpriced".into());

    check(vec![
        (chat(model("\"gpt-9\"")), 404, "model_not_found", Some("model")),
        (restricted, 403, "model_not_allowed", Some("model")),
        (chat(model("\"unpriced\"")), 400, "model_not_priced", Some("model")),
        (chat(model("\"unrouted\"")), 503, "provider_unavailable", None),
        (chat(plus(r#""max_tokens":1001"#)), 400, "invalid_request", Some("max_tokens")),
        (
            chat(plus(r#""max_completion_tokens":1001"#)),
            400,
            "invalid_request",
            Some("max_completion_tokens"),
        ),
        (converse(r#""logprobs":true"#), 400, "invalid_request", Some("logprobs")),
        (converse(r#""n":2"#), 400, "invalid_request", Some("n")),
        (converse(r#""stop":5"#), 400, "invalid_request", Some("stop")),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_vouched_for() {
    let missing = |name: &str| authorizer(name, Value::Null);
    let mut cases: Vec<Case> = Vec::new();
    for name in ["keyId", "user", "team", "tenant", "role", "models"] {
        cases.push((missing(name), 401, "invalid_api_key", None));
    }
    let garbled = [
        ("user", json!("alice/../bob")),
        ("team", json!("")),
        ("tenant", json!(5)),
        ("role", json!("emperor")),
        ("budget", json!("much")),
        ("budget", json!(r#"{"budget_month_nanos":-1}"#)),
        ("flow", json!(r#"{"max_concurrent":"two"}"#)),
    ];
    cases.extend(garbled.map(|(name, value)| (authorizer(name, value), 401, "invalid_api_key", None)));
    cases.push((with("chat", "/requestContext/authorizer", Value::Null), 401, "invalid_api_key", None));
    cases.push((with("models", "/requestContext/authorizer", json!({})), 401, "invalid_api_key", None));

    check(cases).await;
}

#[tokio::test(start_paused = true)]
async fn paths_and_methods_that_do_not_exist() {
    let elsewhere = |path: Value| (with("chat", "/path", path), 404, "unknown_url", None);

    check(vec![
        elsewhere("/v1/completions".into()),
        elsewhere("/v1/chat/completions/".into()),
        elsewhere("/V1/chat/completions".into()),
        elsewhere("/live/v1/chat/completions".into()),
        elsewhere("/v1/models".into()),
        elsewhere("/".into()),
        elsewhere(Value::Null),
        (with("chat", "/httpMethod", "GET".into()), 404, "unknown_url", None),
        (with("chat", "/httpMethod", "BREW".into()), 404, "unknown_url", None),
        (with("models", "/httpMethod", "DELETE".into()), 404, "unknown_url", None),
    ])
    .await;
}
