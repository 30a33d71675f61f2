//! Targets that nobody calls, on a route that chooses by latency.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_tests::stack::{Stack, eventually, root};

use crate::wake;

/// How long the stream's way to the board takes at most.
const KNOWN_WITHIN: Duration = Duration::from_secs(60);

const RIVALS: [&str; 2] = ["mantle-us-east-1/gpt-5.5", "mantle-us-east-2/gpt-5.5"];

/// The canary's secret is there; its key may name targets from here on.
pub(crate) async fn targets_of_which_too_little_is_known_are_probed(stack: &Stack) {
    let strategy = json!({"kind": "latency", "min_samples": 2, "probe": true});
    let route = json!({"providers": {RIVALS[0]: 1, RIVALS[1]: 1}, "strategy": strategy});
    seed(stack, &json!({"default": route})).await;
    let refused = wake(stack, &json!({"task": "probe"})).await["probed"].clone();
    // Other calls may have made one of them known.
    assert!(matches!(refused["targets"].as_u64(), Some(1 | 2)) && refused["answered"] == 0, "{refused}");
    assert!(refused["failed"].as_u64() > Some(0), "a key that may not name targets: {refused}");

    let key = stack.key("prober", "platform", &["--budget-usd-day", "0.05", "--role", "prober"]).await;
    stack
        .aws(
            "secretsmanager",
            "put_secret_value",
            &json!({"SecretId": "tollgate/canary", "SecretString": key}),
        )
        .await;
    let probed = wake(stack, &json!({"task": "probe"})).await["probed"].clone();
    let missing = [&refused["failed"], &refused["left"]].map(|count| count.as_u64().unwrap_or_default());
    let as_many =
        json!({"targets": refused["targets"], "answered": missing[0] + missing[1], "failed": 0, "left": 0});
    assert_eq!(probed, as_many);
    let rested = eventually(KNOWN_WITHIN, async || {
        let probed = wake(stack, &json!({"task": "probe"})).await["probed"].clone();
        (probed["targets"] == 0).then_some(())
    });
    assert!(rested.await.is_some(), "what was probed is not known\n{}", stack.log("emulator"));
}

async fn seed(stack: &Stack, routing: &Value) {
    let path = root().join("target/end-to-end/probing.json");
    std::fs::write(&path, routing.to_string()).expect("the target folder can be written");
    let path = path.to_str().expect("the checkout's path is text");
    let (said, is_done) = stack.tollgate(&["config", "seed", "--routing", path]).await;
    assert!(is_done, "{said}");
}
