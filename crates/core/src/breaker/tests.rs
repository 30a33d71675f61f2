use proptest::prelude::*;

use super::*;
use crate::health::Outcome;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

const POLICY: BreakerPolicy = BreakerPolicy {
    window_ms: 60_000,
    min_calls: 20,
    error_percent: 5,
    throttled_percent: 50,
    in_a_row: 5,
    p95_ms: None,
    cool_down_ms: 15_000,
    longest_ms: 120_000,
    probe_ms: 60_000,
    stage_ms: 15_000,
    own_in_a_row: 3,
    own_skip_ms: 5_000,
};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A call that left at `at`, and ended a second later.
fn outcome(id: u64, cause: Cause, at: Timestamp) -> Outcome {
    Outcome {
        ended_us: at.plus(secs(1)),
        id: id.to_string(),
        cause,
        began_us: at,
        latency_us: 1_000_000,
        retry_after_secs: None,
    }
}

/// That many calls of each, one every 10 ms from `at` on.
fn calls(of: &[(u64, Cause)], at: Timestamp) -> Window {
    let causes = of.iter().flat_map(|(times, cause)| (0..*times).map(|_| *cause));
    let at = |place: u64| at.plus(Duration::from_millis(10 * place));
    (0..).zip(causes).map(|(place, cause)| outcome(place, cause, at(place))).collect()
}

fn open() -> Breaker {
    let breaker =
        Breaker::default().record(&POLICY, &calls(&[(5, Cause::Timeout)], NOON), NOON.plus(secs(2)));
    assert!(matches!(breaker.state, State::Open { .. }));
    breaker
}

/// Open until [`ENDED`].
const ENDED: Timestamp = Timestamp::from_secs(1_795_348_800 + 2 + 15);

fn returning() -> Breaker {
    let probing = open().probing(&POLICY, ENDED).unwrap();
    probing.record(&POLICY, &calls(&[(1, Cause::Ok)], ENDED), ENDED.plus(secs(1)))
}

#[test]
fn more_than_five_in_a_hundred_open_it_and_five_do_not() {
    let after = |failed| {
        let window = calls(&[(failed, Cause::Capacity), (100 - failed, Cause::Ok)], NOON);
        Breaker::default().record(&POLICY, &window, NOON.plus(secs(3))).state
    };

    assert_eq!(after(4), State::Closed);
    assert!(matches!(after(6), State::Open { .. }));
    assert_eq!(
        Breaker::default().record(&POLICY, &calls(&[(1, Cause::Timeout), (18, Cause::Ok)], NOON), NOON).state,
        State::Closed
    );
}

#[test]
fn five_failures_in_a_row_open_it_however_few_calls_there_are() {
    let after = |of: &[(u64, Cause)]| {
        Breaker::default().record(&POLICY, &calls(of, NOON), NOON.plus(secs(2))).level()
    };

    assert_eq!(after(&[(4, Cause::Timeout)]), 0);
    assert_eq!(after(&[(5, Cause::Timeout)]), 2);
    assert_eq!(after(&[(4, Cause::Timeout), (1, Cause::Ok), (4, Cause::Timeout)]), 0);
}

#[test]
fn a_mistake_of_ours_is_no_failure_of_theirs() {
    let window = calls(&[(50, Cause::Caller), (50, Cause::ContextLength), (50, Cause::ContentFilter)], NOON);

    assert_eq!(Breaker::default().record(&POLICY, &window, NOON.plus(secs(3))), Breaker::default());
}

#[test]
fn credentials_that_do_not_work_open_it_at_once() {
    for cause in [Cause::Auth, Cause::Quota, Cause::ModelGone] {
        let window = calls(&[(99, Cause::Ok), (1, cause)], NOON);

        let breaker = Breaker::default().record(&POLICY, &window, NOON.plus(secs(3)));

        assert_eq!((breaker.level(), breaker.cause), (2, Some(cause)));
    }
}

#[test]
fn a_throttled_target_is_left_alone_only_when_most_calls_are() {
    let after = |throttled| {
        let window = calls(&[(throttled, Cause::Throttle), (100 - throttled, Cause::Ok)], NOON);
        Breaker::default().record(&POLICY, &window, NOON.plus(secs(3))).level()
    };

    assert_eq!((after(50), after(51)), (0, 2));
}

#[test]
fn a_slow_target_is_left_alone_where_its_policy_says_how_slow() {
    let slow = |ms| BreakerPolicy { p95_ms: Some(ms), ..POLICY };
    let window = calls(&[(20, Cause::Ok)], NOON);

    assert_eq!(Breaker::default().record(&slow(1_000), &window, NOON.plus(secs(2))).level(), 0);
    assert_eq!(Breaker::default().record(&slow(999), &window, NOON.plus(secs(2))).level(), 2);
    assert_eq!(Breaker::default().record(&POLICY, &window, NOON.plus(secs(2))).level(), 0);
}

