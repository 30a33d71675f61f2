//! Notices become graded action, the audit trail knows of it, and an operator undoes it.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_tests::client::Client;
use tollgate_tests::raw::{chat, header};
use tollgate_tests::stack::{Stack, eventually, root};

/// From a notice's publication to the first call that obeys it, and from a resume.
const IN_TIME: Duration = Duration::from_secs(10);

/// A key's status is kept in memory for eight seconds.
const KEYS_IN_TIME: Duration = Duration::from_secs(12);

pub(crate) async fn each_grade_is_obeyed_recorded_and_undone(stack: &Stack) {
    write_policy(stack).await;
    let key = stack.key("judy", "graded", &[]).await;
    let other = stack.key("karl", "ungraded", &[]).await;

    publish(stack, 50).await;
    let warned = async || trail(stack).await.into_iter().find(|action| action["did"] == "warn of everyone");
    let warning = eventually(IN_TIME, warned).await.expect("a warning is recorded");
    assert_eq!((&warning["changed"], &warning["who"]), (&false.into(), &"notice".into()), "{warning}");

    publish(stack, 80).await;
    let adapted = async || {
        let answer = chat(stack, &key, &body("within caps")).await;
        header(&answer, "x-tollgate-adapted").filter(|said| said.contains("max_output_tokens=16"))
    };
    assert!(eventually(IN_TIME, adapted).await.is_some(), "no cap\n{}", stack.log("emulator"));

    publish(stack, 100).await;
    let refusal = refused(stack, &key).await;
    assert!(refusal["message"].as_str().is_some_and(|text| text.contains("has spent 100 USD")), "{refusal}");
    let answer = Client::Python.event(stack, &other, &["chat", "--text", "of another team"]).await;
    assert_eq!(answer["event"], "answer", "{answer}");

    publish(stack, 120).await;
    refused(stack, &other).await;
    let locked = async || {
        let lock = trail(stack).await.into_iter().find(|action| !action["lock"].is_null())?;
        (lock["pending"] == false).then_some(lock)
    };
    let lock = eventually(IN_TIME, locked).await.unwrap_or_else(|| panic!("{}", stack.log("emulator")));
    assert_eq!(lock["lock"]["deny_policy"], "attached", "{lock}");
    assert!(lock["lock"]["keys"].as_array().is_some_and(|keys| keys.len() >= 2), "{lock}");
    assert_eq!(lock["lock"]["plans"].as_array().map(Vec::len), Some(2), "{lock}");
    assert_eq!(lock["before"]["enabled"], true, "{lock}");
    assert_eq!((denies(stack).await, throttles(stack).await), (true, vec![1, 1]));

    let (said, is_done) = stack.tollgate(&["resume", "--yes", "--why", "looked at", "--who", "ada"]).await;
    assert!(is_done, "{said}");
    assert_eq!(said["restrictions"], json!([]), "{said}");
    assert_eq!((denies(stack).await, throttles(stack).await), (false, vec![200, 400]));
    let served = eventually(KEYS_IN_TIME, async || {
        let answer = Client::Node.event(stack, &key, &["chat", "--text", "after all of it"]).await;
        (answer["event"] == "answer").then_some(())
    });
    assert!(served.await.is_some(), "not served after resume\n{}", stack.log("emulator"));
    let resumed = &trail(stack).await[0];
    assert_eq!(
        (&resumed["did"], &resumed["who"], &resumed["why"]),
        (&"lift all".into(), &"ada".into(), &"looked at".into())
    );
}

async fn write_policy(stack: &Stack) {
    let team = "team:default/graded";
    let policy = json!({"budgets": {"drill": [
        {"at_percent": 50, "grade": "warn"},
        {"at_percent": 80, "grade": "cap", "scope": team, "caps": {"max_output_tokens": 16}, "until": "period_end"},
        {"at_percent": 100, "grade": "stop", "scope": team, "until": "period_end"},
        {"at_percent": 120, "grade": "lock", "lock": {"deny_models": true, "suspend_keys": true, "throttle": {"rate": 1, "burst": 1}}},
    ]}});
    let path = root().join("target/end-to-end/enforcement.json");
    std::fs::write(&path, policy.to_string()).expect("the target folder can be written");
    let path = path.to_str().expect("the checkout's path is text");
    let (said, is_done) = stack.tollgate(&["config", "seed", "--enforcement", path]).await;
    assert!(is_done, "{said}");
}

async fn publish(stack: &Stack, usd: u64) {
    let text = json!({"tollgate": "budget-notice", "budget": "drill", "limit_usd": "100", "spent_usd": usd.to_string(), "period": "month"});
    let topic = stack.variable("TOLLGATE_BUDGET_TOPIC_ARN");
    stack.aws("sns", "publish", &json!({"TopicArn": topic, "Message": text.to_string()})).await;
}

/// The refusal that this key's calls meet in time.
async fn refused(stack: &Stack, key: &str) -> Value {
    let refusal = eventually(IN_TIME, async || {
        let refusal = Client::Python.event(stack, key, &["error", "--text", "is it stopped"]).await;
        (refusal["code"] == "budget_exceeded").then_some(refusal)
    });
    let refusal = refusal.await.unwrap_or_else(|| panic!("no refusal in time\n{}", stack.log("emulator")));
    assert_eq!(refusal["status"], 429, "{refusal}");
    refusal
}

async fn trail(stack: &Stack) -> Vec<Value> {
    let (actions, is_done) = stack.tollgate(&["actions"]).await;
    assert!(is_done, "{actions}");
    actions.as_array().expect("actions are a list").clone()
}

/// Whether invoke's role is denied calls of models.
async fn denies(stack: &Stack) -> bool {
    let role = json!({"RoleName": stack.stack_output("InvokeRoleName").await});
    let attached = stack.aws("iam", "list_attached_role_policies", &role).await;
    let arn = stack.stack_output("DenyModelsPolicyArn").await;
    attached["AttachedPolicies"].as_array().expect("a list").iter().any(|one| one["PolicyArn"] == *arn)
}

/// Requests a second of the usage plans.
async fn throttles(stack: &Stack) -> Vec<u64> {
    let mut rates = Vec::new();
    for plan in stack.stack_output("UsagePlans").await.split(',') {
        let (id, _) = plan.split_once('=').expect("plans are named");
        let plan = stack.aws("apigateway", "get_usage_plan", &json!({"usagePlanId": id})).await;
        let rate = plan["throttle"]["rateLimit"].to_string();
        rates.push(rate.split('.').next().and_then(|whole| whole.parse().ok()).expect("a rate"));
    }
    rates
}

fn body(text: &str) -> Value {
    json!({"model": "gpt-5.5", "max_completion_tokens": 100, "messages": [{"role": "user", "content": text}]})
}
