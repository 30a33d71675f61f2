//! The reconciler's sight, over a stack of its own under the template's own roles: what the month will have cost, whether the
//! ledger agrees with Bedrock's count, who calls past the gateway, the canary, and probes.

#[path = "sight/canary.rs"]
mod canary;
#[path = "sight/past_the_gateway.rs"]
mod past_the_gateway;
#[path = "sight/probe.rs"]
mod probe;
#[path = "sight/prospects.rs"]
mod prospects;
#[path = "end_to_end/tenants.rs"]
mod tenants;

use serde_json::Value;
use tollgate_core::time::Day;
use tollgate_tests::stack::{Iam, Stack};

/// Without the rule's other state, which the emulator does not know.
const PARAMETERS: [&str; 2] = ["CanarySecret=tollgate/canary", "BypassDetection=ENABLED"];

#[tokio::test]
async fn the_reconciler_sees_what_was_spent_and_what_went_past() {
    let mut stack = Stack::start_with("sight", Iam::Enforced, &PARAMETERS).await;
    // For calls that go to Bedrock itself.
    let bedrock = stack.variable("TOLLGATE_STANDIN_URL").to_owned();
    stack.environment.insert("AWS_ENDPOINT_URL_BEDROCK_RUNTIME".to_owned(), bedrock);
    let stack = &stack;

    tenants::a_tenants_call_is_made_with_the_assumed_role(stack).await;
    past_the_gateway::the_ledger_agrees_until_somebody_calls_past_it(stack).await;
    past_the_gateway::each_call_past_the_gateway_is_counted_once(stack).await;
    past_the_gateway::what_nobody_understands_is_set_aside(stack).await;
    canary::a_canary_calls_through_the_front_door(stack).await;
    prospects::the_month_is_forecast(stack).await;
    probe::targets_of_which_too_little_is_known_are_probed(stack).await;
}

/// Wakes the reconciler; what it says that it did.
async fn wake(stack: &Stack, event: &Value) -> Value {
    let function = stack.stack_output("ReconcilerFunctionName").await;
    let call = serde_json::json!({"FunctionName": function, "Payload": event.to_string()});
    let answer = stack.aws("lambda", "invoke", &call).await;
    let said = answer["Payload"].as_str().expect("a function answers");
    assert!(answer.get("FunctionError").is_none(), "{event}: {said}\n{}", stack.log("emulator"));
    serde_json::from_str(said).expect("it answers in JSON")
}

/// The day on which the stack's calls are counted.
#[expect(clippy::disallowed_methods, reason = "the stack is another process and has the same clock")]
fn today() -> Day {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later than 1970");
    tollgate_core::time::Timestamp::from_secs(since.as_secs()).day()
}
