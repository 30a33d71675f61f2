//! How many answers the semantic cache gives, and how many of them wrongly, on labelled question pairs.
//! `tools/semantic_quality.sh` makes the vectors and the similarities and runs it; without arguments it takes the
//! similarities that are kept beside the pairs.

#![expect(clippy::print_stdout, reason = "its output is the report")]

mod replay;

use std::path::Path;

use replay::{Halves, Outcome, Pair, Sample, fixed, folder, kept, learned, replay};
use tollgate_core::semantic::likeness::Likeness;
use tollgate_core::semantic::similarity::cosine;

const BOUNDS: [&str; 5] = ["0.005", "0.01", "0.02", "0.03", "0.05"];
const THRESHOLDS: [&str; 5] = ["0.80", "0.85", "0.90", "0.95", "0.98"];
const SEEDS: u64 = 10;
const DIMENSIONS: usize = 384;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let read = |name: &str| Sample::read(&folder().join(format!("{name}.tsv.gz")));
    match arguments.as_slice() {
        ["texts", name, path] => {
            std::fs::write(path, read(name).texts.join("\n") + "\n").expect("the texts can be written");
        }
        ["similarities", name, vectors, path] => measure(&read(name), Path::new(vectors), Path::new(path)),
        [] => {
            for name in ["quora", "banking"] {
                report(name, &kept(name));
            }
        }
        _ => panic!("usage: semantic_quality [texts SAMPLE FILE | similarities SAMPLE VECTORS FILE]"),
    }
}

/// Writes the similarity of each pair.
fn measure(sample: &Sample, vectors: &Path, similarities: &Path) {
    let bytes = std::fs::read(vectors).expect("the vectors can be read");
    let numbers: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().expect("a chunk has four bytes")))
        .collect();
    let vectors: Vec<_> = numbers.chunks_exact(DIMENSIONS).collect();
    assert_eq!(vectors.len(), sample.texts.len(), "each text has its vector");
    let lines = sample.pairs.iter().map(|(entry, question, _)| {
        format!("{}\n", cosine(vectors[*entry], vectors[*question]).millionths())
    });
    std::fs::write(similarities, lines.collect::<String>()).expect("the similarities can be written");
}

fn report(name: &str, pairs: &[Pair]) {
    let same = pairs.iter().filter(|pair| pair.is_same).count();
    let alike = pairs.iter().filter(|pair| matches!(pair.likeness, Likeness::Alike { .. })).count();
    println!("\n{name}: {} pairs, {same} of them the same question; {alike} pass the guards\n", pairs.len());
    println!("| bound | part | requests | hits | false hits | share | hit rate | explored | worst seed |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for bound in BOUNDS {
        let runs: Vec<Halves> = (1..=SEEDS).map(|seed| replay(pairs, &learned(bound), seed)).collect();
        line(bound, "whole", &runs.iter().map(|run| run.whole()).collect::<Vec<_>>());
        line(bound, "second half", &runs.iter().map(|run| run.second).collect::<Vec<_>>());
    }
    println!("\n| threshold | hits | false hits | share | with guards: hits | false hits | share |");
    println!("|---|---|---|---|---|---|---|");
    for threshold in THRESHOLDS {
        let (bare, guarded) = (fixed(pairs, threshold, false), fixed(pairs, threshold, true));
        println!(
            "| {threshold} | {} | {} | {} | {} | {} | {} |",
            bare.hits,
            bare.false_hits,
            share(bare.false_hits, bare.hits),
            guarded.hits,
            guarded.false_hits,
            share(guarded.false_hits, guarded.hits)
        );
    }
}

/// One line: the mean over the seeds, and the worst share of false hits of any.
fn line(bound: &str, part: &str, runs: &[Outcome]) {
    let sum = runs.iter().fold(Outcome::default(), |sum, run| sum.plus(*run));
    let count = u32::try_from(runs.len()).expect("there are few seeds");
    let worst =
        runs.iter().max_by_key(|run| u64::from(run.false_hits) * 1_000_000 / u64::from(run.hits.max(1)));
    let worst = worst.copied().unwrap_or_default();
    println!(
        "| {bound} | {part} | {} | {} | {} | {} | {} | {} | {} ({} of {}) |",
        sum.requests / count,
        sum.hits / count,
        sum.false_hits / count,
        share(sum.false_hits, sum.hits),
        share(sum.hits, sum.requests),
        sum.explored / count,
        share(worst.false_hits, worst.hits),
        worst.false_hits,
        worst.hits
    );
}

/// In percent, with two decimals.
fn share(part: u32, whole: u32) -> String {
    let hundredths = u64::from(part) * 10_000 / u64::from(whole.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}
