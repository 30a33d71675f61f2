//! JSON inside a string, as the arguments of a call: it stays JSON, and what stands in it is found as it is meant, not as
//! it is escaped.

use std::ops::Range;

use super::json::{is_json, string_end};
use super::{Class, Finding};

/// What a character of the text as it is meant belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Structure,
    String,
    Number,
}

/// A character of the text as it is meant.
struct Unit {
    /// Where it stands there.
    at: usize,
    /// Where it is written.
    from: Range<usize>,
    kind: Kind,
}

/// A JSON text as it is meant.
pub(super) struct Meaning {
    pub(super) text: String,
    units: Vec<Unit>,
}

/// A piece of a JSON text that is to be replaced.
pub(super) struct Piece {
    pub(super) class: Class,
    /// Where it is written.
    pub(super) range: Range<usize>,
    /// What it means.
    pub(super) value: String,
    /// It is a number, and what comes in its place needs quotes.
    pub(super) is_number: bool,
}

impl Meaning {
    /// Reads a text; `None` where it is no JSON.
    pub(super) fn read(json: &str) -> Option<Self> {
        if !json.trim_start().starts_with(['{', '[', '"']) || !is_json(json) {
            return None;
        }
        let mut meaning = Self { text: String::with_capacity(json.len()), units: Vec::new() };
        let mut at = 0;
        while let Some(c) = json[at..].chars().next() {
            let width = c.len_utf8();
            if c == '"' {
                let end = string_end(json.as_bytes(), at + 1);
                meaning.push('"', at..at + 1, Kind::Structure);
                meaning.read_string(json, at + 1..end);
                meaning.push('"', end..end + 1, Kind::Structure);
                at = end + 1;
                continue;
            }
            let is_number = c.is_ascii_digit() || matches!(c, '-' | '+' | '.');
            meaning.push(c, at..at + width, if is_number { Kind::Number } else { Kind::Structure });
            at += width;
        }
        Some(meaning)
    }

    fn read_string(&mut self, json: &str, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let (c, width) = character(&json[at..range.end]);
            self.push(c, at..at + width, Kind::String);
            at += width;
        }
    }

    fn push(&mut self, c: char, from: Range<usize>, kind: Kind) {
        self.units.push(Unit { at: self.text.len(), from, kind });
        self.text.push(c);
    }

    /// What of the text is to be replaced for a finding: the structure of the JSON stays.
    pub(super) fn pieces(&self, finding: &Finding) -> Vec<Piece> {
        let begin = self.units.partition_point(|unit| unit.at < finding.range.start);
        let end = self.units.partition_point(|unit| unit.at < finding.range.end);
        let mut pieces = Vec::new();
        let mut at = begin;
        while at < end {
            let kind = self.units[at].kind;
            let same = |unit: &&Unit| unit.kind == kind;
            let mut run = at..at + self.units[at..end].iter().take_while(same).count();
            at = run.end;
            if kind == Kind::Number {
                run.start -= self.units[..run.start].iter().rev().take_while(same).count();
                run.end += self.units[run.end..].iter().take_while(same).count();
                at = run.end;
            }
            if kind != Kind::Structure {
                pieces.push(self.piece(finding.class, run, kind));
            }
        }
        pieces
    }

    fn piece(&self, class: Class, run: Range<usize>, kind: Kind) -> Piece {
        let end = self.units.get(run.end).map_or(self.text.len(), |unit| unit.at);
        let value = self.text[self.units[run.start].at..end].to_owned();
        let range = self.units[run.start].from.start..self.units[run.end - 1].from.end;
        Piece { class, range, value, is_number: kind == Kind::Number }
    }
}

/// The next character of an escaped string, and how much of the string writes it.
fn character(escaped: &str) -> (char, usize) {
    let mut chars = escaped.chars();
    let first = chars.next().unwrap_or_default();
    if first != '\\' {
        return (first, first.len_utf8());
    }
    match chars.next().unwrap_or_default() {
        'n' => ('\n', 2),
        'r' => ('\r', 2),
        't' => ('\t', 2),
        'b' => ('\u{8}', 2),
        'f' => ('\u{c}', 2),
        'u' => unicode(escaped),
        other => (other, 1 + other.len_utf8()),
    }
}

/// A character that is written as one number, or as two halves.
fn unicode(escaped: &str) -> (char, usize) {
    let half = |at: usize| escaped.get(at..at + 4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let first = half(2);
    let second = escaped.get(6..8).filter(|start| *start == "\\u").and_then(|_| half(8));
    let decode = |halves: &[u16]| char::decode_utf16(halves.iter().copied()).next().and_then(Result::ok);
    match (first, second) {
        (Some(first), Some(second)) if (0xd800..0xdc00).contains(&first) => {
            decode(&[first, second]).map_or((char::REPLACEMENT_CHARACTER, 6), |c| (c, 12))
        }
        (Some(first), _) => (decode(&[first]).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
        (None, _) => (char::REPLACEMENT_CHARACTER, escaped.len().min(6)),
    }
}
