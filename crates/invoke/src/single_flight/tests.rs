use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tollgate_core::cache::purge::{Purges, Selection};
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::record::State;
use tollgate_core::settings::Document;

use crate::testing::*;

/// Routing whose default route has this cache.
fn routing(cache: &Value) -> Value {
    json!({"default": {"providers": {"first": 1}, "failover_order": ["second"], "cache": cache}})
}

fn slow(text: &str, secs: u64) -> Turn {
    answers(text, "stop", Some(usage(30, 5))).after(Duration::from_secs(secs))
}

#[tokio::test(start_paused = true)]
async fn of_identical_calls_at_once_one_asks_a_model() {
    let world = World::scripted([slow("Paris", 2)]);

    let said = join_all((0..8).map(|_| world.call(event("chat")))).await;

    assert_eq!(world.model.calls().len(), 1);
    let outcomes: Vec<&str> = said.iter().map(|said| said.header("x-tollgate-cache")).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "miss").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "hit-exact").count(), 7, "{outcomes:?}");
    assert!(said.iter().all(|each| each.status == 200 && each.body == said[0].body));
    let charged: u64 =
        (1..=8).map(|call| world.ledger.record(&format!("r-{call}")).unwrap().charged_nanos.0).sum();
    assert_eq!(Nanos(charged), Nanos(80_000));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_too_long_goes_on_alone() {
    let world = World::scripted([slow("a", 4), slow("b", 1)]);
    world.settings.write(Document::Routing, &routing(&json!({"wait_ms": 2_000})));

    let (first, second) = tokio::join!(world.call(event("chat")), async {
        let begun = tokio::time::Instant::now();
        (world.call(event("chat")).await, begun.elapsed())
    });

    let (second, took) = second;
    assert_eq!((first.status, second.status, second.header("x-tollgate-cache")), (200, 200, "miss"));
    assert!((2_000..4_000).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_keeps_nothing_lets_the_next_one_lead() {
    let cut = answers("a", "length", Some(usage(30, 5))).after(Duration::from_secs(1));
    let world = World::scripted([cut, slow("b", 1)]);

    let said = join_all((0..3).map(|_| world.call(event("chat")))).await;

    assert_eq!(world.model.calls().len(), 2);
    assert!(said.iter().all(|said| said.status == 200));
    assert!(world.cache.is_unleased());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_fails_or_is_refused_frees_the_lease() {
    let world = World::scripted([fails(ModelError::TimedOut), fails(ModelError::TimedOut)]);
    let failed = world.call(event("chat")).await;
    assert!(failed.status >= 500 && world.cache.is_unleased());

    let (_, bound) = bounds(&event("chat"));
    let refused = world.call(with_day_budget(bound - 1)).await;

    assert_eq!((refused.status, world.cache.is_unleased()), (429, true));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_dies_holds_nobody_up_for_longer_than_the_wait() {
    let world = World::scripted([slow("a", 1), slow("b", 1)]);
    // Its environment is gone: the answer is never settled, and nothing kept.
    let (_, job) = world.begin(event("chat")).await;
    drop(job);
    let begun = tokio::time::Instant::now();

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.header("x-tollgate-cache")), (200, "miss"));
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
    assert_eq!(world.ledger.record("r-2").unwrap().state, State::Settled);
}

/// A call that waits for an identical one, and what an operator does a second later.
async fn meanwhile(world: &World, change: impl FnOnce()) -> Said {
    let (_, waited, ()) = tokio::join!(world.call(event("chat")), world.call(event("chat")), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        change();
    });
    waited
}

#[tokio::test(start_paused = true)]
async fn kill_in_time_whoever_waits_is_refused_once_calls_are_stopped() {
    let world = World::scripted([slow("a", 4)]);

    let waited = meanwhile(&world, || world.settings.stop("the budget is spent")).await;

    assert_eq!((waited.status, waited.code().as_str()), (429, "budget_exceeded"));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_not_served_what_was_purged_meanwhile() {
    let world = World::scripted([slow("a", 4), slow("b", 1)]);
    let purges = Purges::default().with(Selection::default(), "op", NOON).unwrap();

    let waited = meanwhile(&world, || world.settings.write(Document::Purges, &json!(purges))).await;

    assert_eq!(waited.header("x-tollgate-cache"), "miss");
    assert_eq!(waited.json()["choices"][0]["message"]["content"], "b");
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_a_fresh_answer_waits_for_nobody_and_leads_nobody() {
    let world = World::scripted([slow("a", 2), slow("b", 2)]);
    let fresh = with_header("chat", "Cache-Control", "no-cache");

    let (one, other) = tokio::join!(world.call(fresh.clone()), world.call(fresh));

    assert_eq!((one.header("x-tollgate-cache"), other.header("x-tollgate-cache")), ("bypass", "bypass"));
    assert_eq!(world.model.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_route_without_a_wait_takes_no_lease() {
    let world = World::scripted([slow("a", 2), slow("b", 2)]);
    world.settings.write(Document::Routing, &routing(&json!({"wait_ms": 0})));

    tokio::join!(world.call(event("chat")), world.call(event("chat")));

    assert_eq!(world.model.calls().len(), 2);
}
