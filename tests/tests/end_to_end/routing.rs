//! Routing as operators change it while calls come: rules, constraints, versions, and what callers say of answers.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_tests::stack::{Stack, eventually, root};

use crate::answers::closed_record;

/// From a change of the document to the first call that obeys it.
const IN_TIME: Duration = Duration::from_secs(5);

pub(crate) async fn a_change_of_routing_is_obeyed_in_time_and_can_be_taken_back(stack: &Stack) {
    let key = stack.key("rosa", "routed", &[]).await;
    let (history, is_done) = stack.tollgate(&["config", "history", "routing"]).await;
    assert!(is_done, "{history}");
    let before = history[0]["version"].to_string();
    let usual = ask(stack, &key, &[]).await;

    let (said, is_done) = seed(stack, &json!({"default": {"providers": {"bedrock": 0}}})).await;
    assert!(!is_done && said.to_string().contains("gives no provider a weight"), "{said}");
    let only = |target: &str| json!({"providers": {target: 1}});
    let rules = json!([{"name": "labels", "when": {"task": "classification"}, "route": only("runtime-us-east-1/gpt-5.6-sol")}]);
    let constraints = json!({"residencies": {"eu": {"regions": ["eu-*"]}, "us": {"regions": ["us-*"]}}});
    let routing =
        json!({"default": only("mantle-us-east-2/gpt-5.5"), "rules": rules, "constraints": constraints});
    let (said, is_done) = seed(stack, &routing).await;
    assert!(is_done, "{said}");

    let labelled = [("x-tollgate-task", "classification")];
    let obeyed = eventually(IN_TIME, async || {
        let answer = ask(stack, &key, &labelled).await;
        (answer["model"] == "us.openai.gpt-5.6-sol").then_some(answer)
    });
    let answer = obeyed.await.unwrap_or_else(|| panic!("the rule is not obeyed\n{}", stack.log("invoke")));
    let refused = ask(stack, &key, &[("x-tollgate-residency", "eu")]).await;
    assert_eq!(
        (&refused["status"], &refused["code"]),
        (&403.into(), &"no_allowed_target".into()),
        "{refused}"
    );
    let stays = ask(stack, &key, &[("x-tollgate-residency", "us")]).await;
    assert_eq!(stays["status"], 200, "{stays}");

    let id = answer["request_id"].as_str().expect("an answer has an id");
    let record = closed_record(stack, id).await;
    assert_eq!(record["decision"]["route"], "labels", "{record}");
    an_answer_is_rated(stack, &key, id).await;

    let (said, is_done) = stack.tollgate(&["config", "rollback", "routing", "--to", &before]).await;
    assert!(is_done, "{said}");
    let back = eventually(IN_TIME, async || {
        let answer = ask(stack, &key, &labelled).await;
        (answer["model"] == usual["model"]).then_some(())
    });
    assert!(back.await.is_some(), "the earlier version is not obeyed\n{}", stack.log("invoke"));
}

async fn an_answer_is_rated(stack: &Stack, key: &str, id: &str) {
    let rate = async |rating: f64| {
        let url = format!("{}/feedback", stack.variable("OPENAI_BASE_URL"));
        let body = json!({"request_id": id, "rating": rating}).to_string();
        let sent = reqwest::Client::new().post(url).bearer_auth(key).body(body).send().await;
        sent.expect("the front door answers").status().as_u16()
    };

    assert_eq!((rate(0.75).await, rate(0.75).await, rate(0.5).await, rate(2.0).await), (200, 200, 400, 400));
    let (record, _) = stack.tollgate(&["ledger", "show", id]).await;
    assert_eq!(record["rating"], 0.75, "{record}");
}

/// Writes a routing document; what the command said, and whether it was taken.
pub(crate) async fn seed(stack: &Stack, routing: &Value) -> (Value, bool) {
    let path = root().join("target/end-to-end/routing.json");
    std::fs::write(&path, routing.to_string()).expect("the target folder can be written");
    stack
        .tollgate(&["config", "seed", "--routing", path.to_str().expect("the checkout's path is text")])
        .await
}

/// One call that no cache answers: its status, and the code of its refusal or who answered it.
async fn ask(stack: &Stack, key: &str, headers: &[(&str, &str)]) -> Value {
    let url = format!("{}/chat/completions", stack.variable("OPENAI_BASE_URL"));
    let body = json!({"model": "gpt-5.5", "messages": [{"role": "user", "content": "where to"}]});
    let call = reqwest::Client::new()
        .post(url)
        .bearer_auth(key)
        .header("cache-control", "no-store")
        .body(body.to_string());
    let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
    let answer = call.send().await.expect("the front door answers");
    let header =
        |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (model, id, status) =
        (header("x-tollgate-model"), header("x-tollgate-request-id"), answer.status().as_u16());
    let said: Value = serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or_default();
    json!({"status": status, "model": model, "request_id": id, "code": said["error"]["code"]})
}
