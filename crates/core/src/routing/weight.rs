//! Shares of the users, read exactly from decimals.

use serde::{Deserialize, Serialize};

/// A weight in millionths, written as a decimal such as `0.8`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u64);

impl Weight {
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if fraction.len() > 6 || whole.len() > 9 {
            return None;
        }
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let millionths: u64 = format!("{fraction:0<6}").parse().ok()?;
        Some(Self(whole.parse::<u64>().ok()? * 1_000_000 + millionths))
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        Self::parse(&number.to_string()).ok_or_else(|| {
            serde::de::Error::custom(format!("{number} is no weight: at least 0, at most six decimals"))
        })
    }
}

impl Serialize for Weight {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        let number: serde_json::Number = text.parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl Weight {
    /// In millionths.
    #[must_use]
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// As a number to divide by.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the largest weight has 50 bits")]
    pub const fn as_f64(self) -> f64 {
        self.0 as f64
    }
}
