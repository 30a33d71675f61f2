//! Postings as metric data: integers are added first and become decimals last, so that the sum of
//! `Cost.Estimate.Total` agrees with the ledger to the nano-dollar.
//!
//! Everything is emitted per environment, per provider and model, and per team; never crossed, because every
//! combination that occurs is a metric that is paid for. Errors are emitted per cause, too, and decisions per reason.

mod breaker;
mod gauge;
mod refusal;
mod series;

use std::collections::BTreeMap;

use crate::name::Name;
use crate::record::CacheOutcome;
use crate::rollup::{Posting, PostingKind};
use crate::semantic::looked::Finding;
use crate::time::Timestamp;

pub use self::breaker::breaker_states;
pub use self::gauge::Gauge;
pub use self::refusal::{Brake, Refusals};
pub use self::series::{ALL, Emitter, Series};

/// Postings per request: the data of one are at most 53, and a request holds 1,000 of at most 150 values each.
pub const POSTINGS_PER_PUT: usize = 18;

/// The outcome that the reconciler notes: nobody measured how long an answer took, nor what it used.
const EXPIRED: &str = "expired";

/// What the values of a metric mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// Thousandths of a second.
    Milliseconds,
    /// Dollars: there is no unit for them.
    None,
    /// Hundredths.
    Percent,
}

/// One metric, under one set of dimensions, of one minute.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// Its name.
    pub name: &'static str,
    /// Names and values of its dimensions.
    pub dimensions: Vec<(&'static str, String)>,
    /// The minute in which the calls ended.
    pub minute: Timestamp,
    /// What the values mean.
    pub unit: Unit,
    /// Different values, so that percentiles are real.
    pub values: Vec<f64>,
    /// How often each occurred.
    pub counts: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Metric {
    Requests,
    TokensInput,
    TokensOutput,
    TokensCached,
    TokensPerRequest,
    Cost,
    CostPerRequest,
    CacheHits,
    CacheMisses,
    CacheHitRate,
    CacheSaved,
    CacheSavedTokens,
    WouldServe,
    WouldServeWrong,
    Latency,
    TimeToFirstToken,
    Errors,
    Decisions,
}

/// How the values of one series become one datum.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// They are added.
    Sum,
    /// They are kept apart and counted.
    Distribution,
}

impl Metric {
    /// Name, unit, shape, and the decimals of the integers that are collected.
    const fn form(self) -> (&'static str, Unit, Shape, u32) {
        match self {
            Self::Requests => ("Requests.Count", Unit::Count, Shape::Sum, 0),
            Self::TokensInput => ("Tokens.Input.Total", Unit::Count, Shape::Sum, 0),
            Self::TokensOutput => ("Tokens.Output.Total", Unit::Count, Shape::Sum, 0),
            Self::TokensCached => ("Tokens.Cached.Total", Unit::Count, Shape::Sum, 0),
            Self::TokensPerRequest => ("Tokens.PerRequest", Unit::Count, Shape::Distribution, 0),
            Self::Cost => ("Cost.Estimate.Total", Unit::None, Shape::Sum, 9),
            Self::CostPerRequest => ("Cost.PerRequest", Unit::None, Shape::Distribution, 9),
            Self::CacheHits => ("Cache.Hits", Unit::Count, Shape::Sum, 0),
            Self::CacheMisses => ("Cache.Misses", Unit::Count, Shape::Sum, 0),
            Self::CacheHitRate => ("Cache.HitRate", Unit::Percent, Shape::Distribution, 0),
            Self::CacheSaved => ("Cache.Saved.Total", Unit::None, Shape::Sum, 9),
            Self::CacheSavedTokens => ("Cache.SavedTokens.Total", Unit::Count, Shape::Sum, 0),
            Self::WouldServe => ("Cache.WouldServe.Count", Unit::Count, Shape::Sum, 0),
            Self::WouldServeWrong => ("Cache.WouldServe.Wrong", Unit::Count, Shape::Sum, 0),
            Self::Latency => ("Latency", Unit::Milliseconds, Shape::Distribution, 3),
            Self::TimeToFirstToken => ("TimeToFirstToken", Unit::Milliseconds, Shape::Distribution, 3),
            Self::Errors => ("Errors.Count", Unit::Count, Shape::Sum, 0),
            Self::Decisions => ("Decisions.Count", Unit::Count, Shape::Sum, 0),
        }
    }
}

