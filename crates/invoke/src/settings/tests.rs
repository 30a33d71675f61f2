mod standing;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::advance;
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::record::State;
use tollgate_core::settings::Document;

use crate::testing::*;

fn turns(count: usize) -> Vec<Turn> {
    (0..count).map(|_| answers("a", "stop", Some(usage(1, 1)))).collect()
}

/// An event that no cache answers.
fn fresh() -> serde_json::Value {
    with_header("chat", "Cache-Control", "no-store")
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_stopped_are_refused_and_leave_only_the_line_that_counts_them() {
    let world = World::scripted([]);
    world.settings.stop("the budget gpt is used up");

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str()), (429, "budget_exceeded"));
    assert_eq!(said.json()["error"]["message"], "calls are stopped: the budget gpt is used up");
    assert!(world.is_untouched());
    let lines = take_lines();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&line["Budget.Refused.Count"], &line["Team"]), (&json!(1), &json!("search")));
    assert_eq!(line["fields"]["code"], "budget_exceeded");
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_stopped_are_not_served_from_the_cache_either() {
    let world = World::scripted(turns(1));
    world.call(event("chat")).await;

    world.settings.stop("stop");
    advance(Duration::from_secs(2)).await;

    assert_eq!(world.call(event("chat")).await.code(), "budget_exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_cannot_be_read_stops_calls() {
    let world = World::scripted([]);
    *world.settings.head.lock().unwrap() = Err(());

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str()), (503, "gateway_unavailable"));
    assert_eq!(said.header("retry-after"), "5");
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_not_seeded_says_so() {
    let world = World::scripted([]);
    *world.settings.head.lock().unwrap() = Ok(None);

    let said = world.call(event("chat")).await;

    assert_eq!(said.status, 503);
    assert!(said.body.contains("not seeded"), "{}", said.body);
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn a_flag_is_used_for_a_second_and_not_a_moment_longer() {
    let world = World::scripted(turns(3));
    world.call(fresh()).await;

    advance(Duration::from_millis(999)).await;
    world.call(fresh()).await;
    assert_eq!(world.settings.reads("head"), 1);

    advance(Duration::from_millis(1)).await;
    world.call(fresh()).await;
    assert_eq!(world.settings.reads("head"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_has_grown_old_blocks_rather_than_serves() {
    let world = World::scripted(turns(1));
    world.call(fresh()).await;
    *world.settings.head.lock().unwrap() = Err(());

    advance(Duration::from_secs(2)).await;

    assert_eq!(world.call(fresh()).await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn kill_in_time_a_second_attempt_sees_a_flag_that_fell_during_the_first() {
    let world = World::scripted([]);
    let settings = world.settings.clone();
    let mut slow = fails(ModelError::Unavailable("down".into()));
    slow.delay = Duration::from_secs(3);
    slow.meanwhile = Box::new(move || settings.stop("the budget is used up"));
    world.model.add(slow);

    let said = world.call(event("chat")).await;

    let record = world.record();
    assert_eq!((said.status, said.code().as_str()), (429, "budget_exceeded"));
    assert_eq!(world.model.asked(), ["first.model"]);
    assert_eq!((record.state, record.charged_nanos), (State::Released, Nanos::ZERO));
    assert_eq!(record.end.unwrap().outcome, "budget_exceeded");
}

#[tokio::test(start_paused = true)]
async fn documents_are_read_again_when_the_head_says_so_and_only_then() {
    let world = World::scripted(turns(3));
    world.call(fresh()).await;
    advance(Duration::from_secs(3)).await;
    world.call(fresh()).await;
    assert_eq!(world.settings.reads("prices"), 1);

    world.settings.set_head(|head| head.prices = 2);
    advance(Duration::from_secs(3)).await;
    world.call(fresh()).await;

    assert_eq!(world.settings.reads("prices"), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_documents_serve_for_five_minutes_while_newer_ones_cannot_be_read() {
    let world = World::scripted(turns(2));
    world.call(fresh()).await;
    *world.settings.documents.lock().unwrap() = Err(());
    world.settings.set_head(|head| head.catalogue = 2);

    advance(Duration::from_secs(299)).await;
    let within = world.call(fresh()).await;
    advance(Duration::from_secs(1)).await;
    let after = world.call(fresh()).await;

    assert_eq!((within.status, after.status), (200, 503));
    assert_eq!(after.code(), "gateway_unavailable");
}

#[tokio::test(start_paused = true)]
async fn documents_that_are_garbled_are_as_unreadable() {
    let dangling = r#"{"models":{"m":{"owned_by":"o","created":1,"targets":["gone"],"default_output_tokens":1}},"targets":{}}"#;
    for text in ["{", r#"{"models":{},"targets":{},"strange":1}"#, dangling] {
        let world = World::scripted([]);
        let garble = |documents: &mut HashMap<_, _>| documents.insert(Document::Catalogue, text.to_owned());
        world.settings.documents.lock().unwrap().as_mut().map(garble).unwrap();

        let said = world.call(fresh()).await;

        assert_eq!((said.status, said.code().as_str()), (503, "gateway_unavailable"), "{text}");
        assert!(world.is_untouched(), "{text}");
    }
}
