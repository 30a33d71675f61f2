//! The same target once more, after a pause.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use tollgate_core::breaker::State;
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::outcome::Cause;
use tollgate_core::settings::Document;

use super::refusal;
use crate::testing::*;

/// A world in which nobody but the first target serves, and providers are called so often at most.
fn alone(turns: impl Into<Vec<Turn>>, most: u8) -> World {
    let world = World::scripted(turns);
    let route = json!({"default": {"providers": {"first": 1}, "max_attempts": most}});
    world.settings.write(Document::Routing, &route);
    world
}

fn throttled(retry_after: Option<Duration>) -> Turn {
    fails(ModelError::Throttled { retry_after })
}

fn paris() -> Turn {
    answers("Paris", "stop", Some(usage(30, 5)))
}

#[tokio::test(start_paused = true)]
async fn the_last_target_is_asked_once_more_when_it_was_too_busy_to_begin() {
    let busy = [throttled(None), fails(ModelError::Unavailable("down".into()))];
    for turn in busy {
        let world = alone([turn, paris()], 2);
        let start = Instant::now();

        let said = world.call(event("chat")).await;

        assert_eq!((said.status, said.header("x-tollgate-attempts")), (200, "2"));
        assert_eq!(world.model.asked(), ["first.model", "first.model"]);
        // Full jitter: the tests draw the longest pause.
        assert!((99..=101).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        let (record, bound) = (world.record(), bounds(&event("chat")).0);
        // 30 × 1,000 + 5 × 10,000 nano-dollars: what failed cost nothing, and needed no second reservation.
        assert_eq!((record.charged_nanos, record.reserved_nanos), (Nanos(80_000), Nanos(bound)));
        assert!(!record.end.unwrap().estimated);
    }
}

#[tokio::test(start_paused = true)]
async fn streams_are_asked_once_more_too() {
    let whole = at_once([content("b"), finish("stop"), usage_chunk(30, 5)]);
    let world = alone([throttled(None), streams(whole)], 2);

    let said = world.call(event("stream")).await;

    assert_eq!(said.events().last().unwrap(), "[DONE]");
    assert_eq!(world.model.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_wish_to_be_left_alone_is_kept_and_a_long_one_is_told() {
    let short = alone([throttled(Some(Duration::from_secs(2))), paris()], 2);
    let start = Instant::now();
    assert_eq!(short.call(event("chat")).await.status, 200);
    assert!((2_099..=2_101).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());

    let long = alone([throttled(Some(Duration::from_millis(2_001)))], 2);
    let said = long.call(event("chat")).await;

    assert_eq!((said.status, said.header("retry-after")), (503, "3"));
    assert_eq!(long.model.asked().len(), 1);
    assert_eq!(long.record().charged_nanos, Nanos::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_cure_or_may_be_billed_is_not_asked_again() {
    let errors = [
        ModelError::Unauthorized("expired".into()),
        ModelError::Spent("credit".into()),
        ModelError::Gone("model".into()),
        ModelError::TimedOut,
        ModelError::Garbled("<html>".into()),
        ModelError::Broken("reset".into()),
        refusal(),
    ];
    for error in errors {
        let kind = error.to_string();
        let world = alone([fails(error)], 5);

        let said = world.call(event("chat")).await;

        assert_ne!(said.status, 200, "{kind}");
        assert_eq!(world.model.asked().len(), 1, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_once_more_only_however_many_calls_the_route_allows() {
    let world = alone([throttled(None), throttled(None)], 5);

    let said = world.call(event("chat")).await;

    assert_eq!(said.status, 503);
    assert_eq!(world.model.asked().len(), 2);
    let causes: Vec<_> = world.record().tries.iter().map(|tried| tried.cause).collect();
    assert_eq!(causes, [Cause::Throttle, Cause::Throttle]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_one_call() {
    let world = alone([throttled(None)], 5);
    world.breakers.set("first/gpt-5.5", State::Open { until_us: NOON });

    assert_eq!(world.call(event("chat")).await.status, 503);
    assert_eq!(world.model.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_route_of_one_attempt_asks_once() {
    let world = alone([throttled(None)], 1);

    assert_eq!(world.call(event("chat")).await.status, 503);
    assert_eq!(world.model.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn there_is_no_pause_while_another_target_is_left() {
    let world = World::scripted([throttled(None), paris()]);
    let start = Instant::now();

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "second"));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_pause_doubles_with_each_call_that_was_made() {
    let world = World::scripted([throttled(None), throttled(None), paris()]);
    let route =
        json!({"default": {"providers": {"first": 1}, "failover_order": ["second"], "max_attempts": 3}});
    world.settings.write(Document::Routing, &route);
    let start = Instant::now();

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.header("x-tollgate-attempts")), (200, "3"));
    assert_eq!(world.model.asked(), ["first.model", "second.model", "second.model"]);
    assert!((199..=201).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_deadline_does_not_hold_is_not_made() {
    let late = throttled(Some(Duration::from_secs(2))).after(LAMBDA_TIME - Duration::from_secs(3));
    let world = alone([late], 2);
    let mut catalogue = catalogue(&world);
    catalogue["targets"]["first/gpt-5.5"]["timeouts"] = json!({"first_token_ms": 900_000});
    world.settings.write(Document::Catalogue, &catalogue);

    let said = world.call(event("stream")).await;

    assert_eq!(said.status, 503);
    assert_eq!(world.model.asked().len(), 1);
}

fn catalogue(world: &World) -> serde_json::Value {
    let documents = world.settings.documents.lock().unwrap();
    serde_json::from_str(&documents.as_ref().unwrap()[&Document::Catalogue]).unwrap()
}
