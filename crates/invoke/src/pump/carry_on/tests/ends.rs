//! Where nobody goes on: the stream ends as broken, and is charged what it may have cost.

use tollgate_core::breaker::State;

use super::*;

/// What a client reads of a stream that nobody went on with, and what is charged.
async fn check_broken(world: &World, event: Value, charged: u64, attempts: usize, label: &str) {
    let said = world.call(event).await;

    assert!(said.events().last().unwrap().contains("stream_broken"), "{label}: {}", said.body);
    assert!(!said.body.contains("[DONE]") && !said.body.contains(": continued"), "{label}: {}", said.body);
    let record = world.record();
    assert_eq!(record.charged_nanos, Nanos(charged), "{label}");
    let end = record.end.unwrap();
    assert_eq!((end.outcome.as_str(), end.estimated), ("stream_broken", true), "{label}");
    assert_eq!((world.model.calls().len(), record.attempts as usize), (attempts, attempts), "{label}");
    assert_eq!(record.tries.len(), attempts, "{label}");
    assert!(world.cache.is_empty(), "{label}");
}

fn asks_with(more: &Value) -> Value {
    let mut body =
        json!({"model": "gpt-5.5", "messages": [{"role": "user", "content": "Tell."}], "stream": true});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    chat(body.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_route_that_does_not_want_it_has_its_streams_end_as_broken() {
    let world = World::scripted([breaks_after(5)]);

    check_broken(&world, asks(), bounds(&asks()).0, 1, "off").await;
}

#[tokio::test(start_paused = true)]
async fn what_another_target_cannot_end_is_never_gone_on_with() {
    let function = json!({"type": "function", "function": {"name": "f"}});
    for more in [
        json!({"tools": [function]}),
        json!({"response_format": {"type": "json_object"}}),
        json!({"logprobs": true}),
    ] {
        let world = world([breaks_after(5)], "second");
        let event = asks_with(&more);

        check_broken(&world, event.clone(), bounds(&event).0, 1, &more.to_string()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn reasoning_refusals_and_calls_are_never_gone_on_with() {
    let of = |delta: Value| json!({"choices": [{"index": 0, "delta": delta}]}).to_string();
    let call =
        json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}});
    for half in [
        vec![of(json!({"reasoning": "Let me"}))],
        vec![delta("Well"), of(json!({"reasoning": "Let me"}))],
        vec![of(json!({"refusal": "I can"}))],
        vec![delta("Well"), of(json!({"tool_calls": [call]}))],
    ] {
        let label = half.concat();
        let world = world([streams(at_once(half).into_iter().chain([reset()]))], "second");

        check_broken(&world, asks(), bounds(&asks()).0, 1, &label).await;
    }
}

#[tokio::test(start_paused = true)]
async fn text_after_whole_reasoning_is_gone_on_with() {
    let thought = json!({"choices": [{"index": 0, "delta": {"reasoning": "Let me see."}}]}).to_string();
    let first = at_once([thought, delta("Die Straße ")]).into_iter().chain([reset()]);
    let second = at_once([delta("zum Fluss."), finish("stop"), usage_chunk(30, 5)]);
    let world = world([streams(first), streams(second)], "second");

    let said = world.call(asks()).await;

    assert_eq!(text_of(&chunks(&said)), "Die Straße zum Fluss.");
    assert_eq!(said.body.matches("Let me see.").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_finished_is_not_gone_on_with() {
    let world =
        world([streams(at_once([delta("Paris"), finish("stop")]).into_iter().chain([reset()]))], "second");

    let said = world.call(asks()).await;

    assert!(said.events().last().unwrap().contains("stream_broken"));
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_silent_truncation_a_second_break_is_the_last() {
    let second = at_once([delta(" zum Fluss")]).into_iter().chain([reset()]);
    let world = world([breaks_after(1), streams(second)], "second");

    let said = world.call(asks()).await;

    assert!(said.events().last().unwrap().contains("stream_broken"), "{}", said.body);
    assert!(!said.body.contains(r#""finish_reason":""#) && !said.body.contains("[DONE]"));
    let record = world.record();
    assert_eq!(record.charged_nanos, record.reserved_nanos);
    assert!(record.charged_nanos > Nanos(bounds(&asks()).0 + 2_000_000));
    let causes: Vec<_> = record.tries.iter().map(|tried| tried.cause).collect();
    assert_eq!((causes, record.continued), (vec![Cause::Broken, Cause::Broken], 1));
}

#[tokio::test(start_paused = true)]
async fn a_second_target_that_does_not_answer_costs_only_what_it_may_bill() {
    let first = bounds(&asks()).0;
    let world = world([breaks_after(5), fails(ModelError::Unavailable("down".into()))], "second");
    check_broken(&world, asks(), first, 2, "unavailable").await;

    let world = super::world([breaks_after(5), fails(ModelError::TimedOut)], "second");
    let said = world.call(asks()).await;

    let record = world.record();
    assert!(said.events().last().unwrap().contains("stream_broken"));
    assert_eq!((record.charged_nanos, record.tries.len()), (record.reserved_nanos, 2));
}

#[tokio::test(start_paused = true)]
async fn kill_in_time_a_stop_that_came_meanwhile_ends_the_stream() {
    let late = PIECES.iter().take(5).map(|text| (Duration::from_secs(1), piece(delta(text))));
    let world = world([streams(late.chain([reset()]))], "second");
    let stop = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        world.settings.stop("spent");
    };

    tokio::join!(check_broken(&world, asks(), bounds(&asks()).0, 1, "stopped"), stop);
}

#[tokio::test(start_paused = true)]
async fn never_over_a_budget_that_does_not_hold_both_attempts_ends_the_stream() {
    let (first, second) = bounds(&asks());
    let budget = json!({"budget_day_nanos": first + second}).to_string();
    let mut event = asks();
    event["requestContext"]["authorizer"]["budget"] = budget.into();
    let world = world([breaks_after(5)], "second");

    check_broken(&world, event, first, 1, "budget").await;
}

#[tokio::test(start_paused = true)]
async fn the_caps_rest_is_all_that_is_left_for_the_second() {
    let event = asks_with(&json!({"max_tokens": 60}));
    let world = world([breaks_after(20), goes_on(20, 0)], "second");

    let said = world.call(event).await;

    let spent = whole().len().div_ceil(4);
    assert_eq!(world.model.calls()[1].body["max_tokens"], 60 - spent);
    assert_eq!(text_of(&chunks(&said)), whole());

    let event = asks_with(&json!({"max_tokens": spent}));
    let world = super::world([breaks_after(20)], "second");
    check_broken(&world, event.clone(), bounds(&event).0 - 1_000_000 + spent as u64 * 10_000, 1, "spent")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_left_needs_no_more() {
    let world = world([breaks_after(5)], "second");
    let (response, job) = world.begin(asks()).await;

    drop(response);
    run(job).await;

    assert_eq!(world.model.calls().len(), 1);
    assert_eq!(world.record().end.unwrap().outcome, "stream_broken");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_call_under_its_key_reads_what_the_first_read() {
    let mut event = asks();
    event["headers"]["Idempotency-Key"] = "k".into();
    event["multiValueHeaders"]["Idempotency-Key"] = json!(["k"]);
    let world = world([breaks_after(5), goes_on(5, 0)], "second");

    let first = world.call(event.clone()).await;
    let again = world.call(event).await;

    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    assert_eq!(world.model.calls().len(), 2);
}

/// Asks about an address that no target outside of AWS may see.
fn asks_about_a_person() -> Value {
    asks_with(&json!({"messages": [{"role": "user", "content": "Write to max@firma.example."}]}))
}

#[tokio::test(start_paused = true)]
async fn no_leak_what_was_restored_is_taken_out_again_before_another_target_sees_it() {
    let first = at_once([delta("I wrote to [EMAIL_1] tod")]).into_iter().chain([reset()]);
    let second =
        at_once([delta("ay, and [EMA"), delta("IL_1] replied."), finish("stop"), usage_chunk(30, 5)]);
    let world = world([streams(first), streams(second)], "second");

    let said = world.call(asks_about_a_person()).await;

    assert_eq!(text_of(&chunks(&said)), "I wrote to max@firma.example today, and max@firma.example replied.");
    let left = world.model.calls()[1].body.to_string();
    assert!(left.contains("I wrote to [EMAIL_1] tod") && !left.contains("firma"), "{left}");
}

#[tokio::test(start_paused = true)]
async fn no_leak_a_part_that_ends_within_what_must_not_be_seen_is_given_to_nobody() {
    let world =
        world([streams(at_once([delta("I wrote to max@fir")]).into_iter().chain([reset()]))], "second");
    let event = asks_about_a_person();

    check_broken(&world, event.clone(), bounds(&event).0, 1, "cut within an address").await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_asked_for_breaks_the_stream() {
    let call =
        json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let called = json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}).to_string();
    let world = world([breaks_after(5), streams(at_once([called, finish("tool_calls")]))], "second");

    let said = world.call(asks()).await;

    assert!(said.events().last().unwrap().contains("stream_broken"), "{}", said.body);
    assert!(!said.body.contains("tool_calls") && !said.body.contains(": continued"), "{}", said.body);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_falls_silent_is_gone_on_from_and_one_that_stays_silent_ends_the_stream() {
    let silent = || (Duration::from_secs(700), piece(finish("stop")));
    let first = || streams(at_once(PIECES[..5].iter().map(|text| delta(text))).into_iter().chain([silent()]));
    let whole_text = world([first(), goes_on(5, 0)], "second");

    let said = whole_text.call(asks()).await;

    assert_eq!(text_of(&chunks(&said)), whole());
    assert_eq!(whole_text.record().tries[0].cause, Cause::Timeout);

    let world = world([first(), streams([silent()])], "second");
    let start = tokio::time::Instant::now();

    let said = world.call(asks()).await;

    assert!(said.events().last().unwrap().contains("stream_broken"), "{}", said.body);
    assert!(start.elapsed() < Duration::from_secs(200), "{:?}", start.elapsed());
    let causes: Vec<_> = world.record().tries.iter().map(|tried| tried.cause).collect();
    assert_eq!(causes, [Cause::Timeout, Cause::Timeout]);
}

#[tokio::test(start_paused = true)]
async fn a_targets_refusal_is_its_own_and_nobody_else_is_asked() {
    let refused = ModelError::Refused { status: 400, body: Default::default() };
    let first = at_once([delta("Well")]).into_iter().chain([(Duration::ZERO, Err(refused))]);
    let world = world([streams(first)], "second");

    let said = world.call(asks()).await;

    assert!(said.events().last().unwrap().contains("stream_broken"), "{}", said.body);
    assert_eq!(world.model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_its_breaker_closes_to_calls_is_not_asked_to_go_on() {
    let world = world([breaks_after(5)], "second");
    world.breakers.set("second/gpt-5.5", State::Open { until_us: NOON.plus(Duration::from_secs(60)) });

    check_broken(&world, asks(), bounds(&asks()).0, 1, "open").await;
}
