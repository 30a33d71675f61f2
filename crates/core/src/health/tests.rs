use proptest::prelude::*;

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn tried(target: &str, cause: Cause) -> Try {
    Try {
        target: target.to_owned(),
        cause,
        began_us: NOON,
        took_us: 2_500_000,
        first_us: Some(400_000),
        retry_after_secs: None,
        is_apart: false,
    }
}

fn record(tries: Vec<Try>) -> Record {
    let item = serde_json::json!({
        "request_id": "r-1", "state": "sent", "deadline_us": 0, "created_us": 0, "expires_at": 0, "key_id": "k",
        "user": "u", "team": "t", "tenant": "default", "model": "m", "stream": true, "day": "2026-11-22",
        "reserved_nanos": 0, "charged_nanos": 0, "cache": "miss",
    });
    Record { tries, ..serde_json::from_value(item).unwrap() }
}

fn told(before: Option<&Record>, after: &Record) -> Vec<(String, Cause)> {
    outcomes(before, after).map(|(target, outcome)| (target.to_owned(), outcome.cause)).collect()
}

#[test]
fn each_change_of_a_record_tells_what_became_known_with_it() {
    let reserved = record(vec![]);
    let failed = record(vec![tried("a", Cause::Timeout)]);
    let ended = record(vec![tried("a", Cause::Timeout), tried("b", Cause::Ok)]);

    assert_eq!(told(None, &reserved), []);
    assert_eq!(told(Some(&reserved), &failed), [("a".to_owned(), Cause::Timeout)]);
    assert_eq!(told(Some(&failed), &ended), [("b".to_owned(), Cause::Ok)]);
    assert_eq!(told(Some(&ended), &ended), []);
    assert_eq!(
        outcomes(Some(&reserved), &failed).next().unwrap().1,
        outcomes(None, &ended).next().unwrap().1
    );
}

#[test]
fn rights_and_quota_of_a_tenants_own_account_say_nothing_of_the_target() {
    let apart = |cause| Try { is_apart: true, ..tried("a", cause) };
    let tries = Cause::ALL.map(apart).into();

    let heard: Vec<Cause> = outcomes(None, &record(tries)).map(|(_, outcome)| outcome.cause).collect();

    use Cause::{Broken, Caller, Capacity, ContentFilter, ContextLength, Ok, Timeout};
    assert_eq!(heard, [Ok, Caller, ContextLength, ContentFilter, Capacity, Timeout, Broken]);
}

#[test]
fn a_stream_is_as_slow_as_its_first_content() {
    assert_eq!(tried("a", Cause::Ok).latency_us(), 400_000);
    assert_eq!(Try { first_us: None, ..tried("a", Cause::Ok) }.latency_us(), 2_500_000);
}

#[test]
fn what_is_no_outcome_is_not_read() {
    for text in ["", "a", "a ok 1 2", "a good 1 2 3", " ok 1 2 3", "a ok x 2 3", "a ok 1 2 3 soon"] {
        assert_eq!(Outcome::read(text), None, "{text}");
    }
}

#[test]
fn a_bucket_is_five_seconds() {
    assert_eq!(bucket(NOON.plus(Duration::from_millis(4_999))), NOON.as_secs());
    assert_eq!(bucket(NOON.plus(BUCKET)), NOON.as_secs() + 5);
}

#[test]
fn ninety_five_in_a_hundred_wait_no_longer_than_the_p95() {
    let outcome =
        |n: u64| Outcome { id: n.to_string(), latency_us: n, ..Outcome::of("r", 0, &tried("a", Cause::Ok)) };
    let window: Window = (1..=100).map(outcome).collect();

    assert_eq!(window.tally(NOON, NOON).p95_us, Some(95));
    assert_eq!(Window::default().tally(NOON, NOON).p95_us, None);
}

#[test]
fn a_pace_is_that_of_two_minutes_or_of_ten_where_traffic_is_thin() {
    let answers = |count: u64, age_secs: u64, latency_us: u64| {
        let ended_us = Timestamp::from_secs(NOON.as_secs() - age_secs);
        let answer = move |number| Outcome {
            ended_us,
            id: format!("{age_secs}/{number}"),
            cause: Cause::Ok,
            began_us: ended_us,
            latency_us,
            retry_after_secs: None,
        };
        (0..count).map(answer)
    };
    let pace = |window: Window| window.pace(NOON).map(|pace| (pace.p95_us, pace.samples));

    let busy: Window = answers(40, 60, 7).chain(answers(20, 300, 900)).collect();
    let thin: Window = answers(39, 60, 7).chain(answers(20, 300, 900)).chain(answers(9, 700, 1)).collect();

    assert_eq!(pace(busy), Some((7, 40)));
    assert_eq!(pace(thin), Some((900, 59)));
    assert_eq!(pace(Window::default()), None);
}

proptest! {
    #[test]
    fn an_outcome_is_read_as_it_was_written(
        cause in prop::sample::select(Cause::ALL.to_vec()), took_us in 0..u64::from(u32::MAX),
        first_us in prop::option::of(any::<u64>()), retry_after_secs in prop::option::of(any::<u64>()), number in 0..3_usize,
    ) {
        let tried = Try { took_us, first_us, retry_after_secs, ..tried("a", cause) };
        let outcome = Outcome::of("r-1", number, &tried);

        prop_assert_eq!(Outcome::read(&outcome.write()), Some(outcome));
    }
}
