//! Money in nano-dollars. Every sum is an integer; a cost is rounded up once, to the next nano-dollar.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// An amount in nano-dollars (10⁻⁹ USD).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, at most what fits.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left when `other` is taken away; nothing where `other` is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Nanos {
    /// Dollars as a plain decimal, such as `0.000123456`, without superfluous zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        if nanos == 0 {
            return write!(f, "{dollars}");
        }
        let fraction = format!("{nanos:09}");
        write!(f, "{dollars}.{}", fraction.trim_end_matches('0'))
    }
}

/// Why a text is no amount of dollars.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no amount in dollars, such as 12.50 (at most nine decimals)")]
pub struct AmountError(String);

impl FromStr for Nanos {
    type Err = AmountError;

    /// Parses dollars: digits, optional thousands commas, optional decimals, no sign.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || AmountError(text.to_owned());
        let plain = text.replace(',', "");
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
            return Err(wrong());
        }
        let dollars: u64 = whole.parse().map_err(|_| wrong())?;
        let nanos: u64 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
        dollars
            .checked_mul(1_000_000_000)
            .and_then(|amount| amount.checked_add(nanos))
            .map(Self)
            .ok_or_else(wrong)
    }
}

/// Nano-dollars per million tokens, written in price tables as dollars per million (`"5.50"`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerMillion(Nanos);

impl fmt::Display for PerMillion {
    /// Dollars per million.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PerMillion {
    /// The exact price of `tokens`, in millionths of a nano-dollar.
    #[must_use]
    pub fn times(self, tokens: u64) -> u128 {
        u128::from(self.0.0) * u128::from(tokens)
    }
}

/// Rounds a sum of [`PerMillion::times`] up to whole nano-dollars.
#[must_use]
pub fn round_up(millionths: u128) -> Nanos {
    Nanos(u64::try_from(millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

impl<'de> Deserialize<'de> for PerMillion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for PerMillion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dollars_are_read_to_the_nano() {
        assert_eq!("12.50".parse(), Ok(Nanos(12_500_000_000)));
        assert_eq!("1,234.000000001".parse(), Ok(Nanos(1_234_000_000_001)));
        assert_eq!("0".parse(), Ok(Nanos(0)));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "-1", "1e3", "abc", "1.0000000001", ".5", "1.2.3", "99999999999999"] {
            assert!(text.parse::<Nanos>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cost_is_rounded_up_once() {
        let price: PerMillion = serde_json::from_str("\"0.0125\"").unwrap();

        assert_eq!(round_up(price.times(1)), Nanos(13));
        assert_eq!(round_up(price.times(2)), Nanos(25));
    }

    proptest! {
        #[test]
        fn an_amount_reads_as_it_was_written(nanos in 0..u64::MAX) {
            prop_assert_eq!(Nanos(nanos).to_string().parse(), Ok(Nanos(nanos)));
        }
    }
}
