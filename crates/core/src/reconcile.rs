//! The ledger against what AWS counts and bills: which meters count which targets, and by how much the two differ.
//!
//! A difference has causes that are no fault: calls that run over midnight, an attempt that was billed and failed over, a
//! charge that was estimated. Above them it means calls past the gateway, or calls that the ledger lost.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

use serde::Serialize;

use crate::catalogue::{Auth, Catalogue, Target, Wire};
use crate::time::Day;

/// Where Bedrock keeps count of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Namespace {
    /// Of `bedrock-runtime`.
    #[serde(rename = "AWS/Bedrock")]
    Runtime,
    /// Of `bedrock-mantle`.
    #[serde(rename = "AWS/BedrockMantle")]
    Mantle,
}

impl Namespace {
    /// Its name in `CloudWatch`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Runtime => "AWS/Bedrock",
            Self::Mantle => "AWS/BedrockMantle",
        }
    }

    /// The dimension that names the model.
    #[must_use]
    pub const fn dimension(self) -> &'static str {
        match self {
            Self::Runtime => "ModelId",
            Self::Mantle => "Model",
        }
    }

    /// The metrics whose sums are all input tokens together: `bedrock-runtime` counts cached ones apart.
    #[must_use]
    pub const fn input(self) -> &'static [&'static str] {
        match self {
            Self::Runtime => &["InputTokenCount", "CacheReadInputTokenCount", "CacheWriteInputTokenCount"],
            Self::Mantle => &["TotalInputTokens"],
        }
    }

    /// The metric of output tokens.
    #[must_use]
    pub const fn output(self) -> &'static str {
        match self {
            Self::Runtime => "OutputTokenCount",
            Self::Mantle => "TotalOutputTokens",
        }
    }
}

/// One count of Bedrock's: of a model, in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Meter {
    /// Of which endpoint.
    pub namespace: Namespace,
    /// Where it is kept.
    pub region: String,
    /// The model's id at the provider.
    pub model_id: String,
}

impl Meter {
    /// The meter that counts a target's calls; `None` where Bedrock does not serve it.
    #[must_use]
    pub fn of(target: &Target) -> Option<Self> {
        let namespace = match &target.wire {
            Wire::Converse { .. } | Wire::Invoke { .. } => Namespace::Runtime,
            Wire::Openai { host, auth: Auth::Sigv4 { .. }, .. } if host.contains("//bedrock-mantle.") => {
                Namespace::Mantle
            }
            Wire::Openai { auth: Auth::Sigv4 { .. }, .. } => Namespace::Runtime,
            Wire::Openai { auth: Auth::Bearer { .. } | Auth::None, .. } => return None,
        };
        Some(Self { namespace, region: target.region.clone(), model_id: target.model_id.clone() })
    }
}

/// The meters of a catalogue, and the targets that each of them counts.
#[must_use]
pub fn meters(catalogue: &Catalogue) -> BTreeMap<Meter, Vec<String>> {
    let mut meters: BTreeMap<Meter, Vec<String>> = BTreeMap::new();
    for (id, target) in &catalogue.targets {
        if let Some(meter) = Meter::of(target) {
            meters.entry(meter).or_default().push(id.clone());
        }
    }
    meters
}

/// Tokens of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// All input, cached ones included.
    pub input: i64,
    /// All output.
    pub output: i64,
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
    }
}

impl Sub for Tokens {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_sub(other.input),
            output: self.output.saturating_sub(other.output),
        }
    }
}

impl Tokens {
    fn size(self) -> u64 {
        self.input.unsigned_abs().saturating_add(self.output.unsigned_abs())
    }
}

/// One meter and the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What is compared.
    #[serde(flatten)]
    pub meter: Meter,
    /// What the ledger has.
    pub ledger: Tokens,
    /// What Bedrock has.
    pub provider: Tokens,
    /// What Bedrock has beyond the ledger; below zero where it has less.
    pub difference: Tokens,
}

/// A day's comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The UTC day.
    pub day: Day,
    /// The meters on which anything was counted.
    pub lines: Vec<Line>,
    /// Tokens by which they differ, whichever way, over all of them.
    pub tokens: u64,
}

impl Comparison {
    /// Of what ledger and Bedrock have on each meter, in this order.
    #[must_use]
    pub fn of(day: Day, counts: impl IntoIterator<Item = (Meter, Tokens, Tokens)>) -> Self {
        let line = |(meter, ledger, provider): (Meter, Tokens, Tokens)| Line {
            meter,
            ledger,
            provider,
            difference: provider - ledger,
        };
        let is_counted = |line: &Line| line.ledger != Tokens::default() || line.provider != Tokens::default();
        let lines: Vec<Line> = counts.into_iter().map(line).filter(is_counted).collect();
        let tokens = lines.iter().map(|line| line.difference.size()).fold(0, u64::saturating_add);
        Self { day, lines, tokens }
    }
}

/// What AWS bills for models, by the names that its services have in Cost Explorer: each of them a whole name, or one with
/// an asterisk for its beginning or end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services(Vec<String>);

impl Services {
    /// Of a list with commas; `None` where it names nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let names: Vec<_> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        (!names.is_empty()).then(|| Self(names.into_iter().map(str::to_owned).collect()))
    }

    /// Whether a service is one of them.
    #[must_use]
    pub fn contain(&self, service: &str) -> bool {
        self.0.iter().any(|name| crate::bypass::matches(name, service))
    }
}

/// An amount as Cost Explorer writes it is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no amount")]
pub struct NoAmount(pub String);

/// Nano-dollars of an amount such as `12.3456789012`, `-0.5` or `2.1E-7`; digits beyond the ninth are dropped.
pub fn nanos(text: &str) -> Result<i64, NoAmount> {
    let wrong = || NoAmount(text.to_owned());
    let (number, exponent) = text.split_once(['E', 'e']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().map_err(|_| wrong())?;
    let (sign, number) = number.strip_prefix('-').map_or((1, number), |number| (-1, number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let is_plain = !whole.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let decimals = i32::try_from(fraction.len()).map_err(|_| wrong())?;
    if !is_plain || digits.len() > 30 || !(-30..=12).contains(&exponent) {
        return Err(wrong());
    }
    let value: i128 = digits.parse().map_err(|_| wrong())?;
    let shift = 9 + exponent - decimals;
    let scale = 10_i128.checked_pow(shift.unsigned_abs()).unwrap_or(i128::MAX);
    let nanos = if shift < 0 { Some(value / scale) } else { value.checked_mul(scale) };
    nanos.and_then(|nanos| i64::try_from(sign * nanos).ok()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
