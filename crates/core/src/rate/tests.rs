use proptest::prelude::*;

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

/// Applies a step as the conditional writes do.
fn apply(policy: &RatePolicy, state: &mut RateState, take: Take<'_>) -> Step {
    let step = policy.next(state, take.units, take.now, take.request_id);
    *state = state.after(step, policy, take);
    step
}

fn take(units: u32, now: Timestamp, request_id: &str) -> Take<'_> {
    Take { units: self::units(units), request_id, now }
}

fn units(count: u32) -> Units {
    Units::new(count).unwrap()
}

fn policy(interval_us: u64, burst: u32) -> RatePolicy {
    RatePolicy { interval_us, burst, requests_per_day: None }
}

fn is_admitted(step: Step) -> bool {
    matches!(step, Step::Idle | Step::Busy)
}

fn retry_after(step: Step) -> Option<u64> {
    match step {
        Step::Refuse(refusal) => refusal.retry_after_secs(),
        Step::Idle | Step::Busy | Step::AlreadyCounted => panic!("not refused: {step:?}"),
    }
}

#[test]
fn a_new_user_is_admitted() {
    let step = policy(1_000_000, 1).next(&RateState::default(), Units::ONE, NOON, "a");

    assert_eq!(step, Step::Idle);
}

#[test]
fn a_retried_write_counts_once() {
    let policy = policy(1_000_000, 5);
    let mut state = RateState::default();

    apply(&policy, &mut state, take(2, NOON, "a"));

    assert_eq!(apply(&policy, &mut state, take(2, NOON, "a")), Step::AlreadyCounted);
    assert_eq!(state.today, 2);
}

#[test]
fn the_day_ends_at_midnight() {
    let policy = RatePolicy { requests_per_day: Some(1), ..policy(1, 10) };
    let mut state = RateState::default();

    apply(&policy, &mut state, take(1, NOON, "a"));
    let step = apply(&policy, &mut state, take(1, NOON, "b"));

    let retry_after = Duration::from_secs(43_200);
    let standing = RateStanding { limit: 1, remaining: 0, reset: retry_after };
    assert_eq!(step, Step::Refuse(RateRefusal::Day { retry_after, standing }));
}

#[test]
fn a_day_that_is_spent_does_not_hide_a_rate_that_reaches_past_midnight() {
    let policy = RatePolicy { requests_per_day: Some(1), ..policy(86_400_000_000, 1) };
    let mut state = RateState::default();

    apply(&policy, &mut state, take(1, NOON, "a"));
    let step = apply(&policy, &mut state, take(1, NOON, "b"));

    assert_eq!(retry_after(step), Some(86_400));
}

#[test]
fn a_call_above_the_burst_or_the_day_is_never_admitted_and_promised_nothing() {
    let burst = policy(1_000_000, 3);
    let day = RatePolicy { requests_per_day: Some(2), ..burst };
    let refusal = |policy: RatePolicy, count| policy.next(&RateState::default(), units(count), NOON, "a");

    let never = |count, limit| Step::Refuse(RateRefusal::Never { units: units(count), limit });
    assert_eq!(refusal(burst, 4), never(4, Never::Burst(3)));
    assert_eq!(refusal(day, 3), never(3, Never::Day(2)));
    assert_eq!(retry_after(refusal(burst, 4)), None);
    assert_eq!([refusal(burst, 3), refusal(day, 2)], [Step::Idle; 2]);
}

#[test]
fn a_dear_call_is_told_what_is_left_for_cheaper_ones() {
    let policy = policy(1_000_000, 3);
    let mut state = RateState::default();

    apply(&policy, &mut state, take(2, NOON, "a"));
    let step = apply(&policy, &mut state, take(2, NOON, "b"));

    let standing = RateStanding { limit: 3, remaining: 1, reset: Duration::from_secs(2) };
    assert_eq!(step, Step::Refuse(RateRefusal::Rate { retry_after: Duration::from_secs(1), standing }));
}

#[test]
fn headers_show_the_day_where_it_has_less_left_than_the_burst() {
    let policy = RatePolicy { requests_per_day: Some(5), ..policy(1_000_000, 3) };
    let standing = |today| {
        let state = RateState { tat: Some(NOON.plus(Duration::from_secs(1))), today, last: None };
        let RateStanding { limit, remaining, .. } = policy.standing(&state, NOON);
        (limit, remaining)
    };

    assert_eq!([1, 3, 4, 7].map(standing), [(3, 2), (3, 2), (5, 1), (5, 0)]);
}

#[test]
fn resets_read_as_openai_writes_them() {
    assert_eq!(reset_text(Duration::from_millis(20)), "20ms");
    assert_eq!(reset_text(Duration::from_millis(1500)), "1s");
    assert_eq!(reset_text(Duration::from_secs(360)), "6m0s");
    assert_eq!(reset_text(Duration::from_secs(3723)), "1h2m3s");
}

