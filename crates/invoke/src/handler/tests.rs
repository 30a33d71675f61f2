use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::testing::*;

mod dialects;
mod fuzz;
mod limits;
mod malformed;
mod trim;

#[tokio::test(start_paused = true)]
async fn the_events_of_the_repository_are_answered() {
    let whole = at_once([content("Paris"), finish("stop"), usage_chunk(30, 5)]);
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5))), streams(whole)]);

    for case in ["chat", "stream", "models"] {
        let said = world.call(event(case)).await;
        assert_eq!(said.status, 200, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_verdict_of_the_authorizer_is_said_in_its_words() {
    let world = World::scripted([]);
    let mut event = event("chat");
    let verdict = json!({
        "code": "rate_limit_exceeded", "message": "Rate limit reached for requests. Please try again in 7s.",
        "retryAfter": "7", "limitRequests": "2", "remainingRequests": "0", "resetRequests": "7s",
    });
    let context = event["requestContext"]["authorizer"].as_object_mut().unwrap();
    context.extend(verdict.as_object().unwrap().clone());

    let said = world.call(event).await;

    assert_eq!((said.status, said.header("retry-after")), (429, "7"));
    assert_eq!(said.header("x-ratelimit-remaining-requests"), "0");
    assert_eq!(said.header("x-ratelimit-reset-requests"), "7s");
    insta::assert_snapshot!(
        said.body,
        @r#"{"error":{"message":"Rate limit reached for requests. Please try again in 7s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#
    );
    assert!(world.is_untouched());
    // The authorizer has counted it.
    assert!(take_lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_answer_carries_the_id_of_its_ledger_record() {
    let world = World::scripted([]);

    let refused = world.call(chat("{")).await;
    let unknown = world.call(with("chat", "/path", "/v1/nothing".into())).await;

    assert_eq!(refused.header("x-tollgate-request-id"), "r-1");
    assert_eq!(unknown.header("x-tollgate-request-id"), "r-2");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_came_in_base64_is_read() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);
    let mut event =
        chat("eyJtb2RlbCI6ImdwdC01LjUiLCJtZXNzYWdlcyI6W3sicm9sZSI6InVzZXIiLCJjb250ZW50IjoiYSJ9XX0=");
    event["isBase64Encoded"] = Value::Bool(true);

    assert_eq!(world.call(event).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_panic_does_not_leave_the_extension_waiting() {
    // The model panics at a call for which it has no script.
    let world = World::scripted([]);

    let panicked = AssertUnwindSafe(world.begin(event("chat"))).catch_unwind().await;

    assert!(panicked.is_err());
    assert!(world.has_released_the_extension().await);
}
