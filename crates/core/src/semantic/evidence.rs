//! What verified pairs have shown, as counters that are only ever added to: concurrent writers lose nothing, and the
//! order in which they come does not matter.

use serde::{Deserialize, Serialize};

use crate::semantic::likeness::Strangers;
use crate::semantic::score::{GRADES, Score};
use crate::semantic::similarity::Similarity;

/// How many steps of similarity are told apart, from [`LEAST`] up.
pub const STEPS: usize = 32;

/// Below this similarity nothing is kept of a pair: 0.7.
pub const LEAST: i32 = 700_000;

/// A pair of questions whose answers were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// How near the questions are.
    pub similarity: Similarity,
    /// How many words that carry meaning only one of them has.
    pub apart: u8,
    /// What was thought of the pair before it was verified.
    pub score: Score,
    /// Whether the kept answer was right for the new question.
    pub is_right: bool,
}

/// How often it was right, and how often wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often it was right.
    pub right: u64,
    /// How often it was wrong.
    pub wrong: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.right.saturating_add(self.wrong)
    }

    /// The sum of two tallies.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { right: self.right.saturating_add(other.right), wrong: self.wrong.saturating_add(other.wrong) }
    }

    const fn note(&mut self, is_right: bool, count: u64) {
        let counter = if is_right { &mut self.right } else { &mut self.wrong };
        *counter = counter.saturating_add(count);
    }
}

/// What pairs with one entry have shown, by the step of similarity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    steps: [Tally; STEPS],
}

/// What pairs of a whole route of a tenant have shown: by words apart and similarity, from which scores are made, and
/// by score, from which it is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    pairs: [[Tally; STEPS]; Strangers::COUNT],
    grades: [Tally; GRADES],
}

/// The counters that an observation adds one to: attributes of two items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Of the item of the entry, and of that of the new question, once that is an entry itself.
    pub entry: String,
    /// Of the item of the route.
    pub pool: [String; 2],
}

/// The names of the counters that an observation adds one to, and nothing where it lies below [`LEAST`].
#[must_use]
pub fn attributes(observation: &Observation) -> Option<Attributes> {
    let step = step(observation.similarity)?;
    let letter = if observation.is_right { 'r' } else { 'w' };
    let strangers = Strangers::of(observation.apart).index();
    let grade = observation.score.grade();
    Some(Attributes {
        entry: format!("{letter}{step}"),
        pool: [format!("{letter}{strangers}_{step}"), format!("{letter}g{grade}")],
    })
}

impl Histogram {
    /// Adds an observation.
    pub fn note(&mut self, observation: &Observation) {
        if let Some(tally) = step(observation.similarity).and_then(|step| self.steps.get_mut(step)) {
            tally.note(observation.is_right, 1);
        }
    }

    /// Reads the counters of an item; other attributes are passed over.
    pub fn from_attributes<'a>(attributes: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let mut histogram = Self::default();
        for (name, count) in attributes {
            let Some((is_right, place)) = letter(name) else { continue };
            if let Some(tally) = index(place).and_then(|step| histogram.steps.get_mut(step)) {
                tally.note(is_right, count);
            }
        }
        histogram
    }

    /// What the entry's pairs say of a pair with this similarity.
    #[must_use]
    pub fn around(&self, similarity: Similarity) -> Around {
        let here = step(similarity).unwrap_or(0);
        let sum = |steps: &[Tally]| steps.iter().fold(Tally::default(), |sum, tally| sum.plus(*tally));
        let (farther, nearer) = (&self.steps[..=here], &self.steps[here..]);
        let last_right = farther.iter().rposition(|tally| tally.right > 0).map_or(0, |step| step + 1);
        let first_wrong = nearer.iter().position(|tally| tally.wrong > 0).unwrap_or(nearer.len());
        let (right, wrong) = (sum(farther).right, sum(nearer).wrong);
        // What stands at this very step is counted above already.
        let doubtful = &self.steps[last_right.min(here)..here];
        let hopeful = nearer.get(1..first_wrong).unwrap_or_default();
        Around { right, wrong, nearer_right: sum(hopeful).right, farther_wrong: sum(doubtful).wrong }
    }
}

/// An entry's pairs, seen from a similarity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// Right ones as near or farther: what is nearer than those should be right too.
    pub right: u64,
    /// Wrong ones as near or nearer: what is farther than those should be wrong too.
    pub wrong: u64,
    /// Right ones that are nearer, with no wrong one between.
    pub nearer_right: u64,
    /// Wrong ones that are farther, with no right one between.
    pub farther_wrong: u64,
}

impl Pool {
    /// Adds an observation.
    pub fn note(&mut self, observation: &Observation) {
        let Some(step) = step(observation.similarity) else { return };
        let steps = self.pairs.get_mut(Strangers::of(observation.apart).index());
        if let Some(tally) = steps.and_then(|steps| steps.get_mut(step)) {
            tally.note(observation.is_right, 1);
        }
        if let Some(tally) = self.grades.get_mut(observation.score.grade()) {
            tally.note(observation.is_right, 1);
        }
    }

    /// Reads the counters of an item; other attributes are passed over.
    pub fn from_attributes<'a>(attributes: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let mut pool = Self::default();
        for (name, count) in attributes {
            let Some((is_right, place)) = letter(name) else { continue };
            let tally = match (place.strip_prefix('g'), place.split_once('_')) {
                (Some(grade), _) => index(grade).and_then(|grade| pool.grades.get_mut(grade)),
                (None, Some((strangers, step))) => index(strangers)
                    .and_then(|strangers| pool.pairs.get_mut(strangers))
                    .zip(index(step))
                    .and_then(|(steps, step)| steps.get_mut(step)),
                (None, None) => None,
            };
            if let Some(tally) = tally {
                tally.note(is_right, count);
            }
        }
        pool
    }

    /// The tallies by step of similarity, of pairs with so many words apart.
    #[must_use]
    pub const fn steps(&self, strangers: Strangers) -> &[Tally; STEPS] {
        &self.pairs[strangers.index()]
    }

    /// The tallies by grade of the score.
    #[must_use]
    pub const fn grades(&self) -> &[Tally; GRADES] {
        &self.grades
    }
}

/// The step of a similarity, where it has one.
#[must_use]
pub fn step(similarity: Similarity) -> Option<usize> {
    let over = usize::try_from(similarity.millionths() - LEAST).ok()?;
    Some((over * STEPS / 300_000).min(STEPS - 1))
}

fn letter(name: &str) -> Option<(bool, &str)> {
    name.strip_prefix('r').map(|place| (true, place)).or_else(|| Some((false, name.strip_prefix('w')?)))
}

/// A number as it is written in a name: `r07` and `r+7` are nobody's.
fn index(text: &str) -> Option<usize> {
    let number: usize = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests;
