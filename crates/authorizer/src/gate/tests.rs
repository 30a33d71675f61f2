use tollgate_core::rate::{RateRefusal, RateStanding, Units};

use super::*;
use crate::testing::{MemoryRates, Mood, NOON, record};

const KEY: &str = "key#777777777777";
const USER: &str = "acme/alice";

fn policy(burst: u32) -> RatePolicy {
    RatePolicy { interval_us: 1_000_000, burst, requests_per_day: None }
}

fn limited(of_key: u32, of_user: u32) -> KeyRecord {
    KeyRecord { rate: policy(of_user), key_rate: Some(policy(of_key)), ..record() }
}

fn call(request_id: &str) -> Take<'_> {
    Take { units: Units::ONE, request_id, now: NOON }
}

fn gate(mood: Mood) -> (Gate, Arc<MemoryRates>) {
    let rates = Arc::new(MemoryRates::in_mood(mood));
    (Gate::new(rates.clone()), rates)
}

fn limit_and_remaining(taken: Taken) -> (u64, u64) {
    match taken {
        Taken::Admitted(RateStanding { limit, remaining, .. }) => (limit, remaining),
        Taken::Refused(refusal) => panic!("{refusal:?}"),
    }
}

#[tokio::test]
async fn a_call_takes_of_its_key_and_its_user_and_is_told_which_has_less_left() {
    let (gate, rates) = gate(Mood::Well);

    let by_key = gate.take(&limited(2, 5), call("a")).await.unwrap();
    let by_user = gate.take(&limited(9, 5), call("b")).await.unwrap();

    assert_eq!([by_key, by_user].map(limit_and_remaining), [(2, 1), (5, 3)]);
    assert_eq!((rates.counted(KEY), rates.counted(USER)), (2, 2));
}

#[tokio::test]
async fn a_key_without_a_rate_of_its_own_has_its_users() {
    let (gate, rates) = gate(Mood::Well);

    gate.take(&record(), call("a")).await.unwrap();

    assert_eq!((rates.counted(KEY), rates.counted(USER)), (0, 1));
}

#[tokio::test]
async fn a_key_over_its_own_rate_costs_its_user_nothing() {
    let (gate, rates) = gate(Mood::Well);
    gate.take(&limited(1, 5), call("a")).await.unwrap();

    let refused = gate.take(&limited(1, 5), call("b")).await.unwrap();

    let Taken::Refused(RateRefusal::Rate { standing, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(standing.limit, 1);
    assert_eq!(rates.counted(USER), 1);
}

/// Another key of the same user has used up what the user has.
#[tokio::test]
async fn a_call_that_its_user_is_refused_costs_its_key_nothing() {
    let (gate, rates) = gate(Mood::Well);
    gate.take(&limited(5, 1), call("a")).await.unwrap();

    for id in ["b", "c", "d", "e", "f", "g"] {
        let refused = gate.take(&limited(5, 1), call(id)).await.unwrap();

        let Taken::Refused(refusal) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.retry_after_secs(), Some(1));
        let RateRefusal::Rate { standing, .. } = refusal else { panic!("{refusal:?}") };
        assert_eq!(standing.limit, 1, "the refuser's figures are told");
    }
    assert_eq!((rates.counted(KEY), rates.counted(USER)), (1, 1));
}

#[tokio::test]
async fn a_refusal_stands_though_nothing_could_be_given_back() {
    let (gate, rates) = gate(Mood::Grasping);
    gate.take(&limited(5, 1), call("a")).await.unwrap();

    let refused = gate.take(&limited(5, 1), call("b")).await;

    assert!(matches!(refused, Ok(Taken::Refused(_))), "{refused:?}");
    assert_eq!(rates.counted(KEY), 2);
}
