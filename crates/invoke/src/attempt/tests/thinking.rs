//! Models that think before they speak: they are silent meanwhile, and would be paid for twice.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::failover::{both, world};
use crate::testing::*;

/// A stream whose head comes at once, and whose first content after this many seconds.
fn thinks_for(secs: u64) -> Turn {
    let first = (Duration::from_secs(secs), piece(content("Paris")));
    streams([first].into_iter().chain(at_once([finish("stop"), usage_chunk(30, 5)])))
}

fn paris() -> Turn {
    streams(at_once([content("Paris"), finish("stop"), usage_chunk(30, 5)]))
}

fn asks(effort: Option<&str>, stream: bool) -> Value {
    let messages = json!([{"role": "user", "content": "a"}]);
    let mut body = json!({"model": "gpt-5.5", "stream": stream, "messages": messages});
    if let Some(effort) = effort {
        body["reasoning_effort"] = effort.into();
    }
    chat(body.to_string())
}

/// Who answers after which time, in seconds, where the first target has these members.
async fn answered(turns: [Turn; 2], members: &[(&str, Value)], event: Value) -> (String, u64) {
    let members: Vec<_> =
        members.iter().map(|(name, value)| ("first/gpt-5.5", *name, value.clone())).collect();
    let world = world(turns, &both(), &members);
    let start = Instant::now();
    let said = world.call(event).await;
    assert_eq!(said.status, 200, "{}", said.body);
    (said.header("x-tollgate-provider").to_owned(), start.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn whoever_was_asked_to_think_has_two_minutes_once_it_has_begun_to_answer() {
    for (effort, secs, by) in [("high", 110, "first"), ("none", 110, "second"), ("high", 130, "second")] {
        let (provider, took) = answered([thinks_for(secs), paris()], &[], asks(Some(effort), false)).await;

        let waits = match (by, effort) {
            ("first", _) => secs,
            (_, "none") => 5,
            _ => 120,
        };
        assert_eq!((provider.as_str(), took), (by, waits), "{effort} {secs}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_thinks_unasked_is_known_by_the_catalogue() {
    let thinks = [("thinks", json!(true))];

    let unasked = answered([thinks_for(60), paris()], &thinks, asks(None, false)).await;
    let asked_not_to = answered([thinks_for(60), paris()], &thinks, asks(Some("none"), false)).await;
    let said_how_long = [("thinks", json!(true)), ("timeouts", json!({"first_token_ms": 3_000}))];
    let told = answered([thinks_for(60), paris()], &said_how_long, asks(None, false)).await;

    assert_eq!(unasked, ("first".to_owned(), 60));
    assert_eq!(asked_not_to, ("second".to_owned(), 5));
    assert_eq!(told, ("second".to_owned(), 3));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_does_not_even_begin_is_silent_whoever_was_asked_to_think() {
    let dead = || paris().after(Duration::from_secs(600));

    for stream in [false, true] {
        let (provider, took) = answered([dead(), paris()], &[], asks(Some("high"), stream)).await;
        assert_eq!((provider.as_str(), took), ("second", 20), "{stream}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_begins_and_then_dies_ends_after_two_minutes_with_an_error() {
    let world = World::scripted([thinks_for(800)]);
    let start = Instant::now();

    let said = world.call(asks(Some("high"), true)).await;

    assert!(said.events().last().unwrap().contains("stream_broken"), "{}", said.body);
    assert!((120..=141).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_thinks_goes_on_with_pings_and_keeps_its_target() {
    let world = World::scripted([thinks_for(45), paris()]);
    let start = Instant::now();

    let (response, job) = world.begin(asks(Some("high"), true)).await;
    assert_eq!(start.elapsed().as_secs(), 20);
    assert_eq!(response.headers()["x-tollgate-provider"], "first");
    let (said, ()) = futures_util::future::join(read(response), run(job)).await;

    assert_eq!(said.events(), [content("Paris"), finish("stop"), "[DONE]".to_owned()]);
    assert_eq!(world.model.asked(), ["first.model"]);
}
