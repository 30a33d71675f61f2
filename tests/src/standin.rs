//! The provider stand-in's control: what it shall do, and what it was asked.

use serde_json::Value;

use crate::stack::Stack;

/// Lays down rules for the calls to come.
///
/// # Panics
/// If a rule is refused.
pub async fn set_faults(stack: &Stack, rules: &Value) {
    let request = reqwest::Client::new().put(url(stack, "faults")).body(rules.to_string());
    let answer = request.send().await.expect("the stand-in answers");
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
}

/// Forgets rules and calls.
///
/// # Panics
/// If the stand-in is gone.
pub async fn reset(stack: &Stack) {
    for what in ["faults", "calls"] {
        reqwest::Client::new().delete(url(stack, what)).send().await.expect("the stand-in answers");
    }
}

/// The calls that it was asked, in their order.
///
/// # Panics
/// If the stand-in is gone.
pub async fn calls(stack: &Stack) -> Vec<Value> {
    let answer = reqwest::Client::new().get(url(stack, "calls")).send().await.expect("the stand-in answers");
    answer.json().await.expect("a list of calls")
}

fn url(stack: &Stack, what: &str) -> String {
    format!("{}/_standin/{what}", stack.variable("TOLLGATE_STANDIN_URL"))
}
