//! Whether a kept answer is served. Served is what scores at least as high as a border that verified pairs have proven:
//! among the pairs at or over it the share of wrong answers is under the bound, which is said wrongly of any border, at
//! any time, with a chance of at most 5 %.
//!
//! This holds while questions stay of their kind. What is admitted is compared less often than what is not, and so the
//! better pairs weigh less in the evidence than in what is served: it errs to the safe side.

use serde::{Deserialize, Serialize};

use crate::semantic::evidence::{Histogram, Pool, Tally};
use crate::semantic::likeness::Likeness;
use crate::semantic::millionths::Millionths;
use crate::semantic::policy::{Mode, SemanticPolicy};
use crate::semantic::score::{GRADES, Score, score};
use crate::semantic::similarity::Similarity;

/// What is done with a kept answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is served.
    Serve,
    /// The model is asked, and its answer compared with the kept one.
    Explore {
        /// Whether it would have been served, had it not been chosen to be checked.
        would_serve: bool,
    },
    /// The model is asked.
    Miss,
}

/// The chance that a border is taken for proven that is not.
const ONE_IN: f64 = 20.0;

/// The shares of wrong answers that are played against the bound, as parts of it.
const ALTERNATIVES: [f64; 4] = [0.0, 0.125, 0.333, 0.667];

/// Decides. `draw` is the caller's randomness: uniform in 0..1,000,000. In shadow mode the verdict is for the record.
#[must_use]
pub fn verdict(
    policy: &SemanticPolicy,
    (likeness, similarity): (Likeness, Similarity),
    entry: &Histogram,
    pool: &Pool,
    draw: u32,
) -> Verdict {
    let Likeness::Alike { apart } = likeness else { return Verdict::Miss };
    let reaches = |least: Millionths| i64::from(similarity.millionths()) >= i64::from(least.parts());
    if policy.mode == Mode::Fixed {
        let is_served = policy.threshold.is_some_and(reaches);
        return if is_served { Verdict::Serve } else { Verdict::Miss };
    }
    if !reaches(policy.explore_from) {
        return Verdict::Miss;
    }
    if !is_admitted(score(apart, similarity, entry, pool), policy.max_error, pool) {
        return Verdict::Explore { would_serve: false };
    }
    let is_explored = u64::from(draw % 1_000_000) < u64::from(policy.explore_percent) * 10_000;
    if is_explored { Verdict::Explore { would_serve: true } } else { Verdict::Serve }
}

/// Whether some border at or below the score is proven.
fn is_admitted(score: Score, max_error: Millionths, pool: &Pool) -> bool {
    let mut over = Tally::default();
    let mut is_proven = false;
    for (grade, tally) in pool.grades().iter().enumerate().rev() {
        over = over.plus(*tally);
        is_proven |= grade <= score.grade() && proves(over, max_error);
    }
    is_proven
}

/// Whether so many right and wrong answers prove that the share of wrong ones is under the bound, whenever one looks
/// and whichever of the borders one looks at.
///
/// It is a bet against the bound, at fair odds if that were the true share and at worse ones if the true share is
/// higher: the chance that it ever multiplies the stake by x is at most 1/x (Ville's inequality). The stake is spread
/// evenly over some better shares. Only the two counts matter, not their order.
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a test's statistic is no money")]
fn proves(tally: Tally, max_error: Millionths) -> bool {
    let bound = f64::from(max_error.parts()) / 1_000_000.0;
    let (right, wrong) = (tally.right as f64, tally.wrong as f64);
    let gain = |part: f64| {
        let lost = if tally.wrong == 0 { 0.0 } else { wrong * part.ln() };
        (lost + right * ((1.0 - part * bound) / (1.0 - bound)).ln()).exp()
    };
    let stakes = ALTERNATIVES.len() as f64;
    let gained: f64 = ALTERNATIVES.iter().map(|part| gain(*part)).sum();
    gained / stakes >= ONE_IN * GRADES as f64
}

#[cfg(test)]
mod tests;