#[test]
fn what_the_provider_asks_for_is_the_least_of_the_cool_down() {
    let wish = |secs| {
        let told = |id| Outcome { retry_after_secs: Some(secs), ..outcome(id, Cause::Throttle, NOON) };
        let window: Window = (0..20).map(told).collect();
        Breaker::default().record(&POLICY, &window, NOON.plus(self::secs(1))).state
    };

    assert_eq!(wish(3), State::Open { until_us: NOON.plus(secs(1 + 15)) });
    assert_eq!(wish(40), State::Open { until_us: NOON.plus(secs(1 + 40)) });
    assert_eq!(wish(u64::MAX), State::Open { until_us: NOON.plus(secs(1 + 3_600)) });
}

#[test]
fn each_failed_probe_doubles_the_cool_down_up_to_two_minutes() {
    let (mut breaker, mut now, mut waits) = (open(), ENDED, Vec::new());
    for _ in 0..5 {
        let probing = breaker.probing(&POLICY, now).unwrap();
        breaker = probing.record(&POLICY, &calls(&[(1, Cause::Timeout)], now), now.plus(secs(1)));
        let State::Open { until_us } = breaker.state else { panic!("{breaker:?}") };
        waits.push(until_us.since(now.plus(secs(1))).as_secs());
        now = until_us;
    }

    assert_eq!(waits, [30, 60, 120, 120, 120]);
}

#[test]
fn a_probe_that_goes_well_brings_the_target_back_in_five_steps() {
    let breaker = returning();
    let share = |after| breaker.share(&POLICY, breaker.since_us.plus(secs(after)));

    assert_eq!([0, 14, 15, 30, 45, 60].map(share), [5, 5, 10, 25, 50, 100]);
    assert_eq!(breaker.admit(&POLICY, breaker.since_us, 4), Admission::Admitted);
    assert_eq!(breaker.admit(&POLICY, breaker.since_us, 5), Admission::Spared);
    let closed = breaker.record(&POLICY, &Window::default(), breaker.since_us.plus(secs(60)));
    assert_eq!((closed.state, closed.trips), (State::Closed, 0));
}

#[test]
fn a_target_that_fails_on_its_way_back_is_left_alone_for_longer() {
    let back = returning();
    let window = calls(&[(4, Cause::Ok), (1, Cause::Broken)], back.since_us);

    let again = back.record(&POLICY, &window, back.since_us.plus(secs(2)));

    assert_eq!(again.state, State::Open { until_us: back.since_us.plus(secs(2 + 30)) });
}

#[test]
fn a_probe_that_says_nothing_is_given_up_and_still_heard() {
    let probing = open().probing(&POLICY, ENDED).unwrap();

    assert_eq!(probing.admit(&POLICY, ENDED, 0), Admission::Refused { retry_after: secs(60) });
    assert_eq!(probing.probing(&POLICY, ENDED.plus(secs(59))), None);
    let second = probing.probing(&POLICY, ENDED.plus(secs(60))).unwrap();
    let late = calls(&[(1, Cause::Ok)], ENDED.plus(secs(1)));
    assert_eq!(second.record(&POLICY, &late, ENDED.plus(secs(61))).level(), 1);
    assert_eq!(second.record(&POLICY, &late, ENDED.plus(secs(61))).share(&POLICY, ENDED.plus(secs(61))), 5);
}

#[test]
fn what_left_before_the_cool_down_says_nothing_about_the_probe() {
    let probing = open().probing(&POLICY, ENDED).unwrap();
    let old = calls(&[(9, Cause::Ok), (9, Cause::Timeout)], NOON.plus(secs(1)));

    assert_eq!(probing.record(&POLICY, &old, ENDED.plus(secs(2))), probing);
}

#[test]
fn an_operators_word_stands_whatever_happens() {
    let word =
        |is_open| Forced { is_open, who: "ann".to_owned(), why: "maintenance".to_owned(), since_us: NOON };
    let bad = calls(&[(100, Cause::Auth)], NOON);
    let (shut, let_in) = (open().force(Some(word(true)), NOON), open().force(Some(word(false)), NOON));

    assert!(matches!(shut.admit(&POLICY, ENDED.plus(secs(9_999)), 0), Admission::Refused { .. }));
    assert_eq!(let_in.admit(&POLICY, NOON.plus(secs(3)), 99), Admission::Admitted);
    assert_eq!((shut.level(), let_in.level()), (2, 0));
    assert_eq!(let_in.record(&POLICY, &bad, NOON.plus(secs(5))), let_in);
    let freed = let_in.force(None, NOON.plus(secs(9)));
    assert_eq!((freed.state, freed.trips), (State::Closed, 0));
    assert_eq!(freed.record(&POLICY, &bad, NOON.plus(secs(9))), freed);
}

