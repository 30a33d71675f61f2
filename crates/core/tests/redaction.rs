//! Redaction over a labelled sample: five hundred texts in five languages, and what is to be found in them.

use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate_core::redaction::{Class, Classes, Redact, Vault, find, redact_text};

const SAMPLE: [&str; 5] = [
    include_str!("../../../tests/data/redaction/en.jsonl"),
    include_str!("../../../tests/data/redaction/de.jsonl"),
    include_str!("../../../tests/data/redaction/fr.jsonl"),
    include_str!("../../../tests/data/redaction/es.jsonl"),
    include_str!("../../../tests/data/redaction/it.jsonl"),
];

/// What must hold at least, in per cent: recall and precision.
const FLOORS: [(Class, u32, u32); 7] = [
    (Class::Secret, 97, 97),
    (Class::Email, 99, 99),
    (Class::Iban, 99, 99),
    (Class::Card, 99, 99),
    (Class::NationalId, 97, 95),
    (Class::Ip, 97, 95),
    (Class::Phone, 93, 93),
];

#[derive(Deserialize)]
struct Sample {
    language: String,
    text: String,
    labels: Vec<Label>,
}

#[derive(Deserialize)]
struct Label {
    class: Class,
    text: String,
}

#[derive(Default)]
struct Score {
    labelled: u32,
    hit: u32,
    found: u32,
    right: u32,
}

fn samples() -> Vec<Sample> {
    let lines = SAMPLE.iter().flat_map(|text| text.lines());
    lines.map(|line| serde_json::from_str(line).expect("a line is a sample")).collect()
}

fn classes() -> Classes {
    Redact::default().classes
}

fn percent(part: u32, whole: u32) -> u32 {
    (part * 100).checked_div(whole).unwrap_or(100)
}

/// What of a sample is right. A finding is right only where it is the label, no more and no less.
fn score(sample: &Sample, scores: &mut BTreeMap<Class, Score>) {
    let findings = find(&sample.text, &classes(), &[]);
    let mut expected: Vec<(Class, &str)> =
        sample.labels.iter().map(|label| (label.class, label.text.as_str())).collect();
    for (class, _) in &expected {
        scores.entry(*class).or_default().labelled += 1;
    }
    for finding in findings {
        let text = &sample.text[finding.range];
        let score = scores.entry(finding.class).or_default();
        score.found += 1;
        if let Some(at) = expected.iter().position(|label| *label == (finding.class, text)) {
            expected.remove(at);
            score.hit += 1;
            score.right += 1;
        } else {
            eprintln!(
                "wrong {} [{}]: {} in {:?}",
                finding.class.as_str(),
                sample.language,
                text,
                sample.text
            );
        }
    }
    for (class, text) in expected {
        eprintln!("missed {} [{}]: {} in {:?}", class.as_str(), sample.language, text, sample.text);
    }
}

#[test]
fn recall_and_precision_on_five_hundred_labelled_texts_hold_for_each_class() {
    let samples = samples();
    let mut scores = BTreeMap::new();

    samples.iter().for_each(|sample| score(sample, &mut scores));

    assert_eq!(samples.len(), 500);
    eprintln!("| class | labelled | found | recall | precision |\n|---|---|---|---|---|");
    for (class, Score { labelled, hit, found, right }) in &scores {
        let per_mille = |part: u32, whole: u32| (part * 1_000).checked_div(whole).unwrap_or(1_000);
        let (recall, precision) = (per_mille(*hit, *labelled), per_mille(*right, *found));
        let said = |value: u32| format!("{}.{} %", value / 10, value % 10);
        eprintln!("| {} | {labelled} | {found} | {} | {} |", class.as_str(), said(recall), said(precision));
    }
    for (class, recall, precision) in FLOORS {
        let score = &scores[&class];
        assert!(percent(score.hit, score.labelled) >= recall, "recall of {}", class.as_str());
        assert!(percent(score.right, score.found) >= precision, "precision of {}", class.as_str());
    }
}

#[test]
fn what_left_holds_nothing_that_was_found_and_comes_back_as_it_was() {
    for sample in samples() {
        let mut vault = Vault::default();
        vault.reserve(&sample.text);

        let left = redact_text(&sample.text, &classes(), &[], &mut vault);

        for finding in find(&sample.text, &classes(), &[]) {
            assert!(!left.contains(&sample.text[finding.range]), "{left}");
        }
        assert_eq!(vault.restored(&left), sample.text);
    }
}
