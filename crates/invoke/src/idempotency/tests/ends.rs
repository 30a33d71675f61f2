//! What a key is worth after calls that ended otherwise than well.

use super::*;

fn throttled() -> Turn {
    fails(ModelError::Throttled { retry_after: None })
}

fn lost() -> Turn {
    fails(ModelError::Broken("connection reset".into()))
}

fn progress(world: &World) -> Vec<Progress> {
    world.answers.all().into_iter().map(|claimed| claimed.progress).collect()
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_cost_nothing_leaves_the_key_free() {
    let world = World::scripted([throttled(), throttled(), paris()]);

    let failed = world.call(keyed(event("chat"), "k-1")).await;
    assert_eq!((failed.status, charged(&world, "r-1")), (503, Nanos::ZERO));
    assert_eq!(world.answers.all(), []);
    let retried = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!((retried.status, retried.header("idempotent-replayed")), (200, ""));
}

#[tokio::test(start_paused = true)]
async fn a_providers_refusal_leaves_the_key_free() {
    let body = json!({"error": {"message": "no"}}).to_string().into();
    let world = World::scripted([fails(ModelError::Refused { status: 400, body }), paris()]);

    assert_eq!(world.call(keyed(event("chat"), "k-1")).await.status, 400);
    let fixed = chat(r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"b"}]}"#);
    assert_eq!(world.call(keyed(fixed, "k-1")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_before_the_reservation_claims_nothing() {
    let world = World::scripted([]);
    let mut poor = keyed(event("chat"), "k-1");
    poor["requestContext"]["authorizer"]["budget"] = r#"{"budget_day_nanos":0}"#.into();

    let refused = world.call(poor).await;
    let unknown = world.call(keyed(chat(r#"{"model":"x","messages":[]}"#), "k-1")).await;

    assert!(refused.status >= 400 && unknown.status >= 400);
    assert_eq!(world.answers.all(), []);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_was_charged_is_said_again() {
    let world = World::scripted([lost(), throttled()]);

    let failed = world.call(keyed(event("chat"), "k-1")).await;
    let again = world.call(keyed(event("chat"), "k-1")).await;

    assert!(charged(&world, "r-1") > Nanos::ZERO);
    assert_eq!((again.status, &again.body), (failed.status, &failed.body));
    assert_eq!((again.header("idempotent-replayed"), again.header("x-should-retry")), ("true", "false"));
    assert_eq!(again.header("retry-after"), "");
    assert_eq!(world.model.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_silent_truncation_a_broken_stream_is_replayed_with_its_error() {
    let pieces = [
        (Duration::ZERO, piece(content("Par"))),
        (Duration::ZERO, Err(ModelError::Broken("connection reset".into()))),
    ];
    let world = World::scripted([streams(pieces)]);

    let first = world.call(keyed(event("stream"), "k-1")).await;
    let again = world.call(keyed(event("stream"), "k-1")).await;

    assert!(first.body.contains("stream_broken"));
    assert_eq!(again.body, first.body);
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_left_gets_the_whole_stream_under_its_key() {
    let world = World::scripted([stream_of_paris()]);
    let (response, job) = world.begin(keyed(event("stream"), "k-1")).await;
    drop(response);
    run(job).await;

    let again = world.call(keyed(event("stream"), "k-1")).await;

    assert_eq!(again.events(), [role(), content("Paris"), finish("stop"), "[DONE]".to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_could_not_be_kept_is_lost_and_that_is_said() {
    let world = World::scripted([paris()]);
    world.answers.break_down("keep");
    world.call(keyed(event("chat"), "k-1")).await;

    let lost = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!((lost.status, lost.code().as_str()), (409, "idempotency_answer_lost"));
    assert!(lost.body.contains("r-1"));
    assert_eq!((lost.header("x-should-retry"), lost.header("retry-after")), ("false", ""));
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_does_not_hold_up_the_settlement() {
    let world = World::scripted([paris()]);
    world.answers.silence("keep");
    let start = tokio::time::Instant::now();

    world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!(world.record().state, State::Settled);
    assert!(start.elapsed() <= Duration::from_secs(4));
    let latency = Duration::from_micros(world.record().end.unwrap().latency_us);
    assert!(latency < Duration::from_secs(1), "the answer was there before: {latency:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_killed_after_it_was_sent_is_never_made_twice() {
    let world = World::scripted([paris()]);
    let (_, job) = world.begin(keyed(event("chat"), "k-1")).await;
    drop(job);

    let before = world.call(keyed(event("chat"), "k-1")).await;
    world.ledger.expire(NOON.plus(DAY / 24));
    let after = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!(before.code(), "still_running");
    assert_eq!(after.code(), "idempotency_answer_lost");
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_killed_before_it_was_sent_makes_room_for_one_other() {
    let world = uncached([Turn { delay: Duration::from_secs(1), ..paris() }]);
    world.ledger.set_mood("reserve", Mood::Lossy);
    assert_eq!(world.call(keyed(event("chat"), "k-1")).await.status, 503);
    world.ledger.set_mood("reserve", Mood::Well);

    let early = world.call(keyed(event("chat"), "k-1")).await;
    world.ledger.expire(NOON.plus(DAY / 24));
    let said = join_all((0..8).map(|_| world.call(keyed(event("chat"), "k-1")))).await;

    assert_eq!(early.code(), "still_running");
    assert_eq!(said.iter().filter(|said| said.status == 200).count(), 1);
    assert_eq!(said.iter().filter(|said| said.status == 409).count(), 7);
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_could_not_be_freed_is_freed_by_the_next_call() {
    let world = World::scripted([throttled(), throttled(), paris()]);
    world.answers.break_down("free");
    world.call(keyed(event("chat"), "k-1")).await;
    assert_eq!(progress(&world), [Progress::Running]);

    let refused = world.call(keyed(event("chat"), "k-1")).await;
    world.answers.break_down("nothing");
    let retried = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!((refused.status, retried.status), (503, 200));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_not_freed_before_the_ledger_knows_that_nothing_is_charged() {
    let world = World::scripted([throttled(), throttled()]);
    world.ledger.set_mood("close", Mood::Down);

    world.call(keyed(event("chat"), "k-1")).await;
    let retried = world.call(keyed(event("chat"), "k-1")).await;

    assert_eq!(progress(&world), [Progress::Running]);
    assert_eq!(retried.code(), "still_running");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_kept_for_its_key_up_to_six_megabytes() {
    let long = |megabytes: usize| {
        let piece = "x".repeat(1 << 20);
        let mut pieces = vec![content(&piece); megabytes];
        pieces.push(finish("stop"));
        pieces.push(usage_chunk(30, 5));
        streams(at_once(pieces))
    };
    let turns = vec![long(5), long(6)];
    let world = World::of(Setup { cache_ttl: Duration::ZERO, turns, ..Setup::default() });

    let first = world.call(keyed(event("stream"), "k-1")).await;
    let again = world.call(keyed(event("stream"), "k-1")).await;
    assert!(again.body == first.body && again.header("x-tollgate-cache") == "replay");

    world.call(keyed(event("stream"), "k-2")).await;
    let lost = world.call(keyed(event("stream"), "k-2")).await;
    assert_eq!(lost.code(), "idempotency_answer_lost");
}

#[tokio::test(start_paused = true)]
async fn where_calls_are_settled_before_the_end_a_replay_is_there_at_once() {
    let settle = crate::config::Settle::BeforeEnd;
    let world = World::of(Setup { settle, turns: vec![stream_of_paris()], ..Setup::default() });

    let first = world.call(keyed(event("stream"), "k-1")).await;
    let again = world.call(keyed(event("stream"), "k-1")).await;

    assert_eq!((again.header("x-tollgate-cache"), &again.body), ("replay", &first.body));
}
