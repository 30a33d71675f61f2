//! Tokens that Bedrock counted and the ledger did not, and calls that `CloudTrail` told of.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_tests::books::{balance, metric};
use tollgate_tests::client::Client;
use tollgate_tests::stack::{Stack, eventually};

use crate::{today, wake};

/// The stand-in's count follows its answer, and the rollups follow the ledger.
const COUNTED: Duration = Duration::from_secs(30);

const SOL: &str = "us.openai.gpt-5.6-sol";

pub(crate) async fn the_ledger_agrees_until_somebody_calls_past_it(stack: &Stack) {
    let key = stack.key("olga", "search", &[]).await;
    for model in ["gpt-5.5", "gpt-5.6-sol"] {
        let answer = Client::Python.event(stack, &key, &["chat", "--model", model, "--text", "Once."]).await;
        assert_eq!(answer["event"], "answer", "{answer}");
    }
    balance(stack).await;
    let agreed = differs_by(stack, 0).await;
    let models: Vec<_> =
        agreed["lines"].as_array().expect("lines").iter().map(|line| &line["model_id"]).collect();
    assert!(models.contains(&&json!("openai.gpt-5.5")) && models.contains(&&json!(SOL)), "{agreed}");

    let call =
        json!({"modelId": SOL, "messages": [{"role": "user", "content": [{"text": "Past the gateway."}]}]});
    let answer = stack.aws("bedrock-runtime", "converse", &call).await;
    let [input, output] =
        ["inputTokens", "outputTokens"].map(|name| answer["usage"][name].as_u64().unwrap_or(0));
    assert!(input > 0 && output > 0, "{answer}");

    let seen = differs_by(stack, input + output).await;
    let line = seen["lines"].as_array().and_then(|lines| lines.iter().find(|line| line["model_id"] == SOL));
    let line = line.expect("the model that was called has a line");
    assert_eq!(line["difference"], json!({"input": input, "output": output}), "{seen}");
    assert_eq!(line["namespace"], "AWS/Bedrock", "{seen}");
    let published = metric(stack, "Reconcile.Tokens.Difference", "Maximum").await;
    assert!(
        published.contains(&json!(input + output)) || is_about(&published, input + output),
        "{published:?}"
    );
    let (shown, is_done) = stack.tollgate(&["reconcile", "--day", &today().to_string()]).await;
    assert!(is_done, "{shown}");
    assert_eq!((&shown["tokens"], &shown["lines"]), (&seen["tokens"], &seen["lines"]));
}

/// Wakes the reconciler until so many tokens differ.
async fn differs_by(stack: &Stack, tokens: u64) -> Value {
    let mut last = Value::Null;
    let found = eventually(COUNTED, async || {
        let done = wake(stack, &json!({"task": "reconcile", "day": today()})).await;
        last = done["reconciled"].clone();
        (last["tokens"] == tokens).then_some(())
    });
    assert!(found.await.is_some(), "not {tokens} tokens differ: {last}");
    last
}

fn is_about(values: &[Value], expected: u64) -> bool {
    values.iter().filter_map(Value::as_f64).any(|value| format!("{value:.0}") == expected.to_string())
}

pub(crate) async fn each_call_past_the_gateway_is_counted_once(stack: &Stack) {
    let by_user = recorded(include_str!("../../../events/reconciler/mantle-call-by-user.json"));
    let by_role = recorded(include_str!("../../../events/reconciler/runtime-call-by-role.json"));
    let mut ours = by_role.clone();
    ours["detail"]["eventID"] = "an-event-of-ours".into();
    ours["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] =
        stack.stack_output("InvokeRoleArn").await.into();
    let mut refused = by_user.clone();
    refused["detail"]["eventID"] = "an-event-of-a-refusal".into();
    refused["detail"]["errorCode"] = "AccessDenied".into();

    // The second one comes over the rule, and again, as EventBridge may bring it.
    assert_eq!(wake(stack, &by_user).await, "bypass");
    assert_eq!(wake(stack, &by_user).await, "bypass");
    for event in [&by_role, &by_role, &ours] {
        publish(stack, event).await;
    }
    assert_eq!(wake(stack, &ours).await, "passed");
    assert_eq!(wake(stack, &refused).await, "passed");

    let mut last = Vec::new();
    let counted = eventually(COUNTED, async || {
        wake(stack, &json!({"task": "sweep"})).await;
        last = metric(stack, "Bypass.Calls.Count", "Sum").await;
        is_about(&last, 2).then_some(())
    });
    assert!(counted.await.is_some(), "{last:?}\n{}", stack.log("emulator"));
    wake(stack, &json!({"task": "sweep"})).await;
    assert!(is_about(&metric(stack, "Bypass.Calls.Count", "Sum").await, 2));

    let (shown, _) = stack.tollgate(&["reconcile", "--day", &today().to_string()]).await;
    let expected = json!([
        {"principal": "arn:aws:iam::111122223333:user/userxyz", "calls": 1},
        {"principal": "arn:aws:iam::123456789012:role/Admin", "calls": 1},
    ]);
    assert_eq!(shown["bypasses"], expected, "{shown}");
}

fn recorded(text: &str) -> Value {
    serde_json::from_str(text).expect("a recorded event is JSON")
}

/// Over the default bus. Only AWS itself may name a source of AWS, so it has another one, which the rule does not look at.
async fn publish(stack: &Stack, event: &Value) {
    let entry = json!({
        "Source": "tests.cloudtrail",
        "DetailType": event["detail-type"],
        "Detail": event["detail"].to_string(),
    });
    let answer = stack.aws("events", "put_events", &json!({"Entries": [entry]})).await;
    assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
}

pub(crate) async fn what_nobody_understands_is_set_aside(stack: &Stack) {
    let done = wake(stack, &json!({"task": "weekly", "note": "keep me whole"})).await;
    assert!(
        done["set_aside"].as_str().is_some_and(|reason| reason.contains("task cannot be read")),
        "{done}"
    );

    let queue = json!({"QueueUrl": stack.stack_output("DeadLetterQueueUrl").await});
    let answer: Value = stack.aws("sqs", "receive_message", &queue).await;
    let body = answer["Messages"][0]["Body"].as_str().unwrap_or_default().to_owned();
    assert!(body.contains("keep me whole"), "{answer}");
}
