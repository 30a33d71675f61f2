use proptest::prelude::*;

use super::*;

fn observation() -> impl Strategy<Value = Observation> {
    (600_000..=1_000_000_i32, 0_u8..6, 0..=1_000_000_u32, any::<bool>()).prop_map(
        |(similarity, apart, score, is_right)| Observation {
            similarity: Similarity::from_millionths(similarity),
            apart,
            score: Score::from_millionths(score),
            is_right,
        },
    )
}

/// The items of a table that adds one to each counter named.
fn added(observations: &[Observation]) -> [Vec<(String, u64)>; 2] {
    let named: Vec<_> = observations.iter().filter_map(attributes).collect();
    let entry = named.iter().map(|names| (names.entry.clone(), 1)).collect();
    let pool = named.iter().flat_map(|names| names.pool.clone()).map(|name| (name, 1)).collect();
    [entry, pool]
}

fn of(counters: &[(String, u64)]) -> impl Iterator<Item = (&str, u64)> {
    counters.iter().map(|(name, count)| (name.as_str(), *count))
}

proptest! {
    #[test]
    fn counters_added_up_in_a_table_are_what_was_noted_in_any_order(
        observations in proptest::collection::vec(observation(), 0..40),
    ) {
        let (mut histogram, mut pool) = (Histogram::default(), Pool::default());
        for observation in observations.iter().rev() {
            histogram.note(observation);
            pool.note(observation);
        }

        let [entry, route] = added(&observations);

        prop_assert_eq!(Histogram::from_attributes(of(&entry)), histogram);
        prop_assert_eq!(Pool::from_attributes(of(&route)), pool);
    }
}

fn noted(pairs: &[(i32, bool)]) -> Histogram {
    let mut histogram = Histogram::default();
    for (similarity, is_right) in pairs {
        let similarity = Similarity::from_millionths(*similarity);
        histogram.note(&Observation { similarity, apart: 0, score: Score::default(), is_right: *is_right });
    }
    histogram
}

#[test]
fn a_right_pair_takes_the_weight_from_wrong_ones_that_are_farther() {
    let histogram = noted(&[(750_000, false), (850_000, true), (900_000, false)]);
    let around = |at| histogram.around(Similarity::from_millionths(at));

    assert_eq!(around(950_000), Around { right: 1, wrong: 0, nearer_right: 0, farther_wrong: 1 });
    assert_eq!(around(880_000), Around { right: 1, wrong: 1, nearer_right: 0, farther_wrong: 0 });
    assert_eq!(around(800_000), Around { right: 0, wrong: 1, nearer_right: 1, farther_wrong: 1 });
    assert_eq!(around(750_000), Around { right: 0, wrong: 2, nearer_right: 0, farther_wrong: 0 });
}

#[test]
fn names_of_counters_are_stable() {
    let observation = Observation {
        similarity: Similarity::from_millionths(950_000),
        apart: 7,
        score: Score::from_millionths(990_000),
        is_right: true,
    };

    let names = attributes(&observation).unwrap();

    assert_eq!(
        (names.entry.as_str(), names.pool[0].as_str(), names.pool[1].as_str()),
        ("r26", "r3_26", "rg13")
    );
}

#[test]
fn what_is_no_counter_is_passed_over() {
    let others = [
        ("expires_at", 5),
        ("r32", 1),
        ("r07", 1),
        ("w", 1),
        ("rg16", 1),
        ("r4_1", 1),
        ("q1", 1),
        ("r-1", 1),
    ];

    assert_eq!(Histogram::from_attributes(others), Histogram::default());
    assert_eq!(Pool::from_attributes(others), Pool::default());
}

#[test]
fn pairs_below_the_floor_are_not_kept() {
    assert_eq!(step(Similarity::from_millionths(699_999)), None);
    assert_eq!(step(Similarity::from_millionths(700_000)), Some(0));
    assert_eq!(step(Similarity::ONE), Some(STEPS - 1));
}
