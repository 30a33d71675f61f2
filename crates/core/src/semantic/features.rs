//! What of a question can be compared word by word. Words are kept as hashes: no text of a caller is stored.

use serde::{Deserialize, Serialize};

use crate::semantic::lexicon;

/// The hash of a word.
pub type Word = u32;

/// How many words are looked at; a longer text is like another only if all its words are the same.
pub(super) const MAX_WORDS: u32 = 512;

/// A question, word by word. Sets are sorted; the content words stand in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Features {
    /// Numbers, in digits or as words.
    #[serde(rename = "n", skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<Word>,
    /// Words of the calendar, and units.
    #[serde(rename = "m", skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Word>,
    /// How many words deny.
    #[serde(rename = "x")]
    pub negations: u16,
    /// How many words join one thing to another, or leave a choice.
    #[serde(rename = "j")]
    pub joints: u16,
    /// Names, abbreviations, quotations, addresses and identifiers.
    #[serde(rename = "e", skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Word>,
    /// Words that have an opposite, as they stand.
    #[serde(rename = "o", skip_serializing_if = "Vec::is_empty")]
    pub poles: Vec<Word>,
    /// The words that carry the meaning, without their endings, each once and in its order.
    #[serde(rename = "w", skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Word>,
    /// What is asked for: a reason, a place, a time, a person, a yes or no.
    #[serde(rename = "a", skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Word>,
    /// The hash of all words in their order.
    #[serde(rename = "h")]
    pub whole: Word,
    /// How many words there are.
    #[serde(rename = "l")]
    pub length: u32,
}

impl Features {
    /// Reads a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let tokens = tokens(text);
        let is_title = is_title(&tokens);
        let mut features = Self::default();
        for token in &tokens {
            features.note(token, is_title);
        }
        for list in
            [&mut features.measures, &mut features.entities, &mut features.poles, &mut features.numbers]
        {
            list.sort_unstable();
        }
        features.asks.sort_unstable();
        for list in [&mut features.measures, &mut features.entities, &mut features.poles, &mut features.asks]
        {
            list.dedup();
        }
        features
    }

    fn note(&mut self, token: &Token<'_>, is_title: bool) {
        let word = token.text.to_lowercase();
        self.whole = follow(self.whole, &word);
        self.length = self.length.saturating_add(1);
        if self.length > MAX_WORDS {
            return;
        }
        if lexicon::is_negation(&word) {
            self.negations = self.negations.saturating_add(1);
            return;
        }
        if lexicon::is_joint(&word) {
            self.joints = self.joints.saturating_add(1);
        }
        if let Some(asked) = lexicon::asked(&word, token.is_first) {
            self.asks.push(hash(asked));
        }
        if lexicon::has_opposite(&word) {
            self.poles.push(hash(&word));
        }
        let stem = lexicon::stem(&word);
        if let Some(number) = number(&word) {
            self.numbers.push(hash(&number));
        } else if lexicon::is_measure(&word) || (token.text == "May" && !token.is_first) {
            self.measures.push(hash(&stem));
        } else if token.is_name(is_title) {
            self.entities.push(hash(&stem));
        }
        if !lexicon::is_stop(&word) && !self.content.contains(&hash(&stem)) {
            self.content.push(hash(&stem));
        }
    }
}

/// The hash of a word: FNV-1a, which is stable wherever it is computed.
#[must_use]
pub fn hash(word: &str) -> Word {
    follow(0x811c_9dc5, word)
}

fn follow(seed: Word, word: &str) -> Word {
    word.bytes().fold(seed, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)).rotate_left(1)
}

struct Token<'a> {
    text: &'a str,
    /// Whether a sentence begins with it.
    is_first: bool,
    is_quoted: bool,
}

impl Token<'_> {
    /// Whether it names something. Where every word is written large, that says nothing.
    fn is_name(&self, is_title: bool) -> bool {
        let has = |is: fn(char) -> bool| self.text.chars().any(is);
        let letters = self.text.chars().filter(|letter| letter.is_alphabetic()).count();
        if has(|letter| "@/_\\#".contains(letter)) || self.text.trim_matches('.').contains('.') {
            return true;
        }
        if has(char::is_numeric) && letters > 0 {
            return true;
        }
        if is_title {
            return self.is_quoted && letters > 0;
        }
        let inner_capital = self.text.chars().skip(1).any(char::is_uppercase);
        inner_capital
            || self.is_quoted
            || self.is_symbol()
            || (!self.is_first && self.is_capitalised() && self.text != "I")
    }

    fn is_symbol(&self) -> bool {
        !self.text.chars().any(char::is_alphanumeric)
    }

    fn is_capitalised(&self) -> bool {
        self.text.chars().next().is_some_and(char::is_uppercase)
    }
}

/// Whether most words that carry meaning are written large, as in a title.
fn is_title(tokens: &[Token<'_>]) -> bool {
    let inner = || {
        tokens.iter().filter(|token| {
            !token.is_first && token.text.len() > 3 && token.text.chars().all(char::is_alphabetic)
        })
    };
    let large = inner().filter(|token| token.is_capitalised()).count();
    large > 3 && large * 10 >= inner().count() * 9
}

/// Words, numbers, addresses and identifiers, in their order.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut is_first, mut is_quoted) = (true, false);
    for piece in text.split_whitespace() {
        let is_inner = |letter: char| "'’@/_\\#.,:-+&%$€£".contains(letter);
        for raw in piece.split_inclusive(|letter: char| !letter.is_alphanumeric() && !is_inner(letter)) {
            let opens = raw.ends_with(['"', '“', '«', '„', '`']);
            let closes = raw.ends_with(['”', '»']) || (opens && is_quoted);
            let whole =
                raw.trim_matches(|letter: char| !letter.is_alphanumeric() && !"#+%$€£".contains(letter));
            let symbol = raw.trim_matches(|letter: char| ".,?!;:'\"()[]-–—…’‘“”„«»&/`*\\".contains(letter));
            for part in parts(if whole.is_empty() { symbol } else { whole }) {
                tokens.push(Token { text: part, is_first, is_quoted });
                is_first = false;
            }
            is_quoted = (is_quoted || opens) && !closes;
            if raw.trim_end_matches(['"', '”', '\'', ')']).ends_with(['.', '?', '!', ':', ';']) {
                is_first = true;
            }
        }
    }
    tokens
}

/// A compound such as "step-by-step" or "and/or" word by word; an address, an identifier and a number as one.
fn parts(whole: &str) -> impl Iterator<Item = &str> {
    let is_one = whole.contains("://")
        || whole.contains('@')
        || whole.contains('_')
        || whole.chars().any(char::is_numeric)
        || (whole.contains('.') && whole.contains('/'));
    let separators: &[char] = if is_one { &[] } else { &['-', '/', ',', ':', '&', '\\'] };
    whole.split(separators).filter(|part| !part.is_empty())
}

/// The one spelling of a number: "1,000", "1000.0" and "thousand" are the same; "5kg" is 5, and its unit an entity.
fn number(word: &str) -> Option<String> {
    if let Some(digits) = lexicon::number(word) {
        return Some(digits.to_owned());
    }
    let plain = word.trim_start_matches(['$', '€', '£', '#', '+']).replace(',', "");
    let is_number = plain.starts_with(char::is_numeric)
        && plain.chars().all(|letter| letter.is_numeric() || ".:/-%+".contains(letter));
    if !is_number {
        return None;
    }
    let rest = if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.') } else { &plain };
    Some(rest.to_owned())
}

#[cfg(test)]
mod tests;