#[test]
fn it_is_kept_as_plain_data() {
    let breakers = [Breaker::default(), open(), open().probing(&POLICY, ENDED).unwrap(), returning()];
    for breaker in breakers {
        let text = serde_json::to_string(&breaker).unwrap();
        assert_eq!(serde_json::from_str::<Breaker>(&text).unwrap(), breaker, "{text}");
    }
    insta::assert_snapshot!(serde_json::to_string(&open()).unwrap(), @r#"{"state":"open","until_us":1795348817000000,"since_us":1795348802000000,"heeds_from_us":1795348817000000,"trips":1,"cause":"timeout","revision":1}"#);
}

fn any_cause() -> impl Strategy<Value = Cause> {
    prop_oneof![3 => Just(Cause::Ok), 2 => prop::sample::select(Cause::ALL.to_vec())]
}

/// Something that happens to a breaker: who writes it has seen the last revision.
#[derive(Clone, Debug)]
enum Event {
    /// Time goes by, in milliseconds.
    Wait(u64),
    /// A call asks to be admitted, and ends so long after, so.
    Call { draw: u8, took_ms: u64, cause: Cause },
    /// The writer hears of what has ended.
    Hear,
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..20_000_u64).prop_map(Event::Wait),
        (0..100_u8, 1..5_000_u64, any_cause()).prop_map(|(draw, took_ms, cause)| Event::Call {
            draw,
            took_ms,
            cause
        }),
        Just(Event::Hear),
    ]
}

proptest! {
    #[test]
    fn never_admits_within_the_cool_down_and_lets_one_probe_out_at_a_time(
        events in prop::collection::vec(any_event(), 1..200),
    ) {
        let (mut breaker, mut now, mut told) = (Breaker::default(), NOON, Vec::new());
        let (mut closed_until, mut probe_until, mut share) = (Timestamp::default(), Timestamp::default(), None);
        for (id, event) in (0..).zip(events) {
            match event {
                Event::Wait(ms) => now = now.plus(Duration::from_millis(ms)),
                Event::Call { draw, took_ms, cause } => {
                    let admission = breaker.admit(&POLICY, now, draw);
                    if now < closed_until {
                        let stays = |wait| now.plus(wait) >= closed_until;
                        let is_refused =
                            matches!(admission, Admission::Refused { retry_after } if stays(retry_after));
                        prop_assert!(is_refused, "{admission:?}");
                    }
                    if admission == Admission::Probe {
                        prop_assert!(now >= probe_until, "a second probe");
                        breaker = breaker.probing(&POLICY, now).unwrap();
                        probe_until = now.plus(Duration::from_millis(POLICY.probe_ms));
                        prop_assert_ne!(breaker.admit(&POLICY, now, draw), Admission::Probe);
                    }
                    if matches!(admission, Admission::Admitted | Admission::Probe) {
                        let took = Duration::from_millis(took_ms);
                        told.push(Outcome { ended_us: now.plus(took), ..outcome(id, cause, now) });
                    }
                }
                Event::Hear => {
                    let window = told.iter().filter(|one| one.ended_us <= now).cloned().collect();
                    let before = breaker.clone();
                    breaker = breaker.record(&POLICY, &window, now);
                    if let State::Open { until_us } = breaker.state && before.state != breaker.state {
                        prop_assert!(until_us.since(now) >= Duration::from_millis(POLICY.cool_down_ms));
                        prop_assert!(until_us.since(now) <= Duration::from_millis(POLICY.longest_ms));
                        (closed_until, probe_until) = (until_us, Timestamp::default());
                    }
                    prop_assert_eq!(breaker.record(&POLICY, &window, now), breaker.clone(), "heard twice");
                }
            }
            // From the first share on it only grows, until it trips.
            let is_returning = breaker.state == State::HalfOpen { probe_until_us: None };
            let now_share = (is_returning || breaker.state == State::Closed).then(|| breaker.share(&POLICY, now));
            if let (Some(before), Some(after)) = (share, now_share) {
                prop_assert!(after >= before, "{before} {after}");
            }
            share = now_share;
        }
    }

    #[test]
    fn opens_at_more_than_five_percent_with_enough_samples_whatever_the_order_of_arrival(
        good in 0..300_u64, bad in 0..40_u64, seed in any::<u64>(), repeats in 0..50_usize,
    ) {
        let window = calls(&[(good, Cause::Ok), (bad, Cause::Capacity)], NOON);
        let mut texts: Vec<Outcome> = (0..good + bad)
            .map(|place| {
                let cause = if place < good { Cause::Ok } else { Cause::Capacity };
                outcome(place, cause, NOON.plus(Duration::from_millis(10 * place)))
            })
            .collect();
        // Some arrive again, and all in another order.
        let again: Vec<Outcome> = texts.iter().take(repeats).cloned().collect();
        texts.extend(again);
        texts.sort_by_key(|one| one.id.parse::<u64>().unwrap().wrapping_mul(seed | 1));
        let now = NOON.plus(secs(10));

        let after = Breaker::default().record(&POLICY, &texts.into_iter().collect(), now);

        prop_assert_eq!(&after, &Breaker::default().record(&POLICY, &window, now));
        let should = bad >= POLICY.in_a_row || good + bad >= POLICY.min_calls && bad * 100 > (good + bad) * 5;
        prop_assert_eq!(after.level() == 2, should);
    }
}
