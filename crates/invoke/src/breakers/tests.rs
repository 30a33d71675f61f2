use std::time::Duration;

use tollgate_core::breaker::State;
use tollgate_core::model::ModelError;
use tollgate_core::outcome::Cause;

use crate::testing::*;

const FIRST: &str = "first/gpt-5.5";
const SECOND: &str = "second/gpt-5.5";

fn answer() -> Turn {
    answers("Paris", "stop", Some(usage(30, 5)))
}

fn down() -> Turn {
    fails(ModelError::Unavailable("down".into()))
}

fn open_for(secs: u64) -> State {
    State::Open { until_us: NOON.plus(Duration::from_secs(secs)) }
}

/// The chat, so that no cache answers it.
fn fresh() -> serde_json::Value {
    with_header("chat", "cache-control", "no-store")
}

#[tokio::test(start_paused = true)]
async fn an_open_target_is_left_alone_and_the_ledger_says_so() {
    let world = World::scripted([answer()]);
    world.breakers.set(FIRST, open_for(10));

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "second"));
    assert_eq!(world.model.asked(), ["second.model"]);
    assert_eq!(world.record().kept_from, [FIRST]);
}

#[tokio::test(start_paused = true)]
async fn where_every_target_is_open_the_caller_is_told_when_to_come_back() {
    let world = World::scripted([]);
    world.breakers.set(FIRST, open_for(40));
    world.breakers.set(SECOND, open_for(10));

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str()), (503, "provider_unavailable"));
    assert_eq!(said.header("retry-after"), "10");
    let message = said.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("first/gpt-5.5: its breaker is open"), "{message}");
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn after_the_cool_down_one_call_probes_and_the_others_go_elsewhere() {
    let world = World::scripted([answer(), answer()]);
    world.breakers.set(FIRST, open_for(0));

    let (probe, other) = (world.call(fresh()).await, world.call(fresh()).await);

    assert_eq!(probe.header("x-tollgate-provider"), "first");
    assert_eq!(other.header("x-tollgate-provider"), "second");
    assert!(matches!(world.breakers.state(FIRST), State::HalfOpen { probe_until_us: Some(_) }));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_win_the_probe_does_not_ask() {
    for mood in [Mood::Contended, Mood::Well] {
        let world = World::scripted([answer()]);
        world.breakers.set(FIRST, open_for(0));
        *world.breakers.mood.lock().unwrap() = mood;

        let said = world.call(event("chat")).await;

        let provider = if mood == Mood::Contended { "second" } else { "first" };
        assert_eq!((said.status, said.header("x-tollgate-provider")), (200, provider), "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_probe_of_the_only_target_is_a_503_that_costs_nothing() {
    let world = World::scripted([]);
    world.breakers.set(FIRST, open_for(0));
    world.breakers.set(SECOND, open_for(10));
    *world.breakers.mood.lock().unwrap() = Mood::Contended;

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str()), (503, "provider_unavailable"));
    assert_eq!(world.record().charged_nanos, tollgate_core::money::Nanos::ZERO);
    assert!(world.model.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_returning_target_gets_a_share_and_is_the_last_resort_of_the_rest() {
    let world = World::scripted((0..40).map(|_| answer()).collect::<Vec<_>>());
    world.breakers.set(FIRST, State::HalfOpen { probe_until_us: None });

    for _ in 0..20 {
        assert_eq!(world.call(fresh()).await.status, 200);
    }
    let spared = world.model.asked().iter().filter(|asked| *asked == "second.model").count();
    world.breakers.set(SECOND, open_for(900));
    tokio::time::advance(Duration::from_secs(2)).await;
    for _ in 0..20 {
        assert_eq!(world.call(fresh()).await.header("x-tollgate-provider"), "first");
    }

    assert!(spared >= 15, "{spared}");
}

#[tokio::test(start_paused = true)]
async fn three_failures_lead_this_environment_past_a_target_without_the_fleet() {
    for mood in [Mood::Down, Mood::Silent] {
        let mut turns: Vec<_> = (0..3).flat_map(|_| [down(), answer()]).collect();
        turns.extend([answer(), down(), answer()]);
        let world = World::scripted(turns);
        *world.breakers.mood.lock().unwrap() = mood;

        for _ in 0..4 {
            assert_eq!(world.call(fresh()).await.status, 200, "{mood:?}");
        }
        let asked = world.model.asked();
        tokio::time::advance(Duration::from_secs(5)).await;
        world.call(fresh()).await;

        assert_eq!(asked.iter().filter(|asked| *asked == "first.model").count(), 3, "{mood:?}");
        assert_eq!(world.model.asked()[7], "first.model", "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_to_be_left_alone_is() {
    let retry_after = Some(Duration::from_secs(8));
    let world = World::scripted([fails(ModelError::Throttled { retry_after }), answer(), answer(), answer()]);

    world.call(fresh()).await;
    world.call(fresh()).await;
    tokio::time::advance(Duration::from_secs(8)).await;
    world.call(fresh()).await;

    assert_eq!(world.model.asked(), ["first.model", "second.model", "second.model", "first.model"]);
}

#[tokio::test(start_paused = true)]
async fn each_request_leaves_its_outcome_in_the_ledger() {
    let retry_after = Some(Duration::from_millis(7_500));
    let mut slow = fails(ModelError::Throttled { retry_after });
    slow.delay = Duration::from_secs(2);
    let world = World::scripted([slow, answer()]);

    world.call(event("chat")).await;

    let tries = world.record().tries;
    let told: Vec<_> = tries.iter().map(|tried| (tried.target.as_str(), tried.cause)).collect();
    assert_eq!(told, [(FIRST, Cause::Throttle), (SECOND, Cause::Ok)]);
    assert_eq!((tries[0].began_us, tries[0].took_us), (NOON, 2_000_000));
    assert_eq!(tries[0].retry_after_secs, Some(8));
    assert_eq!(tries[1].began_us, NOON.plus(Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_a_stream_is_its_end() {
    let reset = (Duration::from_secs(3), Err(ModelError::Broken("reset".into())));
    let begun = at_once([role(), content("Par")]);
    let world = World::scripted([streams(begun.into_iter().chain([reset]).collect::<Vec<_>>())]);

    world.call(event("stream")).await;

    let [tried] = &world.record().tries[..] else { panic!("one request left") };
    assert_eq!((tried.cause, tried.first_us, tried.took_us), (Cause::Broken, Some(0), 3_000_000));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_on_says_nothing_against_a_target() {
    let many = (0..200).map(|_| content("word"));
    let world = World::scripted([streams(at_once(many))]);

    let (response, job) = world.begin(event("stream")).await;
    run(job).await;

    drop(response);
    assert_eq!(world.record().end.unwrap().outcome, "stream_broken");
    assert_eq!(world.record().tries[0].cause, Cause::Caller);
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_mistake_opens_nothing() {
    let body = bytes::Bytes::from_static(br#"{"error":{"code":"context_length_exceeded"}}"#);
    let refusal = || fails(ModelError::Refused { status: 400, body: body.clone() });
    let world = World::scripted([refusal(), refusal(), refusal(), answer()]);

    for _ in 0..3 {
        assert_eq!(world.call(fresh()).await.status, 400);
    }

    assert_eq!(world.call(fresh()).await.header("x-tollgate-provider"), "first");
    assert_eq!(world.record().tries[0].cause, Cause::ContextLength);
}

#[tokio::test(start_paused = true)]
async fn the_fleet_is_asked_once_a_second_and_beside_the_flag() {
    let world = World::scripted([answer(), answer(), answer()]);

    world.call(fresh()).await;
    world.call(fresh()).await;
    let reads = world.breakers.reads();
    tokio::time::advance(Duration::from_secs(1)).await;
    world.call(fresh()).await;

    assert_eq!((reads, world.breakers.reads()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_only_an_open_target_could_serve_is_not_called_wrong() {
    let world = World::scripted([]);
    world.breakers.set(FIRST, open_for(10));
    // More than the second target takes.
    let body =
        r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"a"}],"max_completion_tokens":700}"#;

    let said = world.call(chat(body)).await;

    assert_eq!((said.status, said.header("retry-after")), (503, "10"));
}