type Dimensions = Vec<(&'static str, String)>;

/// The data of at most [`POSTINGS_PER_PUT`] postings, in a fixed order.
#[must_use]
pub fn data(environment: &str, postings: &[Posting]) -> Vec<Datum> {
    let mut series: BTreeMap<(Metric, Dimensions, Timestamp), BTreeMap<i128, u32>> = BTreeMap::new();
    for posting in postings {
        let minute = minute(posting.end.ended_us);
        for (metric, amount) in samples(posting) {
            for dimensions in dimension_sets(metric, environment, posting) {
                let values = series.entry((metric, dimensions, minute)).or_default();
                add(values, metric, amount);
            }
        }
    }
    series
        .into_iter()
        .map(|((metric, dimensions, minute), values)| datum(metric, dimensions, minute, &values))
        .collect()
}

/// That the reply to a request was lost `times` times: its batch is put again, so it may count twice.
#[must_use]
pub fn ambiguous(environment: &str, times: u32, now: Timestamp) -> Datum {
    occurrences("Emitter.Ambiguous.Count", environment, times, now)
}

/// That `times` entries of the stream could not be counted and were set aside.
#[must_use]
pub fn set_aside(environment: &str, times: u32, now: Timestamp) -> Datum {
    occurrences("Emitter.SetAside.Count", environment, times, now)
}

/// That something happened `times` times, in the whole environment.
#[must_use]
pub fn occurrences(name: &'static str, environment: &str, times: u32, now: Timestamp) -> Datum {
    Datum {
        name,
        dimensions: vec![("Environment", environment.to_owned())],
        minute: minute(now),
        unit: Unit::Count,
        values: vec![f64::from(times)],
        counts: vec![1.0],
    }
}

/// What one posting says, in integers. A correction is no second call: it moves tokens and money only.
fn samples(posting: &Posting) -> Vec<(Metric, i128)> {
    let counts = &posting.counts;
    let mut samples = vec![
        (Metric::TokensInput, counts.tokens_input),
        (Metric::TokensOutput, counts.tokens_output),
        (Metric::TokensCached, counts.tokens_cached),
        (Metric::Cost, counts.cost_nanos),
    ];
    if posting.kind == PostingKind::Correction {
        return samples;
    }
    samples.push((Metric::Requests, counts.calls));
    if posting.end.outcome != EXPIRED {
        samples.extend([
            (Metric::TokensPerRequest, counts.tokens_input + counts.tokens_output),
            (Metric::CostPerRequest, counts.cost_nanos),
            (Metric::Latency, i128::from(posting.end.latency_us)),
        ]);
    }
    match posting.record.cache {
        CacheOutcome::HitExact | CacheOutcome::HitSemantic => samples.extend([
            (Metric::CacheHits, 1),
            (Metric::CacheHitRate, 100),
            (Metric::CacheSaved, counts.saved_nanos),
            (Metric::CacheSavedTokens, counts.saved_tokens),
        ]),
        CacheOutcome::Miss => samples.extend([(Metric::CacheMisses, 1), (Metric::CacheHitRate, 0)]),
        CacheOutcome::Bypass | CacheOutcome::Replay => {}
    }
    if let Some(is_right) = would_serve(posting) {
        samples.extend([(Metric::WouldServe, 1), (Metric::WouldServeWrong, i128::from(!is_right))]);
    }
    if let Some(first_token_us) = posting.end.first_token_us {
        samples.push((Metric::TimeToFirstToken, i128::from(first_token_us)));
    }
    if posting.record.decision.is_some() {
        samples.push((Metric::Decisions, 1));
    }
    if counts.errors > 0 {
        samples.push((Metric::Errors, counts.errors));
    }
    samples
}

/// Of a call whose kept answer would have been served and was compared instead: whether it was right.
fn would_serve(posting: &Posting) -> Option<bool> {
    let looked = posting.end.semantic.as_ref()?;
    looked.is_right.filter(|_| looked.finding == Finding::WouldServe)
}

fn dimension_sets(metric: Metric, environment: &str, posting: &Posting) -> Vec<Dimensions> {
    let mut sets = vec![
        vec![("Environment", environment.to_owned())],
        vec![("Provider", provider(posting)), ("Model", posting.record.model.clone())],
        vec![("Team", team(&posting.record.tenant, &posting.record.team))],
    ];
    if metric == Metric::Errors {
        sets.push(vec![("Cause", posting.end.outcome.clone())]);
    }
    if let (Metric::Decisions, Some(decision)) = (metric, &posting.record.decision) {
        sets.push(vec![("Reason", decision.reason.as_str().to_owned())]);
    }
    sets
}

/// Who answered; neither a hit nor a replay is a provider's answer, and none must make one look fast.
fn provider(posting: &Posting) -> String {
    match (posting.record.cache, &posting.end.provider) {
        (CacheOutcome::HitExact | CacheOutcome::HitSemantic, _) => "cache".to_owned(),
        (CacheOutcome::Replay, _) => "replay".to_owned(),
        (CacheOutcome::Miss | CacheOutcome::Bypass, Some(provider)) => provider.clone(),
        (CacheOutcome::Miss | CacheOutcome::Bypass, None) => "none".to_owned(),
    }
}

/// The team's name, with its tenant where it is not the gateway's own.
#[must_use]
pub fn team(tenant: &Name, team: &Name) -> String {
    if *tenant == Name::default_tenant() { team.to_string() } else { format!("{tenant}/{team}") }
}

fn add(values: &mut BTreeMap<i128, u32>, metric: Metric, amount: i128) {
    let (_, _, shape, _) = metric.form();
    match shape {
        Shape::Sum => {
            let sum = values.pop_first().map_or(0, |(sum, _)| sum);
            values.insert(sum + amount, 1);
        }
        Shape::Distribution => *values.entry(amount).or_default() += 1,
    }
}

fn datum(metric: Metric, dimensions: Dimensions, minute: Timestamp, values: &BTreeMap<i128, u32>) -> Datum {
    let (name, unit, _, decimals) = metric.form();
    Datum {
        name,
        dimensions,
        minute,
        unit,
        values: values.keys().map(|amount| decimal(*amount, decimals)).collect(),
        counts: values.values().map(|count| f64::from(*count)).collect(),
    }
}

/// The double nearest to `amount` · 10^-`decimals`. Up to 15 digits it is read back as the very same decimal, which is
/// a million dollars in nano-dollars.
fn decimal(amount: i128, decimals: u32) -> f64 {
    let scale = 10_u128.pow(decimals);
    let (size, sign) = (amount.unsigned_abs(), if amount < 0 { "-" } else { "" });
    let text = format!("{sign}{}.{:0width$}", size / scale, size % scale, width = decimals as usize);
    text.parse().expect("digits, a point and digits are a number")
}

fn minute(instant: Timestamp) -> Timestamp {
    Timestamp::from_secs(instant.as_secs() / 60 * 60)
}

#[cfg(test)]
mod tests;
