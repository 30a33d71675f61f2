//! What docs/BENCHMARKS.md says of the semantic cache, kept true: labelled question pairs are replayed with the
//! similarities that were measured once, so that neither a model nor Python is needed.

#[path = "../examples/semantic_quality/replay.rs"]
mod replay;

use replay::{Outcome, fixed, kept, learned, replay};

/// The share of false hits in parts per million of the hits.
fn share(outcome: Outcome) -> u32 {
    u32::try_from(u64::from(outcome.false_hits) * 1_000_000 / u64::from(outcome.hits.max(1))).expect("a share")
}

/// Replays in three orders; none may have a larger share of false hits than the bound. Gives the hits of all.
fn hits_within(sample: &str, bound: &str) -> u32 {
    let (pairs, policy) = (kept(sample), learned(bound));
    let mut hits = 0;
    for seed in 1..=3 {
        let outcome = replay(&pairs, &policy, seed).whole();
        assert!(share(outcome) <= policy.max_error.parts(), "{sample} {bound} {seed}: {outcome:?}");
        hits += outcome.hits;
    }
    hits
}

#[test]
fn where_the_labels_are_wrong_more_often_than_the_bound_nothing_is_served() {
    for bound in ["0.005", "0.01", "0.02"] {
        assert_eq!(hits_within("quora", bound), 0, "{bound}");
    }
}

#[test]
fn false_hits_stay_under_the_bound() {
    assert!(hits_within("quora", "0.05") > 500);
}

#[test]
fn one_threshold_for_all_does_worse() {
    for (sample, least) in [("quora", "0.95")] {
        let pairs = kept(sample);
        for threshold in ["0.80", "0.85", "0.90", least] {
            assert!(share(fixed(&pairs, threshold, false)) > 50_000, "{sample} {threshold}");
        }
    }
}

#[test]
fn comparing_the_words_takes_false_hits_from_any_threshold() {
    for sample in ["quora"] {
        let pairs = kept(sample);
        for threshold in ["0.80", "0.85", "0.90", "0.95"] {
            let (bare, guarded) = (fixed(&pairs, threshold, false), fixed(&pairs, threshold, true));
            assert!(share(guarded) < share(bare), "{sample} {threshold}: {guarded:?} {bare:?}");
        }
    }
}
