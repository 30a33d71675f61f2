mod ends;

use std::time::Duration;

use futures_util::future::join;
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::record::State;

use crate::config::Settle;
use crate::testing::{whole as whole_answer, *};

fn whole() -> Vec<Piece> {
    at_once([role(), content("Pa"), content("ris"), finish("stop"), usage_chunk(30, 5)])
}

fn paced(pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.into_iter().map(|(_, piece)| (Duration::from_secs(1), piece)).collect()
}

fn broken() -> Piece {
    (Duration::from_secs(1), Err(ModelError::Broken("connection reset".into())))
}

#[tokio::test(start_paused = true)]
async fn chunks_pass_and_the_usage_nobody_asked_for_does_not() {
    let world = World::scripted([streams(whole())]);

    let said = world.call(event("stream")).await;

    assert_eq!(said.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(said.header("x-tollgate-cache"), "miss");
    assert_eq!(said.events(), [role(), content("Pa"), content("ris"), finish("stop"), "[DONE]".to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn the_usage_that_was_asked_for_comes_last() {
    let world = World::scripted([streams(whole())]);
    let body = r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"a"}],"stream":true,"stream_options":{"include_usage":true}}"#;

    let said = world.call(chat(body)).await;

    assert_eq!(said.events()[4..], [usage_chunk(30, 5), "[DONE]".to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn a_chunk_reaches_the_client_before_the_next_is_made() {
    let world = World::scripted([streams(paced(whole()))]);
    let start = tokio::time::Instant::now();
    let (response, job) = world.begin(event("stream")).await;

    let mut body = response.into_body();
    let reading = async {
        let mut seconds = Vec::new();
        while http_body_util::BodyExt::frame(&mut body).await.is_some() {
            seconds.push(start.elapsed().as_secs());
        }
        seconds
    };
    let (seconds, ()) = join(reading, run(job)).await;

    assert_eq!(seconds, [2, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_settled_by_the_providers_usage() {
    let world = World::scripted([streams(paced(whole()))]);

    world.call(event("stream")).await;

    let (record, first) = (world.record(), Some(2_000_000));
    let end = record.end.unwrap();
    assert_eq!((record.state, record.charged_nanos), (State::Settled, Nanos(80_000)));
    assert_eq!((end.outcome.as_str(), end.usage, end.estimated), ("ok", usage(30, 5), false));
    assert_eq!((end.first_token_us, end.latency_us), (first, 5_000_000));
}

#[tokio::test(start_paused = true)]
async fn a_hit_replays_the_stream() {
    let world = World::scripted([streams(whole())]);
    let first = world.call(event("stream")).await;

    let second = world.call(event("stream")).await;

    assert_eq!(second.header("x-tollgate-cache"), "hit-exact");
    assert_eq!(second.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(second.body, first.body);
}

#[tokio::test(start_paused = true)]
async fn no_silent_truncation_a_stream_that_broke_ends_with_an_error() {
    let garbage: Piece = (Duration::ZERO, piece("<html>"));
    let failure: Piece = (Duration::ZERO, piece(r#"{"error":{"message":"secret"}}"#));
    for last in [Some(broken()), Some(garbage), Some(failure), None] {
        let cause = format!("{last:?}");
        let pieces = at_once([role(), content("Pa")]).into_iter().chain(last);
        let world = World::scripted([streams(pieces)]);

        let said = world.call(event("stream")).await;

        let (events, record) = (said.events(), world.record());
        assert_eq!(events.len(), 3, "{cause}");
        let error: serde_json::Value = serde_json::from_str(&events[2]).unwrap();
        assert_eq!(error["error"]["code"], "stream_broken", "{cause}");
        assert!(!said.body.contains("[DONE]") && !said.body.contains("secret"), "{cause}");
        assert!(!said.body.contains("\"finish_reason\":\""), "{cause}");
        assert_eq!(record.charged_nanos, Nanos(bounds(&event("stream")).0), "{cause}");
        let end = record.end.unwrap();
        assert_eq!((end.outcome.as_str(), end.estimated), ("stream_broken", true), "{cause}");
        assert!(world.cache.is_empty(), "{cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_after_its_usage_is_charged_that() {
    let pieces = at_once([content("Paris"), usage_chunk(30, 5)]).into_iter().chain([broken()]);
    let world = World::scripted([streams(pieces)]);

    world.call(event("stream")).await;

    let record = world.record();
    assert_eq!(record.charged_nanos, Nanos(80_000));
    assert_eq!(record.end.unwrap().outcome, "stream_broken");
    assert!(world.cache.is_empty());
}

#[tokio::test(start_paused = true)]
async fn never_over_what_a_stream_counts_on_its_way_is_no_settlement_where_it_breaks() {
    let so_far = r#"{"choices":[{"index":0,"delta":{"content":"Pa"},"finish_reason":null}],"usage":{"prompt_tokens":30,"completion_tokens":1}}"#;
    let world = World::scripted([streams(at_once([so_far.to_owned()]).into_iter().chain([broken()]))]);

    world.call(event("stream")).await;

    let record = world.record();
    assert_eq!(record.charged_nanos, Nanos(bounds(&event("stream")).0));
    assert!(record.end.unwrap().estimated);
}

#[tokio::test(start_paused = true)]
async fn never_over_an_answer_that_counts_nothing_is_not_free() {
    let nothing = whole_answer(&serde_json::json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}],
        "usage": {},
    }));
    let streamed = streams(at_once([content("Paris"), finish("stop"), usage_chunk(0, 0)]));
    for (turn, case) in [(nothing, "chat"), (streamed, "stream")] {
        let world = World::scripted([turn]);

        world.call(event(case)).await;

        let record = world.record();
        assert_eq!(record.charged_nanos, Nanos(bounds(&event(case)).0), "{case}");
        assert!(record.end.unwrap().estimated, "{case}");
        assert!(world.cache.is_empty(), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_after_its_finish_is_still_not_kept() {
    let pieces =
        at_once([content("Paris"), finish("stop"), usage_chunk(30, 5)]).into_iter().chain([broken()]);
    let world = World::scripted([streams(pieces)]);

    let said = world.call(event("stream")).await;

    assert!(said.events().last().unwrap().contains("stream_broken"));
    assert!(world.cache.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_usage_is_charged_at_its_bound_and_not_kept() {
    let world = World::scripted([streams(at_once([content("Paris"), finish("stop")]))]);

    let said = world.call(event("stream")).await;

    let record = world.record();
    assert_eq!(said.events().last().unwrap(), "[DONE]");
    assert_eq!(record.charged_nanos, Nanos(bounds(&event("stream")).0));
    assert!(record.end.unwrap().estimated);
    assert!(world.cache.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_cut_by_the_cap_is_not_kept() {
    let pieces = at_once([content("Par"), finish("length"), usage_chunk(30, 100)]);
    let world = World::scripted([streams(pieces)]);

    let said = world.call(event("stream")).await;

    assert_eq!(said.events().last().unwrap(), "[DONE]");
    assert!(world.cache.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_stops_nothing() {
    let world = World::scripted([streams(paced(whole()))]);
    let (response, job) = world.begin(event("stream")).await;

    drop(response);
    run(job).await;

    let record = world.record();
    assert_eq!((record.state, record.charged_nanos), (State::Settled, Nanos(80_000)));
    assert_eq!(record.end.unwrap().outcome, "ok");
    assert!(!world.cache.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_end_is_given_up_in_time_to_settle() {
    let endless = (0..2_000).map(|_| (Duration::from_secs(1), piece(content("la"))));
    let world = World::scripted([streams(endless)]);
    let start = tokio::time::Instant::now();

    let said = world.call(event("stream")).await;

    assert!(start.elapsed() < LAMBDA_TIME);
    assert!(said.events().last().unwrap().contains("stream_broken"));
    assert_eq!(world.record().charged_nanos, Nanos(bounds(&event("stream")).0));
}

#[tokio::test(start_paused = true)]
async fn a_late_settlement_lowers_what_the_expiry_had_charged() {
    let world = World::scripted([streams(whole())]);
    let (response, job) = world.begin(event("stream")).await;

    world.ledger.expire(NOON);
    assert_eq!(world.record().charged_nanos, Nanos(bounds(&event("stream")).1));
    join(read(response), run(job)).await;

    assert_eq!((world.record().state, world.record().charged_nanos), (State::Settled, Nanos(80_000)));
    world.ledger.check_balance();
}

#[tokio::test(start_paused = true)]
async fn a_settlement_that_cannot_be_written_at_once_is_written_a_moment_later() {
    for mood in [Mood::Down, Mood::Lossy] {
        let world = World::scripted([answers("a", "stop", Some(usage(30, 5)))]);
        world.ledger.set_mood("close", mood);
        let recovery = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            world.ledger.set_mood("close", Mood::Well);
        };

        let (said, ()) = tokio::join!(world.call(event("chat")), recovery);

        let record = world.record();
        assert_eq!((said.status, record.state), (200, State::Settled), "{mood:?}");
        assert!(!record.end.unwrap().estimated);
        world.ledger.check_balance();
    }
}

#[tokio::test(start_paused = true)]
async fn a_settlement_that_cannot_be_written_leaves_the_reservation() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);
    world.ledger.set_mood("close", Mood::Down);

    let said = world.call(event("chat")).await;

    let record = world.record();
    assert_eq!(said.status, 200);
    assert_eq!((record.state, record.charged_nanos), (State::Sent, record.reserved_nanos));
}

#[tokio::test(start_paused = true)]
async fn before_end_settles_before_the_answer_is_given() {
    let turns = vec![answers("Paris", "stop", Some(usage(30, 5)))];
    let world = World::of(Setup { settle: Settle::BeforeEnd, turns, ..Setup::default() });

    let (response, job) = world.begin(event("chat")).await;

    assert!(job.is_none());
    assert_eq!(world.record().state, State::Settled);
    assert_eq!(read(response).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn before_end_ends_a_stream_only_when_it_is_settled() {
    let turns = vec![streams(paced(whole()))];
    let world = World::of(Setup { settle: Settle::BeforeEnd, turns, ..Setup::default() });
    world.ledger.set_mood("close", Mood::Slow);
    let (response, job) = world.begin(event("stream")).await;

    assert!(job.is_none());
    assert_eq!(world.record().state, State::Sent);
    let said = read(response).await;

    assert_eq!(said.events().last().unwrap(), "[DONE]");
    assert_eq!((world.record().state, world.record().charged_nanos), (State::Settled, Nanos(80_000)));
    assert!(!world.cache.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stalls_is_given_up_in_time_to_settle_and_finds_the_error() {
    let words = (0..100).map(|_| content("word"));
    let world = World::scripted([streams(at_once(words.chain([finish("stop"), usage_chunk(30, 5)])))]);
    let start = tokio::time::Instant::now();
    let (response, job) = world.begin(event("stream")).await;

    tokio::time::timeout(LAMBDA_TIME, run(job)).await.expect("the pump ends before the environment does");
    let said = read(response).await;

    assert_eq!(start.elapsed(), LAMBDA_TIME - Duration::from_secs(7));
    assert_eq!(world.record().end.unwrap().outcome, "stream_broken");
    assert!(said.events().last().unwrap().contains("stream_broken"));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_thinks_for_minutes_is_waited_for_where_nobody_else_can_answer() {
    let thinking = [
        (Duration::from_secs(200), piece(content("42"))),
        (Duration::ZERO, piece(finish("stop"))),
        (Duration::ZERO, piece(usage_chunk(30, 5))),
    ];
    let world = World::scripted([streams(thinking)]);
    let body = r#"{"model":"plain","messages":[{"role":"user","content":"a"}],"stream":true}"#;

    let said = world.call(chat(body)).await;

    assert_eq!(said.events(), [content("42"), finish("stop"), "[DONE]".to_owned()]);
    assert!(said.body.matches(": ping").count() > 10);
}
