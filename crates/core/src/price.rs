//! What tokens cost at a target.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::money::{Nanos, PerMillion, round_up};
use crate::time::{Day, Timestamp};
use crate::usage::Usage;

/// The prices of one target: one for good, or several of which each begins on a UTC day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum History {
    /// For good.
    Always(Price),
    /// The earliest first.
    Dated(Vec<Dated>),
}

/// A price from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dated {
    /// The first UTC day.
    pub from: Day,
    /// The price.
    pub price: Price,
}

impl<'de> Deserialize<'de> for History {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherForm)
    }
}

/// Reads an object or an array, so that what is wrong in either is said.
struct EitherForm;

impl<'de> Visitor<'de> for EitherForm {
    type Value = History;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a price, or an array of prices with the day on which each begins")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<History, A::Error> {
        Price::deserialize(MapAccessDeserializer::new(map)).map(History::Always)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<History, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(History::Dated)
    }
}

impl History {
    /// The price in force, if there is one yet.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<&Price> {
        match self {
            Self::Always(price) => Some(price),
            Self::Dated(prices) => {
                prices.iter().rev().find(|dated| dated.from <= now.day()).map(|dated| &dated.price)
            }
        }
    }

    /// Whether each price begins after the one before it.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        match self {
            Self::Always(_) => true,
            Self::Dated(prices) => {
                !prices.is_empty() && prices.windows(2).all(|pair| pair[0].from < pair[1].from)
            }
        }
    }
}

/// The price of one target, in dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Input that no cache served.
    pub input: PerMillion,
    /// Input read from the provider's prompt cache; as input where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<PerMillion>,
    /// Input written to the provider's prompt cache; as input where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<PerMillion>,
    /// Output, reasoning included.
    pub output: PerMillion,
    /// The dearer price of a whole call whose input is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_context: Option<LongContext>,
    /// What other service tiers cost, in percent of the default one; a call of a tier that is not here goes elsewhere.
    #[serde(default)]
    pub tier_percent: TierPercent,
}

/// What a service tier costs, in percent of the default one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierPercent {
    /// Slower and cheaper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flex: Option<u64>,
    /// Faster and dearer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u64>,
}

/// The price of a call with more input than `above_tokens`, for all of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongContext {
    /// The longest input at the ordinary price.
    pub above_tokens: u64,
    /// As in [`Price`].
    pub input: PerMillion,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<PerMillion>,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<PerMillion>,
    /// As in [`Price`].
    pub output: PerMillion,
}

impl Price {
    /// Whether it is known what this tier costs.
    #[must_use]
    pub fn has_tier(&self, tier: &str) -> bool {
        self.percent(tier).is_some()
    }

    /// What a call with this usage costs in a tier; one without a price costs as much as the dearest.
    #[must_use]
    pub fn cost(&self, usage: &Usage, tier: &str) -> Nanos {
        let rates = self.rates(usage.input);
        let special = usage.cached.saturating_add(usage.cache_write);
        let plain = usage.input.saturating_sub(special);
        let whole = rates.input.times(plain)
            + rates.cached.times(usage.cached)
            + rates.write.times(usage.cache_write)
            + rates.output.times(usage.output);
        round_up(self.in_tier(whole, tier))
    }

    /// The most that a call can cost with at most this much input and output, cached or not. A provider may serve a call
    /// in the default tier although another one was asked for.
    #[must_use]
    pub fn bound(&self, input: u64, output: u64, tier: &str) -> Nanos {
        let at = |rates: Rates| {
            let dearest = rates.input.max(rates.cached).max(rates.write);
            let whole = dearest.times(input) + rates.output.times(output);
            round_up(self.in_tier(whole, tier).max(whole))
        };
        at(self.rates(0)).max(at(self.rates(input)))
    }

    fn percent(&self, tier: &str) -> Option<u64> {
        match tier {
            "default" | "auto" | "standard" => Some(100),
            "flex" => self.tier_percent.flex,
            "priority" => self.tier_percent.priority,
            _ => None,
        }
    }

    fn in_tier(&self, whole: u128, tier: &str) -> u128 {
        let TierPercent { flex, priority } = self.tier_percent;
        let dearest = || flex.max(priority).unwrap_or(100).max(100);
        (whole * u128::from(self.percent(tier).unwrap_or_else(dearest))).div_ceil(100)
    }

