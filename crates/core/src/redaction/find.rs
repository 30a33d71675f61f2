//! What of a text is to be taken out.

use std::ops::Range;

use super::scan::{Text, card, email, iban, ip, national_id, phone, secret};
use super::{Class, Classes};

/// A piece of a text that belongs to a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub class: Class,
    /// Where, in bytes.
    pub range: Range<usize>,
}

/// Finds everything of these classes, and these names. Findings are in order and do not overlap.
#[must_use]
pub fn find(text: &str, classes: &Classes, names: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let scanned = Text::new(text);
    let mut note = |class: Class, range: Range<usize>| findings.push(Finding { class, range });
    for at in scanned.beginnings() {
        let mut note_at = |class: Class, end: Option<usize>| {
            if let Some(end) = end {
                note(class, at..end);
            }
        };
        note_at(Class::Iban, iban::at(scanned, at));
        note_at(Class::Card, card::at(scanned, at));
        note_at(Class::NationalId, national_id::at(scanned, at));
        note_at(Class::Ip, ip::at(scanned, at));
        note_at(Class::Phone, phone::at(scanned, at));
        note_at(Class::Secret, secret::token_at(scanned, at));
    }
    email::all(scanned).for_each(|range| note(Class::Email, range));
    secret::marked(scanned).into_iter().for_each(|range| note(Class::Secret, range));
    findings.retain(|finding| classes.contains(&finding.class));
    findings.extend(names.iter().flat_map(|name| occurrences(scanned, name)));
    disjoint(findings)
}

fn occurrences<'a>(text: Text<'a>, name: &'a str) -> impl Iterator<Item = Finding> + 'a {
    let found = if name.is_empty() { Vec::new() } else { text.text.match_indices(name).collect() };
    let whole = move |(at, _): &(usize, &str)| text.is_fresh(*at) && text.is_closed(at + name.len());
    let finding = |(at, name): (usize, &str)| Finding { class: Class::Name, range: at..at + name.len() };
    found.into_iter().filter(whole).map(finding)
}

/// The class that comes first has the text that several claim, then the longer piece.
fn disjoint(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|Finding { class, range }| (*class, std::cmp::Reverse(range.len()), range.start));
    let mut kept: std::collections::BTreeMap<usize, Finding> = std::collections::BTreeMap::new();
    for finding in findings {
        let before = kept.range(..finding.range.end).next_back();
        if before.is_none_or(|(_, other)| other.range.end <= finding.range.start) {
            kept.insert(finding.range.start, finding);
        }
    }
    kept.into_values().collect()
}
