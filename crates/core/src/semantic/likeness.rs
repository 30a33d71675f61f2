//! Whether two questions can mean the same, judged by the words that must not differ.

use serde::{Deserialize, Serialize};

use crate::semantic::features::{Features, Word, hash};
use crate::semantic::lexicon;

/// How two questions compare, word by word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// They cannot mean the same: never served, and never asked about.
    Different(Reason),
    /// They can.
    Alike {
        /// How many words that carry meaning only one of them has.
        apart: u8,
    },
}

/// In what two questions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// In a number.
    Numbers,
    /// In a date, a time or a unit.
    Measures,
    /// One of them denies what the other does not.
    Negation,
    /// In a name.
    Entities,
    /// One asks for the contrary of the other.
    Opposites,
    /// One asks for a reason, a place, a time, a person, or a yes or no, and the other does not.
    Asks,
    /// The same words, the other way round.
    Order,
}

/// How many words that carry meaning only one of two questions has, as far as it is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strangers(usize);

impl Strangers {
    /// How many cases are told apart: none, one, two, more.
    pub const COUNT: usize = 4;

    /// The case of so many words.
    #[must_use]
    pub fn of(apart: u8) -> Self {
        Self(usize::from(apart).min(Self::COUNT - 1))
    }

    /// Its number, from zero.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// Compares two questions.
#[must_use]
pub fn likeness(one: &Features, other: &Features) -> Likeness {
    if one.whole == other.whole && one.length == other.length {
        return Likeness::Alike { apart: 0 };
    }
    if let Some(reason) = difference(one, other) {
        return Likeness::Different(reason);
    }
    let apart = missing(&one.content, &other.content) + missing(&other.content, &one.content);
    Likeness::Alike { apart: u8::try_from(apart).unwrap_or(u8::MAX) }
}

fn difference(one: &Features, other: &Features) -> Option<Reason> {
    if one.numbers != other.numbers {
        return Some(Reason::Numbers);
    }
    if one.measures != other.measures {
        return Some(Reason::Measures);
    }
    if one.negations != other.negations {
        return Some(Reason::Negation);
    }
    if has_foreign(one, other) || has_foreign(other, one) {
        return Some(Reason::Entities);
    }
    if are_opposites(one, other) {
        return Some(Reason::Opposites);
    }
    if one.asks != other.asks {
        return Some(Reason::Asks);
    }
    if is_turned(one, other) {
        return Some(Reason::Order);
    }
    None
}

/// Whether one names something that the other has no word for. The other need not write it large.
fn has_foreign(one: &Features, other: &Features) -> bool {
    one.entities.iter().any(|name| !other.entities.contains(name) && !other.content.contains(name))
}

/// Whether there is a pair of opposites of which each has only its own.
fn are_opposites(one: &Features, other: &Features) -> bool {
    if one.poles == other.poles || one.poles.is_empty() || other.poles.is_empty() {
        return false;
    }
    lexicon::opposites().any(|(left, right)| {
        let (left, right) = (hash(left), hash(right));
        let has = |features: &Features| (features.poles.contains(&left), features.poles.contains(&right));
        matches!((has(one), has(other)), ((true, false), (false, true)) | ((false, true), (true, false)))
    })
}

/// Whether all words that carry meaning are the same, in another order.
fn is_turned(one: &Features, other: &Features) -> bool {
    one.content != other.content && missing(&one.content, &other.content) == 0 && missing(&other.content, &one.content) == 0
}

/// How many of these words the others are without.
fn missing(words: &[Word], others: &[Word]) -> usize {
    words.iter().filter(|word| !others.contains(word)).count()
}
