//! Who else is asked, how often, and who is not.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::settings::Document;

use super::refusal;
use crate::testing::*;

fn paris() -> Turn {
    answers("Paris", "stop", Some(usage(30, 5)))
}

fn down() -> Turn {
    fails(ModelError::Unavailable("down".into()))
}

/// A world with this route, and targets with these members.
pub(super) fn world(turns: impl Into<Vec<Turn>>, route: &Value, members: &[(&str, &str, Value)]) -> World {
    let world = World::scripted(turns);
    let mut catalogue: Value = {
        let documents = world.settings.documents.lock().unwrap();
        serde_json::from_str(&documents.as_ref().unwrap()[&Document::Catalogue]).unwrap()
    };
    for (target, member, value) in members {
        catalogue["targets"][target][member] = value.clone();
    }
    world.settings.write(Document::Catalogue, &catalogue);
    world.settings.write(Document::Routing, &json!({"default": route}));
    world
}

pub(super) fn both() -> Value {
    json!({"providers": {"first": 1}, "failover_order": ["second"]})
}

/// The second target takes longer requests, and the route says so; nobody else stands in for the first.
fn longer(turns: impl Into<Vec<Turn>>, context_tokens: u64) -> World {
    let route = json!({"providers": {"first": 1}, "longer_context": "second"});
    world(turns, &route, &[("second/gpt-5.5", "context_tokens", context_tokens.into())])
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_goes_to_the_larger_target_that_the_route_names() {
    let world = longer([fails(refusal()), paris()], 200_000);

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "second"));
    assert_eq!(said.header("x-tollgate-attempts"), "2");
    // 30 × 2,000 + 5 × 20,000 nano-dollars, and nothing for the refusal.
    assert_eq!(world.record().charged_nanos, Nanos(160_000));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_goes_to_nobody_who_takes_no_more() {
    let world = longer([fails(refusal())], 100_000);

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str()), (400, "context_length_exceeded"));
    assert_eq!(world.model.asked(), ["first.model"]);
}

#[tokio::test(start_paused = true)]
async fn no_other_mistake_of_a_caller_and_no_filtered_content_goes_to_a_second_target() {
    for code in ["null", "\"content_filter\"", "\"content_policy_violation\"", "\"invalid_value\""] {
        let body = Bytes::from(format!(r#"{{"error":{{"message":"m","code":{code}}}}}"#));
        let world = longer([fails(ModelError::Refused { status: 400, body })], 200_000);

        let said = world.call(event("chat")).await;

        assert_eq!(said.status, 400, "{code}");
        assert_eq!(world.model.asked(), ["first.model"], "{code}");
        assert_eq!(world.record().charged_nanos, Nanos::ZERO, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_larger_target_counts_as_an_attempt() {
    let route = json!({"providers": {"first": 1}, "failover_order": ["second"], "longer_context": "second"});
    let members = [("second/gpt-5.5", "context_tokens", 200_000.into())];

    // It has been asked already, and it is not larger than itself.
    let world = world([down(), fails(refusal())], &route, &members);
    let said = world.call(event("chat")).await;

    assert_eq!((said.status, world.model.asked().len()), (400, 2));
}

#[tokio::test(start_paused = true)]
async fn a_larger_target_that_fails_is_said_to_have_failed() {
    let world = longer([fails(refusal()), fails(ModelError::Unauthorized("expired".into()))], 200_000);

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str()), (503, "provider_unavailable"));
    assert_eq!(world.record().charged_nanos, Nanos::ZERO);
}

#[tokio::test(start_paused = true)]
async fn at_most_as_many_calls_are_made_as_the_route_says() {
    for (most, asked) in [(1, vec!["first.model"]), (2, vec!["first.model", "second.model"])] {
        let mut route = both();
        route["max_attempts"] = most.into();
        let world = world([down(), down()], &route, &[]);

        assert_eq!(world.call(event("chat")).await.status, 503);
        assert_eq!(world.model.asked(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_passed_over_uses_up_no_call() {
    let mut route = both();
    route["max_attempts"] = 1.into();
    let members = [("first/gpt-5.5", "quota", json!({"tokens_per_minute": 1}))];
    let world = world([paris(), paris()], &route, &members);
    let fresh = || with_header("chat", "cache-control", "no-store");

    let said = [world.call(fresh()).await, world.call(fresh()).await];

    let providers = said.each_ref().map(|said| said.header("x-tollgate-provider"));
    assert_eq!(providers, ["first", "second"]);
    assert_eq!(world.model.asked(), ["first.model", "second.model"]);
}

#[tokio::test(start_paused = true)]
async fn a_time_for_the_first_token_that_the_catalogue_names_stands() {
    let timeouts = json!({"first_token_ms": 700});
    let members = [("first/gpt-5.5", "timeouts", timeouts)];
    let slow = streams(at_once([content("late")])).after(Duration::from_secs(60));
    let whole = at_once([content("b"), finish("stop"), usage_chunk(30, 5)]);
    let world = world([slow, streams(whole)], &both(), &members);
    let start = Instant::now();

    let (response, job) = world.begin(event("stream")).await;

    assert_eq!(start.elapsed().as_millis(), 700);
    assert_eq!(response.headers()["x-tollgate-provider"], "second");
    futures_util::future::join(read(response), run(job)).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_target_cannot_drown_the_one_that_stands_in() {
    let members = [("second/gpt-5.5", "quota", json!({"requests_per_minute": 4}))];
    let turns = [down(), paris(), down(), paris(), down()];
    let world = world(turns, &both(), &members);
    let fresh = || with_header("chat", "cache-control", "no-store");

    let answered = [world.call(fresh()).await, world.call(fresh()).await];
    let refused = world.call(fresh()).await;

    assert!(answered.iter().all(|said| said.header("x-tollgate-provider") == "second"));
    assert_eq!((refused.status, refused.code().as_str()), (503, "provider_unavailable"));
    assert_eq!(refused.header("retry-after"), "60");
    assert!(refused.body.contains("over our share of its quota"), "{}", refused.body);
    assert_eq!(world.ledger.record("r-3").unwrap().charged_nanos, Nanos::ZERO);
    // Its own callers still find room.
    world.model.add(paris());
    let own = r#"{"model":"plain","messages":[{"role":"user","content":"a"}],"max_completion_tokens":9}"#;
    world.settings.write(Document::Routing, &json!({"default": {"providers": {"second": 1}}}));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(world.call(chat(own)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_retry_draws_from_the_same_bucket() {
    let route = json!({"providers": {"first": 1}});
    let members = [("first/gpt-5.5", "quota", json!({"failover_per_minute": 1}))];
    let busy = || fails(ModelError::Throttled { retry_after: None });
    let world = world([busy(), busy(), busy()], &route, &members);
    let fresh = || with_header("chat", "cache-control", "no-store");

    world.call(fresh()).await;
    let said = world.call(fresh()).await;

    // The second call was not allowed to ask again.
    assert_eq!((said.status, world.model.asked().len()), (503, 3));
    assert_eq!(said.header("retry-after"), "60");
}
