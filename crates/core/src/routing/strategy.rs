//! In which order a route's targets are asked, beyond weights: by what is known of them when a call comes.

use serde::{Deserialize, Serialize};

use super::{Candidate, Order, Reason, Score, Sufficient, Weight};
use crate::health::MANY_ANSWERS;
use crate::money::Nanos;
use crate::semantic::millionths::Millionths;

/// How a route chooses. Where two targets are equal, weights and the order of failover decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Strategy {
    /// By weights, then in the order of failover.
    Weighted {},
    /// In the order of failover; weights do not count.
    Failover {},
    /// The lowest p95 of the last minutes first.
    Latency {
        /// So many of a hundred calls go to the target that is known least.
        #[serde(default = "explore")]
        explore_percent: u8,
        /// Nothing is believed of a target with fewer answers.
        #[serde(default = "min_samples")]
        min_samples: u64,
        /// Targets with fewer answers are asked by the gateway itself: see [`super::Probe`].
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        probe: bool,
    },
    /// The lowest bound of the call's cost first.
    Cost {},
    /// A cheap target first, and the others, by weight, where its answer does not suffice.
    Cascade {
        /// The cheap one, by provider or by target id.
        first: String,
        /// When its answer suffices.
        #[serde(default)]
        sufficient: Sufficient,
    },
    /// The best sum of weighted scores first; each score is between 0 and 1.
    Score {
        /// Of being cheap: the lowest bound over the target's.
        #[serde(default)]
        cost: Weight,
        /// Of being fast: the lowest p95 over the target's; a half where too few answers are known.
        #[serde(default)]
        latency: Weight,
        /// Of answering well: the catalogue's figure, moved by feedback.
        #[serde(default)]
        quality: Weight,
        /// Of suiting the company: the catalogue's figure.
        #[serde(default)]
        compliance: Weight,
    },
}

/// Answers that a p95 rests on at least, for a score.
const SCORE_SAMPLES: u64 = 20;

const fn explore() -> u8 {
    5
}

const fn min_samples() -> u64 {
    SCORE_SAMPLES
}

impl Default for Strategy {
    fn default() -> Self {
        Self::Weighted {}
    }
}

impl Strategy {
    /// Whether nothing else was said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Latency { explore_percent, .. } if *explore_percent > 50 => {
                Some("explore_percent is at most 50")
            }
            Self::Cascade { sufficient, .. } => sufficient.fault(),
            Self::Latency { min_samples: 0, .. } => Some("min_samples is at least 1"),
            Self::Latency { min_samples, probe: true, .. } if *min_samples > MANY_ANSWERS => {
                Some("min_samples is at most 40 where targets are probed")
            }
            Self::Score { cost, latency, quality, compliance }
                if cost.millionths()
                    + latency.millionths()
                    + quality.millionths()
                    + compliance.millionths()
                    == 0 =>
            {
                Some("a score gives nothing a weight")
            }
            _ => None,
        }
    }

    /// Puts candidates, which come in the order of weights and failover, into the order in which they are asked. `draw` is
    /// uniform in 0..1,000,000.
    #[must_use]
    pub fn order(&self, candidates: &[Candidate<'_>], draw: u32) -> Order {
        let as_they_came =
            |reason| Order { places: (0..candidates.len()).collect(), reason, scores: Vec::new() };
        match self {
            Self::Weighted {} => as_they_came(Reason::Weight),
            Self::Failover {} => as_they_came(Reason::FailoverOrder),
            Self::Cascade { .. } => as_they_came(Reason::CheapFirst),
            Self::Cost {} => {
                let places = sorted(candidates, |one| one.cost.unwrap_or(Nanos(u64::MAX)));
                Order { places, reason: Reason::Cheapest, scores: Vec::new() }
            }
            Self::Latency { explore_percent, min_samples, .. } => {
                by_latency(candidates, *min_samples, draw % 100 < u32::from(*explore_percent))
            }
            Self::Score { cost, latency, quality, compliance } => {
                let weights =
                    [cost, latency, quality, compliance].map(|weight| u128::from(weight.millionths()));
                by_score(candidates, weights)
            }
        }
    }
}

fn sorted<K: Ord>(candidates: &[Candidate<'_>], key: impl Fn(&Candidate<'_>) -> K) -> Vec<usize> {
    let mut places: Vec<usize> = (0..candidates.len()).collect();
    places.sort_by_key(|place| key(&candidates[*place]));
    places
}

/// The known ones by their p95, then those of which too little is known; one of these first where the call explores.
fn by_latency(candidates: &[Candidate<'_>], min_samples: u64, explores: bool) -> Order {
    let known = |one: &Candidate<'_>| one.pace.filter(|pace| pace.samples >= min_samples);
    let mut places = sorted(candidates, |one| known(one).map_or(u64::MAX, |pace| pace.p95_us));
    let samples = |place: &usize| candidates[*place].pace.map_or(0, |pace| pace.samples);
    let least = places.iter().skip(1).min_by_key(|place| samples(place)).copied();
    let reason = match (least, candidates.iter().any(|one| known(one).is_some())) {
        (Some(least), _) if explores => {
            places.retain(|place| *place != least);
            places.insert(0, least);
            Reason::Explored
        }
        (_, true) => Reason::Fastest,
        (_, false) => Reason::Weight,
    };
    Order { places, reason, scores: Vec::new() }
}

fn by_score(candidates: &[Candidate<'_>], weights: [u128; 4]) -> Order {
    let cheapest = candidates.iter().filter_map(|one| one.cost).min().unwrap_or_default();
    let pace = |one: &Candidate<'_>| one.pace.filter(|pace| pace.samples >= SCORE_SAMPLES);
    let fastest = candidates.iter().filter_map(pace).map(|pace| pace.p95_us).min().unwrap_or_default();
    let scores: Vec<Score> = candidates
        .iter()
        .map(|one| {
            let cost = one.cost.map_or(Millionths::new(0), |cost| share(cheapest.0, cost.0));
            let latency = pace(one).map_or(Millionths::new(500_000), |pace| share(fastest, pace.p95_us));
            let parts = [cost, latency, one.quality, one.compliance];
            let sum: u128 =
                parts.iter().zip(weights).map(|(part, weight)| u128::from(part.parts()) * weight).sum();
            let total = sum / weights.iter().sum::<u128>().max(1);
            let total = Millionths::new(u32::try_from(total).unwrap_or(u32::MAX));
            let (quality, compliance) = (one.quality, one.compliance);
            Score { target: one.id.to_owned(), total, cost, latency, quality, compliance }
        })
        .collect();
    let mut places: Vec<usize> = (0..candidates.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(scores[*place].total));
    Order { places, reason: Reason::BestScore, scores }
}

/// `best` over `this`; all where both are nothing.
fn share(best: u64, this: u64) -> Millionths {
    let parts = (u128::from(best) * 1_000_000).checked_div(u128::from(this)).unwrap_or(1_000_000);
    Millionths::new(u32::try_from(parts).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
