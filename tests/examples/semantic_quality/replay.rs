//! Labelled question pairs, put one after another to the semantic cache's own decisions: it decides first, and learns the
//! label only where it would have asked the model.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tollgate_core::semantic::admission::{Verdict, verdict};
use tollgate_core::semantic::evidence::{Histogram, Observation, Pool};
use tollgate_core::semantic::features::Features;
use tollgate_core::semantic::likeness::{Likeness, likeness};
use tollgate_core::semantic::policy::{Mode, SemanticPolicy};
use tollgate_core::semantic::score::score;
use tollgate_core::semantic::similarity::Similarity;

/// A kept question, a new one, and whether people said that they ask the same.
pub(crate) struct Pair {
    pub(crate) entry: usize,
    pub(crate) question: usize,
    pub(crate) is_same: bool,
    pub(crate) likeness: Likeness,
    pub(crate) similarity: Similarity,
}

/// The sample: its texts, and its pairs as numbers of texts.
pub(crate) struct Sample {
    pub(crate) texts: Vec<String>,
    pub(crate) pairs: Vec<(usize, usize, bool)>,
}

impl Sample {
    /// Reads gzipped lines of entry, question and label.
    pub(crate) fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).expect("the sample of pairs is there");
        let (mut texts, mut pairs) = (Vec::new(), Vec::new());
        let mut known: HashMap<String, usize> = HashMap::new();
        for line in BufReader::new(GzDecoder::new(file)).lines() {
            let line = line.expect("the sample is UTF-8");
            let mut parts = line.split('\t');
            let mut text = || {
                let text = parts.next().expect("a line has two questions");
                *known.entry(text.to_owned()).or_insert_with(|| {
                    texts.push(text.to_owned());
                    texts.len() - 1
                })
            };
            let (entry, question) = (text(), text());
            pairs.push((entry, question, parts.next() == Some("1")));
        }
        Self { texts, pairs }
    }

    /// The pairs with their similarities, in the same order.
    pub(crate) fn with(&self, similarities: impl IntoIterator<Item = Similarity>) -> Vec<Pair> {
        let features: Vec<_> = self.texts.iter().map(|text| Features::of(text.as_str())).collect();
        let pairs = self.pairs.iter().zip(similarities);
        pairs
            .map(|(&(entry, question, is_same), similarity)| Pair {
                entry,
                question,
                is_same,
                likeness: likeness(&features[entry], &features[question]),
                similarity,
            })
            .collect()
    }
}

/// A sample with the similarities that are kept beside it.
pub(crate) fn kept(name: &str) -> Vec<Pair> {
    let sample = Sample::read(&folder().join(format!("{name}.tsv.gz")));
    let similarities = similarities(&folder().join(format!("{name}.similarities.gz")));
    assert_eq!(similarities.len(), sample.pairs.len(), "each pair has its similarity");
    sample.with(similarities)
}

/// Where the samples are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/question-pairs")
}

/// Reads a similarity in millionths from each line.
fn similarities(path: &Path) -> Vec<Similarity> {
    let file = std::fs::File::open(path).expect("the similarities are there");
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines
        .map(|line| {
            let number = line.expect("it is text").parse().expect("a similarity is a whole number");
            Similarity::from_millionths(number)
        })
        .collect()
}

/// What a replay came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) requests: u32,
    pub(crate) hits: u32,
    pub(crate) false_hits: u32,
    pub(crate) explored: u32,
}

impl Outcome {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            hits: self.hits + other.hits,
            false_hits: self.false_hits + other.false_hits,
            explored: self.explored + other.explored,
        }
    }

    fn note(&mut self, verdict: Verdict, is_same: bool) {
        self.requests += 1;
        match verdict {
            Verdict::Serve => {
                self.hits += 1;
                self.false_hits += u32::from(!is_same);
            }
            Verdict::Explore { .. } => self.explored += 1,
            Verdict::Miss => {}
        }
    }
}

/// The halves of a replay: while there is little evidence, and afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Halves {
    pub(crate) first: Outcome,
    pub(crate) second: Outcome,
}

impl Halves {
    pub(crate) fn whole(self) -> Outcome {
        self.first.plus(self.second)
    }
}

/// Puts the pairs to the policy in the order that the seed makes.
pub(crate) fn replay(pairs: &[Pair], policy: &SemanticPolicy, seed: u64) -> Halves {
    let mut random = Random(seed);
    let mut order: Vec<_> = (0..pairs.len()).collect();
    for place in (1..order.len()).rev() {
        order.swap(place, random.below(place + 1));
    }
    let mut entries: HashMap<usize, Histogram> = HashMap::new();
    let mut pool = Pool::default();
    let mut halves = Halves::default();
    for (place, pair) in order.into_iter().map(|place| &pairs[place]).enumerate() {
        let entry = entries.entry(pair.entry).or_default();
        let draw = u32::try_from(random.below(1_000_000)).expect("it is below a million");
        let verdict = verdict(policy, (pair.likeness, pair.similarity), entry, &pool, draw);
        let half = if place * 2 < pairs.len() { &mut halves.first } else { &mut halves.second };
        half.note(verdict, pair.is_same);
        if let (Verdict::Explore { .. }, Likeness::Alike { apart }) = (verdict, pair.likeness) {
            let score = score(apart, pair.similarity, entry, &pool);
            let observation =
                Observation { similarity: pair.similarity, apart, score, is_right: pair.is_same };
            entry.note(&observation);
            // The new answer is kept as well, and the pair speaks for it as much.
            entries.entry(pair.question).or_default().note(&observation);
            pool.note(&observation);
        }
    }
    halves
}

/// What one similarity for all would serve; with the words compared as well, or without.
pub(crate) fn fixed(pairs: &[Pair], threshold: &str, has_guards: bool) -> Outcome {
    let text = format!(r#"{{"mode":"fixed","threshold":{threshold}}}"#);
    let policy: SemanticPolicy = serde_json::from_str(&text).expect("the policy is right");
    assert_eq!(policy.mode, Mode::Fixed);
    let mut outcome = Outcome::default();
    for pair in pairs {
        let likeness = if has_guards { pair.likeness } else { Likeness::Alike { apart: 0 } };
        let nothing = (Histogram::default(), Pool::default());
        outcome.note(verdict(&policy, (likeness, pair.similarity), &nothing.0, &nothing.1, 0), pair.is_same);
    }
    outcome
}

/// The policy that learns under a bound.
pub(crate) fn learned(max_error: &str) -> SemanticPolicy {
    serde_json::from_str(&format!(r#"{{"max_error":{max_error}}}"#)).expect("the policy is right")
}

/// Numbers that look random and are the same everywhere: `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let scaled = u128::from(mixed ^ (mixed >> 31)) * u128::try_from(end).expect("it fits");
        usize::try_from(scaled >> 64).expect("it is below the end")
    }
}
