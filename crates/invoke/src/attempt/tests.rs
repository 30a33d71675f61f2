mod cascade;
mod failover;
mod gathered;
mod retries;
mod thinking;

use std::time::Duration;

use bytes::Bytes;
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::record::State;

use crate::testing::*;

/// The errors after which somebody else may answer, and whether they may be billed.
fn errors() -> [(ModelError, bool); 6] {
    [
        (ModelError::Throttled { retry_after: None }, false),
        (ModelError::Unauthorized("expired".into()), false),
        (ModelError::Unavailable("no such model".into()), false),
        (ModelError::TimedOut, true),
        (ModelError::Garbled("<html>".into()), true),
        (ModelError::Broken("reset".into()), true),
    ]
}

fn refusal() -> ModelError {
    let body = Bytes::from_static(br#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#);
    ModelError::Refused { status: 400, body }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_fails_is_followed_by_the_next_and_one_charge() {
    for (error, may_be_billed) in errors() {
        let kind = error.to_string();
        let world = World::scripted([fails(error), answers("Paris", "stop", Some(usage(30, 5)))]);

        let said = world.call(event("chat")).await;

        let (record, (first, second)) = (world.record(), bounds(&event("chat")));
        // 30 × 2,000 + 5 × 20,000 nano-dollars.
        let unknown = if may_be_billed { first } else { 0 };
        assert_eq!((said.status, said.header("x-tollgate-attempts")), (200, "2"), "{kind}");
        assert_eq!(said.header("x-tollgate-provider"), "second");
        assert_eq!(world.model.asked(), ["first.model", "second.model"]);
        assert_eq!(record.charged_nanos, Nanos(160_000 + unknown), "{kind}");
        assert_eq!(record.reserved_nanos, Nanos(second + unknown), "{kind}");
        assert_eq!(record.end.unwrap().estimated, may_be_billed, "{kind}");
        assert_eq!(world.cache.is_empty(), may_be_billed, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_extension_that_the_budget_does_not_hold_ends_the_call_at_the_first_bound() {
    let world = World::scripted([fails(ModelError::TimedOut)]);
    let (first, second) = bounds(&event("chat"));
    let limit = first + second - 1;

    let said = world.call(with_day_budget(limit)).await;

    let record = world.record();
    assert_eq!((said.status, said.code().as_str()), (429, "insufficient_quota"));
    assert_eq!((record.state, record.charged_nanos), (State::Settled, Nanos(first)));
    assert!(record.end.unwrap().estimated);
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_causes_are_said_and_nothing_is_charged() {
    let retry_after = Some(Duration::from_millis(7_500));
    let turns =
        [fails(ModelError::Unavailable("secret host".into())), fails(ModelError::Throttled { retry_after })];
    let world = World::scripted(turns);

    let said = world.call(event("chat")).await;

    let record = world.record();
    assert_eq!((said.status, said.code().as_str()), (503, "provider_unavailable"));
    assert_eq!((said.header("retry-after"), said.header("x-tollgate-attempts")), ("8", "2"));
    assert_eq!(
        said.json()["error"]["message"],
        "no provider could answer: first/gpt-5.5: unavailable; second/gpt-5.5: throttled"
    );
    assert_eq!((record.state, record.charged_nanos), (State::Released, Nanos::ZERO));
    assert_eq!(record.end.unwrap().outcome, "provider_unavailable");
}

#[tokio::test(start_paused = true)]
async fn when_all_are_late_the_call_has_timed_out_and_both_bounds_are_charged() {
    let world = World::scripted([fails(ModelError::TimedOut), fails(ModelError::TimedOut)]);

    let said = world.call(event("chat")).await;

    let (first, second) = bounds(&event("chat"));
    assert_eq!((said.status, said.code().as_str()), (504, "timeout"));
    assert_eq!(world.record().charged_nanos, Nanos(first + second));
}

#[tokio::test(start_paused = true)]
async fn the_providers_own_refusal_is_passed_on_and_costs_nothing() {
    let world = World::scripted([fails(refusal())]);

    let said = world.call(event("chat")).await;

    let record = world.record();
    assert_eq!((said.status, said.code().as_str()), (400, "context_length_exceeded"));
    assert_eq!(world.model.asked(), ["first.model"]);
    assert_eq!((record.state, record.charged_nanos), (State::Released, Nanos::ZERO));
    assert_eq!(record.end.unwrap().outcome, "provider_refused");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_an_attempt_that_may_be_billed_still_charges_that_one() {
    let world = World::scripted([fails(ModelError::TimedOut), fails(refusal())]);

    let said = world.call(event("chat")).await;

    assert_eq!(said.status, 400);
    assert_eq!(world.record().charged_nanos, Nanos(bounds(&event("chat")).0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_before_its_first_content_fails_over_unseen() {
    let broken: [Vec<Piece>; 5] = [
        vec![],
        at_once([role()]),
        at_once(["<html>".to_owned()]),
        at_once([role(), r#"{"error":{"message":"overloaded"}}"#.to_owned()]),
        vec![(Duration::ZERO, Err(ModelError::Broken("reset".into())))],
    ];
    for pieces in broken {
        let said_first = format!("{pieces:?}");
        let whole = at_once([role(), content("b"), finish("stop"), usage_chunk(30, 5)]);
        let world = World::scripted([streams(pieces), streams(whole)]);

        let said = world.call(event("stream")).await;

        assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "second"), "{said_first}");
        assert_eq!(
            said.events(),
            [role(), content("b"), finish("stop"), "[DONE]".to_owned()],
            "{said_first}"
        );
        assert_eq!(world.record().charged_nanos, Nanos(160_000 + bounds(&event("stream")).0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_silent_for_five_seconds_fails_over() {
    let late = (Duration::from_secs(30), piece(content("late")));
    let whole = at_once([content("b"), finish("stop"), usage_chunk(30, 5)]);
    let world = World::scripted([streams([late]), streams(whole)]);
    let start = tokio::time::Instant::now();

    let (response, job) = world.begin(event("stream")).await;

    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(response.headers()["x-tollgate-provider"], "second");
    futures_util::future::join(read(response), run(job)).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_target_may_think_longer_while_the_client_is_kept_busy() {
    let late = (Duration::from_secs(45), piece(content("late")));
    let pieces = [late].into_iter().chain(at_once([finish("stop"), usage_chunk(30, 5)]));
    let world = World::scripted([fails(ModelError::Unavailable("down".into())), streams(pieces)]);

    let said = world.call(event("stream")).await;

    assert_eq!(said.body.matches(": ping\n\n").count(), 1);
    assert_eq!(said.events(), [content("late"), finish("stop"), "[DONE]".to_owned()]);
    assert_eq!(world.record().end.unwrap().first_token_us, Some(45_000_000));
}

#[tokio::test(start_paused = true)]
async fn a_cap_that_only_the_first_target_takes_is_never_sent_to_the_second() {
    let down = || fails(ModelError::Unavailable("down".into()));
    let world = World::scripted([down(), down()]);
    let body =
        r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"a"}],"max_completion_tokens":700}"#;

    let said = world.call(chat(body)).await;

    assert_eq!(said.status, 503);
    assert_eq!(world.model.calls()[0].body["max_completion_tokens"], 700);
    assert_eq!(world.model.asked(), ["first.model", "first.model"]);
}

#[tokio::test(start_paused = true)]
async fn an_extension_that_fails_ends_the_call_at_the_first_bound() {
    let cases = [
        (Mood::Contended, "contended"),
        (Mood::Down, "gateway_unavailable"),
        (Mood::Lossy, "gateway_unavailable"),
    ];
    for (mood, code) in cases {
        let world = World::scripted([fails(ModelError::TimedOut)]);
        world.ledger.set_mood("extend", mood);

        let said = world.call(event("chat")).await;

        let record = world.record();
        assert_eq!((said.status, said.code().as_str()), (503, code), "{mood:?}");
        let charged = (record.state, record.charged_nanos);
        assert_eq!(charged, (State::Settled, Nanos(bounds(&event("chat")).0)), "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_json_answer_ends_within_290_seconds_of_its_arrival() {
    let mut stuck = answers("late", "stop", None);
    stuck.delay = Duration::from_secs(1_000);
    let mut also_stuck = answers("late", "stop", None);
    also_stuck.delay = Duration::from_secs(1_000);
    let world = World::scripted([stuck, also_stuck]);
    let start = tokio::time::Instant::now();

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str()), (504, "timeout"));
    assert_eq!(start.elapsed().as_secs(), 290);
}

#[tokio::test(start_paused = true)]
async fn the_time_until_the_headers_counts_towards_the_first_content() {
    let late = (Duration::from_secs(3), piece(content("late")));
    let mut slow = streams([late]);
    slow.delay = Duration::from_secs(3);
    let world = World::scripted([slow, streams(at_once([content("b"), finish("stop"), usage_chunk(30, 5)]))]);
    let start = tokio::time::Instant::now();

    let (response, job) = world.begin(event("stream")).await;

    assert_eq!(start.elapsed().as_secs(), 5);
    futures_util::future::join(read(response), run(job)).await;
}

#[tokio::test(start_paused = true)]
async fn kill_in_time_the_flag_that_admits_an_attempt_is_read_after_its_reservation() {
    let world = World::scripted([]);
    let settings = world.settings.clone();
    let mut broken = fails(ModelError::Broken("reset".into()));
    broken.delay = Duration::from_millis(1_500);
    broken.meanwhile = Box::new(move || settings.stop("the budget is used up"));
    world.model.add(broken);
    world.ledger.set_mood("extend", Mood::Slow);

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str()), (429, "budget_exceeded"));
    assert_eq!(world.model.asked(), ["first.model"]);
    assert_eq!(world.record().charged_nanos, Nanos(bounds(&event("chat")).0));
}

#[tokio::test(start_paused = true)]
async fn every_step_and_attempt_is_a_span_and_the_trace_goes_on() {
    let world = World::scripted([
        fails(ModelError::Unavailable("down".into())),
        answers("Paris", "stop", Some(usage(30, 5))),
    ]);
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    let said = world.call(with_header("chat", "traceparent", traceparent)).await;

    let steps = ["admit-and-look-up", "reserve", "attempt-1", "attempt-2", "settle"];
    let spans: Vec<_> = steps.map(|step| (step.to_owned(), step == "attempt-1")).into();
    assert_eq!(world.spans.all(), spans);
    assert_eq!(said.header("x-tollgate-trace-id"), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(world.record().trace_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
    let sent: Vec<_> = world.model.calls().into_iter().map(|called| called.traceparent).collect();
    assert!(sent.iter().all(|sent| sent.starts_with("00-0af7651916cd43dd8448eb211c80319c-")));
    assert_ne!(sent[0], sent[1]);
}
