use proptest::prelude::*;

use super::Strategy;
use super::*;
use crate::routing::{Pace, Rating};
use crate::time::Timestamp;

fn candidate(id: &str, cost: u64, pace: Option<(u64, u64)>) -> Candidate<'_> {
    let pace = pace.map(|(p95_us, samples)| Pace { p95_us, samples, at_us: Timestamp::default() });
    let half = Millionths::new(500_000);
    Candidate { id, cost: Some(Nanos(cost)), pace, quality: half, compliance: half }
}

fn strategy(text: &str) -> Strategy {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_cheapest_goes_first_and_one_without_a_price_last() {
    let unpriced = Candidate { cost: None, ..candidate("c", 0, None) };
    let order = strategy(r#"{"kind":"cost"}"#)
        .order(&[unpriced, candidate("a", 20, None), candidate("b", 10, None)], 0);

    assert_eq!((order.places, order.reason), (vec![2, 1, 0], Reason::Cheapest));
}

#[test]
fn the_fastest_goes_first_where_enough_is_known() {
    let latency = strategy(r#"{"kind":"latency"}"#);
    let candidates = [
        candidate("a", 1, Some((900, 50))),
        candidate("b", 1, Some((10, 3))),
        candidate("c", 1, Some((500, 20))),
    ];

    let order = latency.order(&candidates, 99);
    assert_eq!((order.places, order.reason), (vec![2, 0, 1], Reason::Fastest));
    let explored = latency.order(&candidates, 4);
    assert_eq!((explored.places, explored.reason), (vec![1, 2, 0], Reason::Explored));
    let unknown = latency.order(&[candidate("a", 1, None), candidate("b", 1, None)], 99);
    assert_eq!((unknown.places, unknown.reason), (vec![0, 1], Reason::Weight));
    assert_eq!(latency.order(&[candidate("a", 1, None)], 0).reason, Reason::Weight);
}

#[test]
fn a_score_is_explained_by_its_parts() {
    let score = strategy(r#"{"kind":"score","cost":0.5,"latency":0.25,"quality":0.25}"#);
    let good = Candidate { quality: Millionths::new(1_000_000), ..candidate("good", 40, Some((100, 30))) };
    let cheap = candidate("cheap", 10, Some((200, 30)));

    let order = score.order(&[good, cheap], 0);

    assert_eq!((order.places, order.reason), (vec![1, 0], Reason::BestScore));
    let totals: Vec<u32> = order.scores.iter().map(|score| score.total.parts()).collect();
    // 0.5 · 10/40 + 0.25 · 1 + 0.25 · 1, and 0.5 · 1 + 0.25 · 100/200 + 0.25 · 0.5.
    assert_eq!(totals, [625_000, 750_000]);
}

#[test]
fn feedback_moves_the_quality_that_the_catalogue_says() {
    let prior = Millionths::new(500_000);

    assert_eq!(Rating::default().quality(prior), prior);
    assert_eq!(Rating { sum: 20_000_000, count: 20 }.quality(prior), Millionths::new(750_000));
    assert_eq!(Rating { sum: 0, count: 20 }.quality(prior), Millionths::new(250_000));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for text in [
        r#"{"kind":"latency","explore_percent":51}"#,
        r#"{"kind":"latency","min_samples":0}"#,
        r#"{"kind":"latency","min_samples":41,"probe":true}"#,
        r#"{"kind":"score"}"#,
    ] {
        assert!(strategy(text).fault().is_some(), "{text}");
    }
    for text in [r#"{"kind":"latency","min_samples":41}"#, r#"{"kind":"latency","probe":true}"#] {
        assert_eq!(strategy(text).fault(), None, "{text}");
    }
    for text in [r#"{"kind":"luck"}"#, r#"{"kind":"cost","colour":1}"#, r#"{}"#] {
        assert!(serde_json::from_str::<Strategy>(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn every_candidate_has_one_place(
        costs in proptest::collection::vec((0_u64..100, proptest::option::of((0_u64..100, 0_u64..40))), 0..6),
        draw in 0_u32..1_000_000,
        kind in prop::sample::select(vec![
            r#"{"kind":"weighted"}"#, r#"{"kind":"failover"}"#, r#"{"kind":"cost"}"#,
            r#"{"kind":"latency","explore_percent":50}"#, r#"{"kind":"score","cost":1,"latency":1,"quality":2}"#,
        ]),
    ) {
        let candidates: Vec<_> = costs.iter().map(|(cost, pace)| candidate("t", *cost, *pace)).collect();

        let mut places = strategy(kind).order(&candidates, draw).places;

        places.sort_unstable();
        prop_assert_eq!(places, (0..candidates.len()).collect::<Vec<_>>());
    }
}
