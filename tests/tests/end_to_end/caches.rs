//! What is kept of answers: for whom, in which form, for how many at once, and how an operator is rid of it.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tollgate_tests::stack::{Stack, eventually, root};
use tollgate_tests::standin::{calls, reset, set_faults};

/// An answer over plain HTTP.
pub(crate) struct Said {
    headers: HeaderMap,
    pub(crate) body: String,
}

impl Said {
    pub(crate) fn cache(&self) -> &str {
        self.header("x-tollgate-cache")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or_default())
    }
}

pub(crate) async fn ask(stack: &Stack, key: &str, body: &Value, headers: &[(&str, &str)]) -> Said {
    let url = format!("{}/chat/completions", stack.variable("OPENAI_BASE_URL"));
    let mut request = reqwest::Client::new().post(url).bearer_auth(key).json(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("the front door answers");
    assert_eq!(response.status(), 200, "{response:?}");
    let headers = response.headers().clone();
    Said { headers, body: response.text().await.expect("the body is whole") }
}

pub(crate) fn question(text: &str, stream: bool) -> Value {
    json!({"model": "gpt-5.5", "stream": stream, "messages": [{"role": "user", "content": text}]})
}

/// Asks until the answer, which is stored after it was given, is served from the cache.
async fn hit(stack: &Stack, key: &str, body: &Value, headers: &[(&str, &str)]) -> Said {
    let found = eventually(Duration::from_secs(10), async || {
        let said = ask(stack, key, body, headers).await;
        (said.cache() == "hit-exact").then_some(said)
    });
    found.await.expect("the same call becomes an exact hit")
}

pub(crate) async fn nobody_is_served_what_was_kept_for_others(stack: &Stack) {
    reset(stack).await;
    let alice = stack.key("alice", "search", &[]).await;
    let bob = stack.key("bob", "search", &[]).await;
    let carol = stack.key("carol", "sales", &[]).await;
    let acme = stack.key("alice", "search", &["--tenant", "acme"]).await;
    for stream in [false, true] {
        let body = question(&format!("Who may see this? stream: {stream}"), stream);
        let private = [("x-tollgate-cache-sharing", "private")];
        let team = [("x-tollgate-cache-sharing", "team")];
        hit(stack, &alice, &body, &private).await;
        hit(stack, &alice, &body, &team).await;
        hit(stack, &alice, &body, &[]).await;

        assert_eq!(ask(stack, &bob, &body, &private).await.cache(), "miss");
        assert_eq!(ask(stack, &carol, &body, &team).await.cache(), "miss");
        assert_eq!(ask(stack, &acme, &body, &[]).await.cache(), "miss");
        assert_eq!(ask(stack, &bob, &body, &team).await.cache(), "hit-exact");
        assert_eq!(ask(stack, &carol, &body, &[]).await.cache(), "hit-exact");
    }
}

pub(crate) async fn an_answer_serves_callers_who_want_it_in_another_form(stack: &Stack) {
    reset(stack).await;
    let key = stack.key("alice", "search", &[]).await;
    let whole = ask(stack, &key, &question("Whole first.", false), &[]).await;
    let streamed = hit(stack, &key, &question("Whole first.", true), &[]).await;
    assert!(streamed.body.ends_with("data: [DONE]\n\n"), "{}", streamed.body);

    ask(stack, &key, &question("Stream first.", true), &[]).await;
    let again = hit(stack, &key, &question("Stream first.", false), &[]).await;

    let words = |body: &str| {
        let value: Value = serde_json::from_str(body).expect("a JSON answer");
        value["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
    };
    assert!(!words(&whole.body).is_empty() && !words(&again.body).is_empty());
    assert_eq!(calls(stack).await.len(), 2);
}

pub(crate) async fn of_identical_calls_at_once_one_is_paid(stack: &Stack) {
    reset(stack).await;
    set_faults(stack, &json!([{"model": "*", "latency_ms": 1_500}])).await;
    let key = stack.key("alice", "search", &[]).await;
    let body = question("All at once.", false);

    let said = join_all((0..6).map(|_| ask(stack, &key, &body, &[]))).await;

    assert_eq!(calls(stack).await.len(), 1);
    assert_eq!(said.iter().filter(|said| said.cache() == "hit-exact").count(), 5);
    assert!(said.iter().all(|each| each.body == said[0].body));
    reset(stack).await;
}

pub(crate) async fn an_operator_sees_explains_and_purges(stack: &Stack) {
    reset(stack).await;
    let key = stack.key("alice", "search", &[]).await;
    let body = question("What is kept of this?", false);
    let tagged = [("x-tollgate-cache-tags", "handbook"), ("x-tollgate-template", "answer:3")];
    let said = hit(stack, &key, &body, &tagged).await;
    let entry = said.header("x-tollgate-cache-key").to_owned();

    let (shown, is_there) = stack.tollgate(&["cache", "show", &entry]).await;
    assert!(is_there && shown["tags"] == json!(["handbook"]) && shown["template"] == "answer:3", "{shown}");
    assert!(!shown.to_string().contains("choices"), "{shown}");
    let counted = eventually(Duration::from_secs(30), async || {
        let (shown, _) = stack.tollgate(&["cache", "show", &entry]).await;
        (shown["hits"].as_u64() >= Some(1) && shown["last_access"].is_string()).then_some(())
    });
    counted.await.expect("hits are counted from the ledger's stream");
    explains(stack, &key, &body).await;

    let (purged, is_done) = stack.tollgate(&["cache", "purge", "--tag", "handbook"]).await;
    assert!(is_done, "{purged}");
    let begun = tokio::time::Instant::now();
    let gone = eventually(Duration::from_secs(10), async || {
        let said = ask(stack, &key, &body, &tagged).await;
        (said.cache() != "hit-exact").then(|| begun.elapsed())
    });
    let took = gone.await.expect("a purge is obeyed");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

async fn explains(stack: &Stack, key: &str, body: &Value) {
    let other = question("What is kept of that?", false);
    let files = ["a.json", "b.json"].map(|name| root().join("target/end-to-end").join(name));
    std::fs::write(&files[0], body.to_string()).expect("the tests' own folder can be written");
    std::fs::write(&files[1], other.to_string()).expect("the tests' own folder can be written");
    let [a, b] = files.each_ref().map(|file| file.to_str().expect("the path is plain"));
    let id = key.split('-').nth(1).expect("a key holds its id");

    let wish =
        ["cache", "explain", a, b, "--key-id", id, "--template", "answer:3", "--template-b", "answer:3"];
    let (explained, is_done) = stack.tollgate(&wish).await;

    assert!(is_done, "{explained}");
    assert_eq!(explained["differences"][0]["field"], "messages[0].content", "{explained}");
    assert!(explained["a"]["seconds_left"].as_u64() > Some(3_000), "{explained}");
    assert_eq!(explained["b"]["seconds_left"], Value::Null, "{explained}");
}
