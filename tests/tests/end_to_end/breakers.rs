//! Breakers of the deployed suite, and the operator's word over them.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_tests::raw::{chat, header};
use tollgate_tests::stack::{Stack, eventually};
use tollgate_tests::standin::{calls, reset, set_faults};

use crate::routing::seed;

const PRIMARY: &str = "mantle-us-east-1/gpt-5.5";
const PRIMARY_MODEL: &str = "openai.gpt-5.5";

/// For the outcomes to come through ledger and stream, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// The failures that the other parts bring about on purpose are to open nothing.
pub(crate) async fn are_held_closed(stack: &Stack) {
    for target in targets(stack).await {
        let id = target["target"].as_str().expect("a target has an id").to_owned();
        let said = say(stack, "close", &id).await;
        assert_eq!((&said["state"], &said["forced"]["why"]), (&"closed".into(), &"tests".into()), "{said}");
    }
}

pub(crate) async fn failures_open_a_breaker_and_an_operator_has_the_last_word(stack: &Stack) {
    reset(stack).await;
    let bedrock = json!({"default": {"providers": {"bedrock": 1}, "failover_order": ["bedrock"]}});
    let (said, is_done) = seed(stack, &bedrock).await;
    assert!(is_done, "{said}");
    let key = stack.key("oscar", "search", &["--rate", "50", "--burst", "100"]).await;
    say(stack, "auto", PRIMARY).await;
    set_faults(stack, &json!([{"model": PRIMARY_MODEL, "status": 503}])).await;

    // It is left to itself a second after the operator's word, in each environment.
    let opened = eventually(PATIENCE, async || {
        ask(stack, &key).await;
        let target = target(stack, PRIMARY).await;
        (target["state"] == "open" && target["cause"] == "capacity").then_some(target)
    });
    let opened = opened.await.expect("failures open the breaker");
    assert!(opened["forced"].is_null() && opened["until"].is_string(), "{opened}");

    // No cool-down ends here before the operator has spoken.
    say(stack, "open", PRIMARY).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    reset(stack).await;
    let (model, attempts) = ask(stack, &key).await;
    assert_eq!((model.as_str(), attempts.as_str()), ("us.openai.gpt-5.6-sol", "1"));
    assert!(calls(stack).await.iter().all(|call| call["model"] != PRIMARY_MODEL));

    say(stack, "close", PRIMARY).await;
    let back = eventually(PATIENCE, async || {
        let (model, _) = ask(stack, &key).await;
        (model == PRIMARY_MODEL).then_some(())
    });
    back.await.expect("an operator's word is obeyed");
    let (said, is_done) = stack.tollgate(&["providers", "open", "nobody", "--why", "tests"]).await;
    assert!(!is_done && said.to_string().contains("no target nobody"), "{said}");
}

/// The model that answered, and how many were asked.
async fn ask(stack: &Stack, key: &str) -> (String, String) {
    let text = format!("Who answers? {}", fastrand::u64(..));
    let messages = json!([{"role": "user", "content": text}]);
    let answer = chat(stack, key, &json!({"model": "gpt-5.5", "messages": messages})).await;
    let said = |name| header(&answer, name).unwrap_or_default();
    (said("x-tollgate-model"), said("x-tollgate-attempts"))
}

async fn say(stack: &Stack, word: &str, target: &str) -> Value {
    let (said, is_done) = stack.tollgate(&["providers", word, target, "--why", "tests"]).await;
    assert!(is_done, "{said}");
    said
}

async fn target(stack: &Stack, id: &str) -> Value {
    let found = targets(stack).await.into_iter().find(|target| target["target"] == id);
    found.expect("the catalogue has the target")
}

async fn targets(stack: &Stack) -> Vec<Value> {
    let (said, is_done) = stack.tollgate(&["providers", "list"]).await;
    assert!(is_done, "{said}");
    said.as_array().expect("a list of targets").clone()
}
