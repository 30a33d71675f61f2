//! What docs/BENCHMARKS.md says of the semantic cache, kept true: labelled question pairs are replayed with the
//! similarities that were measured once, so that neither a model nor Python is needed.

#[path = "../examples/semantic_quality/replay.rs"]
mod replay;

use replay::{Outcome, Pair, fixed, kept, learned, replay};

/// The share of false hits in parts per million of the hits.
fn share(outcome: Outcome) -> u32 {
    u32::try_from(u64::from(outcome.false_hits) * 1_000_000 / u64::from(outcome.hits.max(1)))
        .expect("a share")
}

/// Replays in two orders; neither may have a larger share of false hits than the bound. Gives the hits of both.
fn hits_within(pairs: &[Pair], bound: &str) -> u32 {
    let policy = learned(bound);
    let mut hits = 0;
    for seed in 1..=2 {
        let outcome = replay(pairs, &policy, seed).whole();
        assert!(share(outcome) <= policy.max_error.parts(), "{bound} {seed}: {outcome:?}");
        hits += outcome.hits;
    }
    hits
}

#[test]
fn false_hits_stay_under_the_bound_and_nothing_is_served_where_the_labels_are_wrong_more_often() {
    let quora = kept("quora");

    for bound in ["0.005", "0.01", "0.02"] {
        assert_eq!(hits_within(&quora, bound), 0, "{bound}");
    }
    assert!(hits_within(&quora, "0.05") > 200);
}

#[test]
fn false_hits_stay_under_the_bound_where_entries_are_asked_for_often() {
    let banking = kept("banking");

    for bound in ["0.005", "0.01"] {
        assert_eq!(hits_within(&banking, bound), 0, "{bound}");
    }
    hits_within(&banking, "0.02");
    assert!(hits_within(&banking, "0.03") > 1_000);
}

#[test]
fn one_threshold_for_all_does_worse_and_better_where_the_words_are_compared() {
    let quora = kept("quora");

    for threshold in ["0.80", "0.85", "0.90", "0.95"] {
        let (bare, guarded) = (fixed(&quora, threshold, false), fixed(&quora, threshold, true));
        assert!(share(bare) > 50_000, "{threshold}: {bare:?}");
        assert!(share(guarded) * 10 < share(bare) * 7, "{threshold}: {guarded:?} {bare:?}");
    }
}