    fn rates(&self, input: u64) -> Rates {
        let long = self.long_context.filter(|long| input > long.above_tokens);
        let (input, cached, write, output) = match long {
            Some(long) => (long.input, long.cached_input, long.cache_write, long.output),
            None => (self.input, self.cached_input, self.cache_write, self.output),
        };
        Rates { input, cached: cached.unwrap_or(input), write: write.unwrap_or(input), output }
    }
}

#[derive(Clone, Copy)]
struct Rates {
    input: PerMillion,
    cached: PerMillion,
    write: PerMillion,
    output: PerMillion,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gpt_5_5() -> Price {
        serde_json::from_str(
            r#"{"input": "5.50", "cached_input": "0.55", "output": "33",
                "long_context": {"above_tokens": 272000, "input": "11", "cached_input": "1.1", "output": "49.5"}}"#,
        )
        .unwrap()
    }

    #[test]
    fn cached_input_is_priced_once_and_cheaper() {
        let usage = Usage { input: 2_000, cached: 1_500, output: 100, reasoning: 40, ..Usage::default() };

        // 500 × 5,500 + 1,500 × 550 + 100 × 33,000 nano-dollars.
        assert_eq!(gpt_5_5().cost(&usage, "default"), Nanos(6_875_000));
    }

    #[test]
    fn a_long_input_makes_the_whole_call_dearer() {
        let usage = Usage { input: 272_001, output: 10, ..Usage::default() };

        // 272,001 × 11,000 + 10 × 49,500 nano-dollars.
        assert_eq!(gpt_5_5().cost(&usage, "default"), Nanos(2_992_506_000));
    }

    #[test]
    fn what_was_written_to_the_providers_cache_is_priced_as_such() {
        let price: Price = serde_json::from_str(
            r#"{"input": "4.40", "cached_input": "0.44", "cache_write": "5.50", "output": "22"}"#,
        )
        .unwrap();
        let usage = Usage { input: 3_000, cached: 1_000, cache_write: 1_500, output: 10, reasoning: 0 };

        // 500 × 4,400 + 1,000 × 440 + 1,500 × 5,500 + 10 × 22,000 nano-dollars.
        assert_eq!(price.cost(&usage, "default"), Nanos(11_110_000));
    }

    #[test]
    fn a_tier_has_its_own_price() {
        let price: Price = serde_json::from_str(
            r#"{"input": "0.15", "output": "0.60", "tier_percent": {"flex": 50, "priority": 175}}"#,
        )
        .unwrap();
        let usage = Usage { input: 1_001, output: 0, ..Usage::default() };

        // 1,001 × 150 nano-dollars, half of it, and 1.75 of it, each rounded up.
        assert_eq!(price.cost(&usage, "default"), Nanos(150_150));
        assert_eq!(price.cost(&usage, "flex"), Nanos(75_075));
        assert_eq!(price.cost(&usage, "priority"), Nanos(262_763));
        assert!(!gpt_5_5().has_tier("priority"));
        assert_eq!(price.bound(1_001, 0, "flex"), Nanos(150_150));
    }

    #[test]
    fn a_price_begins_on_its_day() {
        let history: History = serde_json::from_str(
            r#"[{"from": "2026-01-01", "price": {"input": "5", "output": "30"}},
                {"from": "2026-12-01", "price": {"input": "4", "output": "20"}}]"#,
        )
        .unwrap();
        let input = |at: u64| {
            history
                .at(Timestamp::from_secs(at))
                .map(|price| price.cost(&Usage { input: 1, ..Usage::default() }, "default"))
        };

        assert_eq!(input(1_700_000_000), None);
        assert_eq!(input(1_795_392_000), Some(Nanos(5_000)));
        assert_eq!(input(1_796_083_200), Some(Nanos(4_000)));
    }

    proptest! {
        #[test]
        fn a_bound_is_never_below_a_cost(
            input in 0..600_000_u64, output in 0..200_000_u64, cached in 0..600_000_u64, less in 0..100_u64,
        ) {
            let usage = Usage { input, cached: cached.min(input), output, ..Usage::default() };

            prop_assert!(gpt_5_5().bound(input + less, output + less, "default") >= gpt_5_5().cost(&usage, "default"));
        }
    }
}
