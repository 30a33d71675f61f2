//! The canary, well and not.

use serde_json::{Value, json};
use tollgate_tests::books::metric;
use tollgate_tests::stack::Stack;

use crate::wake;

pub(crate) async fn a_canary_calls_through_the_front_door(stack: &Stack) {
    let without_key = sing(stack).await;
    assert!(fault(&without_key).contains("its key is not there"), "{without_key}");

    let key = stack.key("canary", "platform", &["--budget-usd-day", "0.05"]).await;
    stack
        .aws("secretsmanager", "create_secret", &json!({"Name": "tollgate/canary", "SecretString": key}))
        .await;
    let well = sing(stack).await;
    assert_eq!(well["fault"], Value::Null, "{well}");
    let request_id = well["request_id"].as_str().expect("an answered call has an id");
    let (record, _) = stack.tollgate(&["ledger", "show", request_id]).await;
    assert_eq!((&record["state"], &record["user"]), (&"settled".into(), &"canary".into()), "{record}");
    let again = sing(stack).await;
    assert_eq!(again["fault"], Value::Null, "the same question is no hit of the cache: {again}");

    let (said, is_done) = stack.tollgate(&["flag", "off", "--why", "a drill"]).await;
    assert!(is_done, "{said}");
    // No call starts later than five seconds after.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let stopped = sing(stack).await;
    assert!(fault(&stopped).contains("429"), "{stopped}");
    let (said, is_done) = stack.tollgate(&["resume", "--yes"]).await;
    assert!(is_done, "{said}");

    let failures = metric(stack, "Canary.Failures.Count", "Sum").await;
    assert_eq!(
        failures.iter().filter_map(Value::as_f64).map(|sum| format!("{sum:.0}")).collect::<Vec<_>>(),
        ["2"]
    );
    let latency = metric(stack, "Canary.Latency", "Average").await;
    assert!(latency.iter().filter_map(Value::as_f64).any(|milliseconds| milliseconds > 1.0), "{latency:?}");
}

async fn sing(stack: &Stack) -> Value {
    wake(stack, &json!({"task": "canary"})).await["canary"].clone()
}

fn fault(finding: &Value) -> &str {
    finding["fault"].as_str().unwrap_or_default()
}