#[test]
fn a_policy_without_a_day_is_read_and_written_without_one() {
    let json = serde_json::json!({"interval_us": 7, "burst": 3});

    assert_eq!(serde_json::from_value::<RatePolicy>(json.clone()).unwrap(), policy(7, 3));
    assert_eq!(serde_json::to_value(policy(7, 3)).unwrap(), json);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn never_admits_more_than_burst_and_rate_in_any_window(
        interval_us in 1_000..2_000_000_u64,
        burst in 1..20_u32,
        calls in proptest::collection::vec((0..3_000_000_u64, 1..8_u32), 1..60),
    ) {
        let policy = policy(interval_us, burst);
        let (mut state, mut now, mut admitted) = (RateState::default(), NOON, Vec::new());
        for (call, (gap, count)) in calls.into_iter().enumerate() {
            now = now.plus(Duration::from_micros(gap));
            if is_admitted(apply(&policy, &mut state, take(count, now, &call.to_string()))) {
                admitted.push((now, count));
            }
        }
        for (index, (start, _)) in admitted.iter().enumerate() {
            let mut sum = 0;
            for (end, count) in &admitted[index..] {
                sum += u128::from(*count);
                let window = end.since(*start).as_micros();
                prop_assert!(sum <= u128::from(burst) + window / u128::from(interval_us));
            }
        }
    }

    /// With the day's limit, which may end on either side of midnight.
    #[test]
    fn a_call_that_waits_as_told_is_admitted(
        interval_us in 1_000..5_000_000_u64,
        burst in 1..20_u32,
        per_day in proptest::option::of(1..60_u64),
        to_midnight in 0..200_u64,
        calls in proptest::collection::vec((0..100_000_u64, 1..8_u32), 1..80),
    ) {
        let policy = RatePolicy { requests_per_day: per_day, ..policy(interval_us, burst) };
        let mut now = NOON.day().end().minus(Duration::from_secs(to_midnight));
        let (mut state, mut day) = (RateState::default(), now.day());
        for (call, (gap, count)) in calls.into_iter().enumerate() {
            now = now.plus(Duration::from_micros(gap));
            turn(&mut state, &mut day, now);
            let Step::Refuse(refusal) = apply(&policy, &mut state, take(count, now, &call.to_string())) else {
                continue;
            };
            let is_too_dear = count > burst || per_day.is_some_and(|limit| u64::from(count) > limit);
            prop_assert_eq!(refusal.retry_after_secs().is_none(), is_too_dear);
            let Some(wait) = refusal.retry_after_secs() else { continue };
            now = now.plus(Duration::from_secs(wait));
            turn(&mut state, &mut day, now);
            let again = apply(&policy, &mut state, take(count, now, &format!("again {call}")));
            prop_assert!(is_admitted(again), "{:?}", again);
        }
    }

    #[test]
    fn remaining_is_what_would_be_admitted_at_once(
        interval_us in 1_000..2_000_000_u64,
        burst in 1..20_u32,
        per_day in proptest::option::of(1..40_u64),
        taken in proptest::collection::vec((0..3_000_000_u64, 1..8_u32), 1..20),
    ) {
        let policy = RatePolicy { requests_per_day: per_day, ..policy(interval_us, burst) };
        let (mut state, mut now) = (RateState::default(), NOON);
        for (call, (gap, count)) in taken.into_iter().enumerate() {
            now = now.plus(Duration::from_micros(gap));
            apply(&policy, &mut state, take(count, now, &call.to_string()));
        }

        let remaining = u32::try_from(policy.standing(&state, now).remaining).unwrap();

        let whole = Units::new(remaining).map(|whole| policy.next(&state, whole, now, "whole"));
        prop_assert!(whole.is_none_or(is_admitted), "{:?}", whole);
        let more = policy.next(&state, units(remaining + 1), now, "more");
        prop_assert!(matches!(more, Step::Refuse(_)), "{:?}", more);
        let mut singles = 0;
        while is_admitted(apply(&policy, &mut state, take(1, now, &format!("x{singles}")))) {
            singles += 1;
        }
        prop_assert_eq!(singles, remaining);
    }

    /// Whoever is refused elsewhere has not used up what was taken here, and a repeated giving back gives nothing.
    #[test]
    fn what_is_given_back_was_never_taken(
        interval_us in 1_000..2_000_000_u64,
        burst in 8..28_u32,
        before in proptest::collection::vec((0..3_000_000_u64, 1..8_u32), 0..20),
        count in 1..8_u32,
        later in 0..10_000_000_u64,
        asked in 1..20_u32,
    ) {
        let policy = policy(interval_us, burst);
        let (mut state, mut now) = (RateState::default(), NOON);
        for (call, (gap, count)) in before.into_iter().enumerate() {
            now = now.plus(Duration::from_micros(gap));
            apply(&policy, &mut state, take(count, now, &call.to_string()));
        }
        if let Step::Refuse(refusal) = policy.next(&state, units(count), now, "this") {
            now = now.plus(Duration::from_secs(refusal.retry_after_secs().unwrap()));
        }
        let (untouched, this) = (state.clone(), take(count, now, "this"));
        prop_assert!(is_admitted(apply(&policy, &mut state, this)));

        let given_back = state.given_back(&policy, this);

        let later = now.plus(Duration::from_micros(later));
        let next = |state: &RateState| policy.next(state, units(asked), later, "next");
        prop_assert_eq!(next(&given_back), next(&untouched));
        prop_assert_eq!(given_back.today, untouched.today);
        prop_assert_eq!(given_back.given_back(&policy, this), given_back);
    }

    #[test]
    fn what_another_call_came_after_is_not_given_back(count in 1..8_u32, other in 1..8_u32) {
        let policy = policy(1_000, 20);
        let mut state = RateState::default();
        apply(&policy, &mut state, take(count, NOON, "this"));
        apply(&policy, &mut state, take(other, NOON, "other"));

        prop_assert_eq!(state.given_back(&policy, take(count, NOON, "this")), state);
    }
}

/// The counter of a new day begins at nothing.
fn turn(state: &mut RateState, day: &mut Day, now: Timestamp) {
    if *day != now.day() {
        (*day, state.today) = (now.day(), 0);
    }
}
