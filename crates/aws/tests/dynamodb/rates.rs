use std::time::Duration;

use futures_util::future::join_all;
use tollgate_aws::rates::DynamoRates;
use tollgate_core::ports::{Rates, Taken};
use tollgate_core::rate::{RatePolicy, RateRefusal, RateStanding, Take, Units};
use tollgate_core::time::Timestamp;

use crate::table::{Item, Table};

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);
const POLICY: RatePolicy = RatePolicy { interval_us: 1_000_000, burst: 3, requests_per_day: None };

fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name).map(|value| value.as_n().expect("a number").parse().expect("a whole one"))
}

fn call(request_id: &str, now: Timestamp) -> Take<'_> {
    Take { units: Units::ONE, request_id, now }
}

fn is_admitted(taken: &Taken) -> bool {
    matches!(taken, Taken::Admitted(_))
}

async fn rates(test: &str) -> Option<(Table, DynamoRates)> {
    let table = Table::create(test, "scope").await?;
    let rates = DynamoRates::new(table.client.clone(), table.name.clone());
    Some((table, rates))
}

#[tokio::test]
async fn a_burst_is_admitted_and_the_next_call_waits_as_told() {
    let Some((table, rates)) = rates("rates-burst").await else { return };
    let take = |id: &'static str, now: Timestamp| rates.take("acme/alice", &POLICY, call(id, now));

    let remaining = |taken: Taken| match taken {
        Taken::Admitted(standing) => standing.remaining,
        Taken::Refused(refusal) => panic!("refused: {refusal:?}"),
    };
    assert_eq!(remaining(take("a", NOON).await.unwrap()), 2);
    assert_eq!(remaining(take("b", NOON).await.unwrap()), 1);
    assert_eq!(remaining(take("c", NOON).await.unwrap()), 0);
    let retry_after = Duration::from_secs(1);
    let standing = RateStanding { limit: 3, remaining: 0, reset: Duration::from_secs(3) };
    let refusal = Taken::Refused(RateRefusal::Rate { retry_after, standing });
    assert_eq!(take("d", NOON).await.unwrap(), refusal);
    assert!(is_admitted(&take("e", NOON.plus(retry_after)).await.unwrap()));
    table.drop().await;
}

#[tokio::test]
async fn a_call_that_comes_twice_counts_once() {
    let Some((table, rates)) = rates("rates-once").await else { return };
    let take = |id: &'static str| rates.take("acme/alice", &POLICY, call(id, NOON));

    let (first, again) = (take("a").await.unwrap(), take("a").await.unwrap());
    let (second, again_busy) = (take("b").await.unwrap(), take("b").await.unwrap());

    assert_eq!((first, second), (again, again_busy));
    let item = table.get("rate#acme/alice").await.unwrap();
    assert_eq!(number(&item, "tat"), Some(NOON.as_micros() + 2_000_000));
    assert_eq!(number(&item, "d20261122"), Some(2));
    table.drop().await;
}

#[tokio::test]
async fn sixty_four_calls_at_once_admit_exactly_the_burst() {
    let Some((table, rates)) = rates("rates-race").await else { return };
    let policy = RatePolicy { burst: 10, ..POLICY };
    let ids: Vec<String> = (0..64).map(|call| format!("call-{call}")).collect();

    let taken = join_all(ids.iter().map(|id| rates.take("acme/alice", &policy, call(id, NOON)))).await;

    let admitted = taken.into_iter().filter(|taken| is_admitted(taken.as_ref().unwrap())).count();
    assert_eq!(admitted, 10);
    let item = table.get("rate#acme/alice").await.unwrap();
    assert_eq!(number(&item, "tat"), Some(NOON.as_micros() + 10_000_000));
    assert_eq!(number(&item, "d20261122"), Some(10));
    table.drop().await;
}

#[tokio::test]
async fn the_days_requests_are_exact_under_a_race_and_begin_again_at_midnight() {
    let Some((table, rates)) = rates("rates-day").await else { return };
    let policy = RatePolicy { interval_us: 1, burst: 1_000, requests_per_day: Some(7) };
    let ids: Vec<String> = (0..32).map(|call| format!("call-{call}")).collect();

    let taken = join_all(ids.iter().map(|id| rates.take("acme/alice", &policy, call(id, NOON)))).await;

    let admitted = taken.into_iter().filter(|taken| is_admitted(taken.as_ref().unwrap())).count();
    assert_eq!(admitted, 7);
    let midnight = NOON.day().end();
    let refused = rates.take("acme/alice", &policy, call("late", NOON)).await.unwrap();
    let retry_after = midnight.since(NOON);
    let standing = RateStanding { limit: 7, remaining: 0, reset: retry_after };
    assert_eq!(refused, Taken::Refused(RateRefusal::Day { retry_after, standing }));
    assert!(is_admitted(&rates.take("acme/alice", &policy, call("early", midnight)).await.unwrap()));
    let item = table.get("rate#acme/alice").await.unwrap();
    assert_eq!((number(&item, "d20261122"), number(&item, "d20261123")), (None, Some(1)));
    assert_eq!(number(&item, "expires_at"), Some(midnight.as_secs() + 3 * 86_400));
    table.drop().await;
}

#[tokio::test]
async fn a_race_of_dear_calls_takes_no_more_units_than_the_burst() {
    let Some((table, rates)) = rates("rates-units").await else { return };
    let policy = RatePolicy { interval_us: 1_000_000, burst: 10, requests_per_day: Some(9) };
    let ids: Vec<String> = (0..12).map(|call| format!("call-{call}")).collect();
    let units = |index: usize| Units::new([1, 2, 3][index % 3]).unwrap();
    let take = |index: usize| Take { units: units(index), request_id: &ids[index], now: NOON };

    let taken = join_all((0..ids.len()).map(|index| rates.take("acme/alice", &policy, take(index)))).await;

    let admitted: u64 = taken
        .iter()
        .enumerate()
        .filter(|(_, taken)| is_admitted(taken.as_ref().unwrap()))
        .map(|(index, _)| u64::from(units(index)))
        .sum();
    let item = table.get("rate#acme/alice").await.unwrap();
    assert!((7..=9).contains(&admitted), "{admitted} of 9 units");
    assert_eq!(number(&item, "d20261122"), Some(admitted));
    assert_eq!(number(&item, "tat"), Some(NOON.as_micros() + admitted * 1_000_000));
    table.drop().await;
}

#[tokio::test]
async fn a_taking_is_given_back_once_and_not_over_another_call() {
    let Some((table, rates)) = rates("rates-back").await else { return };
    let take = |id: &'static str| Take { units: Units::new(2).unwrap(), ..call(id, NOON) };
    let state = async || {
        let item = table.get("rate#key#k1").await.unwrap();
        (
            number(&item, "tat").unwrap() - NOON.as_micros(),
            number(&item, "d20261122"),
            item.contains_key("last"),
        )
    };
    let policy = RatePolicy { burst: 6, ..POLICY };

    for id in ["a", "b"] {
        assert!(is_admitted(&rates.take("key#k1", &policy, take(id)).await.unwrap()));
    }
    rates.give_back("key#k1", &policy, take("a")).await.unwrap();
    assert_eq!(state().await, (4_000_000, Some(4), true));
    for _ in 0..2 {
        rates.give_back("key#k1", &policy, take("b")).await.unwrap();
        assert_eq!(state().await, (2_000_000, Some(2), false));
    }
    rates.give_back("key#nobody", &policy, take("c")).await.unwrap();
    assert_eq!(table.get("rate#key#nobody").await, None);
    table.drop().await;
}
