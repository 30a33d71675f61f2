//! Whether two questions can mean the same, judged by the words that must not differ.

use serde::{Deserialize, Serialize};

use crate::semantic::features::{Features, MAX_WORDS, Word, hash};
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
    /// They are too long to be compared word by word.
    Length,
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
    /// One asks of more things than the other.
    Joints,
    /// The new one only adds words: it asks for something narrower.
    Narrower,
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

/// Compares a new question with a kept one.
#[must_use]
pub fn likeness(kept: &Features, new: &Features) -> Likeness {
    if kept.whole == new.whole && kept.length == new.length {
        return Likeness::Alike { apart: 0 };
    }
    if let Some(reason) = difference(kept, new) {
        return Likeness::Different(reason);
    }
    let apart = missing(&kept.content, &new.content) + missing(&new.content, &kept.content);
    Likeness::Alike { apart: u8::try_from(apart).unwrap_or(u8::MAX) }
}

fn difference(kept: &Features, new: &Features) -> Option<Reason> {
    if kept.length.max(new.length) > MAX_WORDS {
        return Some(Reason::Length);
    }
    if kept.numbers != new.numbers {
        return Some(Reason::Numbers);
    }
    if kept.measures != new.measures {
        return Some(Reason::Measures);
    }
    if kept.negations != new.negations {
        return Some(Reason::Negation);
    }
    if has_foreign(kept, new) || has_foreign(new, kept) {
        return Some(Reason::Entities);
    }
    if are_opposites(kept, new) {
        return Some(Reason::Opposites);
    }
    if kept.asks != new.asks {
        return Some(Reason::Asks);
    }
    if kept.joints != new.joints {
        return Some(Reason::Joints);
    }
    if missing(&kept.content, &new.content) == 0 && missing(&new.content, &kept.content) > 0 {
        return Some(Reason::Narrower);
    }
    if is_turned(kept, new) {
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
    one.content != other.content
        && missing(&one.content, &other.content) == 0
        && missing(&other.content, &one.content) == 0
}

/// How many of these words the others are without.
fn missing(words: &[Word], others: &[Word]) -> usize {
    words.iter().filter(|word| !others.contains(word)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compare(kept: &str, new: &str) -> Likeness {
        likeness(&Features::of(kept), &Features::of(new))
    }

    #[test]
    fn what_must_not_differ_is_named() {
        let cases = [
            ("Who won the cup in 2014?", "Who won the cup in 2018?", Reason::Numbers),
            ("Wie viele Tage hat Monat 2?", "Wie viele Tage hat Monat 3?", Reason::Numbers),
            ("What happens on monday?", "What happens on tuesday?", Reason::Measures),
            ("How far is it in miles?", "How far is it in km?", Reason::Measures),
            ("Can dogs eat grapes?", "Can't dogs eat grapes?", Reason::Negation),
            ("Darf man das?", "Darf man das nicht?", Reason::Negation),
            ("What is the capital of France?", "What is the capital of Spain?", Reason::Entities),
            ("What does `foo` mean?", "What does `bar` mean?", Reason::Entities),
            ("Should I buy gold now?", "Should I sell gold now?", Reason::Opposites),
            ("What is the best phone?", "What is the worst phone?", Reason::Opposites),
            ("What to do before lunch?", "What to do after lunch?", Reason::Opposites),
            ("Why is tea healthy?", "Where is tea healthy?", Reason::Asks),
            ("How do I quit?", "Should I quit?", Reason::Asks),
            ("How do I learn reading?", "How do I learn reading and writing?", Reason::Joints),
            ("How do I hire a hacker?", "How do I hire a cheap hacker?", Reason::Narrower),
            ("How do I convert euros to dollars?", "How do I convert dollars to euros?", Reason::Order),
            ("How do I get from oslo to rome?", "How do I get from rome to oslo?", Reason::Order),
        ];
        for (kept, new, reason) in cases {
            assert_eq!(compare(kept, new), Likeness::Different(reason), "{kept} {new}");
        }
    }

    #[test]
    fn other_words_for_the_same_are_counted() {
        for (kept, new, apart) in [
            ("What is the capital of France?", "what's the capital of france", 0),
            ("What are the best books about tea?", "Which is the best book on tea?", 0),
            ("How can I learn python fast?", "What's a quick method to learn python?", 5),
        ] {
            assert_eq!(compare(kept, new), Likeness::Alike { apart }, "{kept} {new}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_like_itself(text in ".{0,60}") {
            prop_assert_eq!(compare(&text, &text), Likeness::Alike { apart: 0 });
        }

        #[test]
        fn another_number_is_never_alike(one in 13_u32..10_000, other in 13_u32..10_000) {
            prop_assume!(one != other);

            let (kept, new) = (format!("What about {one}?"), format!("What about {other}?"));

            prop_assert_eq!(compare(&kept, &new), Likeness::Different(Reason::Numbers));
        }
    }
}
