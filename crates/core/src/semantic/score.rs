//! How likely a kept answer is wrong for a new question: a guess that puts pairs in an order. What is promised does not
//! rest on it: it is tested afterwards, grade by grade.

use serde::{Deserialize, Serialize};

use crate::semantic::evidence::{Histogram, Pool, STEPS, Tally, step};
use crate::semantic::likeness::Strangers;
use crate::semantic::similarity::Similarity;

/// How many grades of scores are told apart.
pub const GRADES: usize = 16;

/// The share of wrong answers, in millionths, below which each grade but the lowest lies.
const BELOW: [u32; GRADES - 1] = [
    400_000, 300_000, 220_000, 160_000, 120_000, 90_000, 66_000, 49_000, 36_000, 27_000, 20_000, 15_000,
    11_000, 8_000, 6_000,
];

/// How much the guess without an entry's own evidence weighs, in tenths of a verified pair. Entries are mostly right
/// for all that is near them, or for little: two verified pairs say more of an entry than its route does.
const PRIOR: u64 = 6;

/// The weight, in tenths, of a pair that speaks for this similarity: right though farther, or wrong though nearer.
const FULL: u64 = 10;

/// The weight, in tenths, of the others.
const HALF: u64 = 5;

/// The guessed share of right answers among pairs such as this, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(u32);

impl Score {
    /// From millionths.
    #[must_use]
    pub const fn from_millionths(millionths: u32) -> Self {
        Self(if millionths > 1_000_000 { 1_000_000 } else { millionths })
    }

    /// In millionths.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// The grade: higher is better.
    #[must_use]
    pub fn grade(self) -> usize {
        let wrong = 1_000_000 - self.0;
        BELOW.iter().take_while(|least| wrong < **least).count()
    }
}

/// What is thought of a pair: what its route has shown of pairs as near and as like, corrected by what its entry has.
#[must_use]
pub fn score(apart: u8, similarity: Similarity, entry: &Histogram, pool: &Pool) -> Score {
    let Some(step) = step(similarity) else { return Score(0) };
    let right = calibrated(pool.steps(Strangers::of(apart)), step);
    let around = entry.around(similarity);
    let weigh = |full: u64, half: u64| full.saturating_mul(FULL).saturating_add(half.saturating_mul(HALF));
    let (rights, wrongs) =
        (weigh(around.right, around.nearer_right), weigh(around.wrong, around.farther_wrong));
    let all = u128::from(PRIOR) + u128::from(rights) + u128::from(wrongs);
    let sum = u128::from(PRIOR) * u128::from(right) + u128::from(rights) * 1_000_000;
    Score(u32::try_from(sum / all).unwrap_or(0))
}

/// The share of right answers in millionths at a step, such that it never falls as similarity grows: of all runs of
/// steps that end at or after this one the worst, and of those the best over all starts at or before it. No more right
/// pairs lower it, and no more wrong ones raise it.
fn calibrated(steps: &[Tally; STEPS], at: usize) -> u32 {
    let share = |start: usize| {
        let mut sum = steps[start..at].iter().fold(Tally::default(), |sum, tally| sum.plus(*tally));
        let mut worst = u32::MAX;
        for tally in &steps[at..] {
            sum = sum.plus(*tally);
            worst = worst.min(smoothed(sum));
        }
        worst
    };
    (0..=at).map(share).max().unwrap_or(0)
}

/// The share of right ones, as if half a pair more had been right, and half a pair wrong.
fn smoothed(tally: Tally) -> u32 {
    let right = u128::from(tally.right) * 2 + 1;
    let all = u128::from(tally.total()) * 2 + 2;
    u32::try_from(right * 1_000_000 / all).unwrap_or(1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tallies() -> impl Strategy<Value = [Tally; STEPS]> {
        let tally = (0_u64..20, 0_u64..20).prop_map(|(right, wrong)| Tally { right, wrong });
        proptest::collection::vec(tally, STEPS)
            .prop_map(|tallies| tallies.try_into().expect("as many as steps"))
    }

    proptest! {
        #[test]
        fn nearer_pairs_are_never_thought_worse_of(steps in tallies(), at in 1..STEPS) {
            prop_assert!(calibrated(&steps, at - 1) <= calibrated(&steps, at));
        }

        #[test]
        fn right_pairs_never_lower_and_wrong_ones_never_raise_it(steps in tallies(), at in 0..STEPS, more in 0..STEPS) {
            let (mut better, mut worse) = (steps, steps);
            better[more].right += 1;
            worse[more].wrong += 1;

            prop_assert!(calibrated(&better, at) >= calibrated(&steps, at));
            prop_assert!(calibrated(&worse, at) <= calibrated(&steps, at));
        }
    }

    #[test]
    fn a_better_score_has_a_better_grade() {
        assert_eq!(Score(0).grade(), 0);
        assert_eq!(Score(600_000).grade(), 0);
        assert_eq!(Score(600_001).grade(), 1);
        assert_eq!(Score(994_000).grade(), GRADES - 2);
        assert_eq!(Score(1_000_000).grade(), GRADES - 1);
    }
}
