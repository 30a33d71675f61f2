mod ends;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tollgate_core::idempotency::Progress;
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::record::{CacheOutcome, State};

use crate::testing::*;

const DAY: Duration = Duration::from_secs(86_400);

/// An event that brings a key.
fn keyed(mut event: Value, key: &str) -> Value {
    event["headers"]["Idempotency-Key"] = key.into();
    event["multiValueHeaders"]["Idempotency-Key"] = json!([key]);
    event
}

fn paris() -> Turn {
    answers("Paris", "stop", Some(usage(30, 5)))
}

fn stream_of_paris() -> Turn {
    streams(at_once([role(), content("Paris"), finish("stop"), usage_chunk(30, 5)]))
}

fn uncached(turns: impl Into<Vec<Turn>>) -> World {
    World::of(Setup { turns: turns.into(), cache_ttl: Duration::ZERO, ..Setup::default() })
}

fn charged(world: &World, id: &str) -> Nanos {
    world.ledger.record(id).expect("the call is in the ledger").charged_nanos
}

#[tokio::test(start_paused = true)]
async fn the_same_key_and_body_is_answered_once_more_and_charged_once() {
    let world = World::scripted([paris()]);

    let first = world.call(keyed(event("chat"), "k-1")).await;
    let again = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("x-tollgate-cache"), "replay");
    assert_eq!(again.header("x-tollgate-original-request-id"), "r-1");
    assert_eq!(again.header("x-tollgate-request-id"), "r-2");
    assert_eq!((again.header("x-tollgate-provider"), again.header("x-tollgate-cost-usd")), ("first", "0"));
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(world.model.calls().len(), 1);
    let entered = world.ledger.record("r-2").unwrap();
    assert_eq!((entered.state, entered.cache), (State::Settled, CacheOutcome::Replay));
    assert_eq!((entered.charged_nanos, entered.reserved_nanos), (Nanos::ZERO, Nanos::ZERO));
    assert_eq!(entered.end.unwrap().outcome, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_replayed_as_the_stream_it_was() {
    let world = World::scripted([stream_of_paris()]);

    let first = world.call(keyed(event("stream"), "k-1")).await;
    let again = world.call(keyed(event("stream"), "k-1")).await;

    assert_eq!(again.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.body, first.body);
    assert_eq!(again.events().last().unwrap(), "[DONE]");
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_dialect_is_replayed() {
    let embedding = json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}});
    let response = json!({"id": "resp_1", "object": "response", "status": "completed", "output": [],
        "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}});
    for (path, body, turn) in [
        ("/v1/embeddings", r#"{"model":"embedder","input":"a"}"#, embedding),
        ("/v1/responses", r#"{"model":"gpt-5.5","input":"a"}"#, response),
    ] {
        let world = World::scripted([whole(&turn)]);

        let first = world.call(keyed(post(path, body), "k-1")).await;
        let again = world.call(keyed(post(path, body), "k-1")).await;

        assert_eq!((first.status, &again.body), (200, &first.body), "{path}");
        assert_eq!(again.header("x-tollgate-cache"), "replay", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_key_nothing_is_deduplicated() {
    let world = uncached([paris(), paris()]);

    world.call(event("chat")).await;
    world.call(event("chat")).await;

    assert_eq!(world.model.calls().len(), 2);
    assert_eq!((world.answers.all(), world.answers.reads()), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn another_body_or_dialect_under_the_same_key_is_refused() {
    let world = World::scripted([paris()]);
    world.call(keyed(event("chat"), "k-1")).await;
    let body = event("chat")["body"].as_str().unwrap().replace("France", "Italy");
    let spaced = event("chat")["body"].as_str().unwrap().replace("{\"model\"", "{ \"model\"");
    let response = r#"{"model":"gpt-5.5","input":"a"}"#;

    for other in [chat(body), chat(spaced), post("/v1/responses", response)] {
        let refused = world.call(keyed(other, "k-1")).await;

        assert_eq!((refused.status, refused.code().as_str()), (409, "idempotency_key_reused"));
        assert_eq!((refused.header("x-should-retry"), refused.header("retry-after")), ("false", ""));
    }
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_still_runs_is_waited_for() {
    let world = World::scripted([stream_of_paris()]);
    let (response, job) = world.begin(keyed(event("stream"), "k-1")).await;

    let early = world.call(keyed(event("stream"), "k-1")).await;
    let (first, ()) = futures_util::future::join(read(response), run(job)).await;
    let late = world.call(keyed(event("stream"), "k-1")).await;

    assert_eq!((early.status, early.code().as_str()), (409, "still_running"));
    assert_eq!((early.header("retry-after"), early.header("x-should-retry")), ("1", ""));
    assert_eq!(late.body, first.body);
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn exactly_once_of_calls_at_once_under_one_key_one_is_made() {
    let turn = Turn { delay: Duration::from_secs(1), ..paris() };
    let world = uncached([turn]);

    let said = join_all((0..32).map(|_| world.call(keyed(event("chat"), "k-1")))).await;
    let after = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!(said.iter().filter(|said| said.status == 200).count(), 1);
    let others = said.iter().filter(|said| said.status == 409 && said.code() == "still_running");
    assert_eq!(others.count(), 31);
    assert_eq!(after.header("idempotent-replayed"), "true");
    assert_eq!(world.model.calls().len(), 1);
    assert_eq!(world.ledger.steps().iter().filter(|step| **step == "close").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_leak_two_users_never_meet_under_one_key() {
    let world = uncached([paris(), answers("Rome", "stop", Some(usage(30, 5)))]);
    let mut bobs = keyed(event("chat"), "k-1");
    bobs["requestContext"]["authorizer"]["user"] = "bob".into();

    let alices = world.call(keyed(event("chat"), "k-1")).await;
    let bobs = world.call(bobs).await;

    assert!(alices.body.contains("Paris") && bobs.body.contains("Rome"));
    assert_eq!(bobs.header("idempotent-replayed"), "");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_forgotten_after_a_day() {
    let world = uncached([paris(), answers("Rome", "stop", Some(usage(30, 5)))]);
    world.call(keyed(event("chat"), "k-1")).await;

    tokio::time::advance(DAY - Duration::from_secs(1)).await;
    let within = world.call(keyed(event("chat"), "k-1")).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let beyond = world.call(keyed(event("chat"), "k-1")).await;

    assert!(within.body.contains("Paris") && beyond.body.contains("Rome"));
    assert_eq!(world.answers.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_goes_before_the_exact_cache_and_a_hit_needs_no_claim() {
    let world = World::scripted([paris()]);
    world.call(event("chat")).await;

    let hit = world.call(keyed(event("chat"), "k-1")).await;
    assert_eq!(hit.header("x-tollgate-cache"), "hit-exact");
    assert_eq!(world.answers.all(), []);

    let other = chat(r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"b"}]}"#);
    world.model.add(paris());
    world.call(keyed(other, "k-1")).await;
    let refused = world.call(keyed(event("chat"), "k-1")).await;
    assert_eq!(refused.code(), "idempotency_key_reused");
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_said_a_key_has_visible_characters_and_there_is_one() {
    let world = World::scripted([paris()]);
    // The runtime keeps all values only of a header that comes in the list of lists alone.
    let several = |keys: [&str; 2]| {
        let mut several = event("chat");
        several["multiValueHeaders"]["IDEMPOTENCY-key"] = json!(keys);
        several
    };

    let keys = ["", "a b", &"x".repeat(256)];
    for bad in keys.map(|key| keyed(event("chat"), key)).into_iter().chain([several(["k-1", "k-2"])]) {
        let refused = world.call(bad).await;
        assert_eq!(
            (refused.status, refused.json()["error"]["param"].as_str()),
            (400, Some("idempotency-key"))
        );
        assert!(world.is_untouched());
    }
    assert_eq!(world.call(several(["k-1", "k-1"])).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_looked_up_is_no_free_key() {
    let world = World::scripted([]);
    world.answers.break_down("find");

    let refused = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn no_secret_out_the_key_itself_is_written_nowhere() {
    let world = World::scripted([paris()]);

    world.call(keyed(event("chat"), "order-4711")).await;

    let written = format!("{:?}{:?}", world.answers.all(), world.record());
    assert!(!written.contains("order-4711"));
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_stopped_are_not_replayed() {
    let world = World::scripted([paris()]);
    world.call(keyed(event("chat"), "k-1")).await;

    world.settings.stop("the budget is spent");
    tokio::time::advance(Duration::from_secs(2)).await;
    let stopped = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!((stopped.status, stopped.code().as_str()), (429, "budget_exceeded"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_kept_between_two_looks_is_replayed() {
    let world = Arc::new(World::scripted([paris()]));
    let (response, job) = world.begin(keyed(event("chat"), "k-1")).await;
    let first = read(response).await;
    let job = std::sync::Mutex::new(job);
    let finish = move || {
        use futures_util::FutureExt;
        let job = job.lock().unwrap().take().unwrap();
        assert!(job.now_or_never().is_some(), "nothing in memory waits");
    };
    world.answers.after_find(finish);

    let again = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!((again.status, again.body), (200, first.body));
}
