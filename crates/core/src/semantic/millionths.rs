//! Shares between nothing and all, read exactly from decimals.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A share in parts per million, written as a decimal such as `0.01`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millionths(u32);

impl Millionths {
    /// From parts per million; more than all is all.
    #[must_use]
    pub const fn new(parts: u32) -> Self {
        Self(if parts > 1_000_000 { 1_000_000 } else { parts })
    }

    /// In parts per million.
    #[must_use]
    pub const fn parts(self) -> u32 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        // JSON numbers below 0.0001 come with an exponent.
        if let Some((number, exponent)) = text.split_once("e-") {
            let zeros = exponent.parse::<usize>().ok()?.checked_sub(1).filter(|zeros| *zeros < 6)?;
            return Self::parse(&format!("0.{}{}", "0".repeat(zeros), number.replace('.', "")));
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain(whole) || !is_plain(fraction) || fraction.len() > 6 {
            return None;
        }
        let parts = whole.parse::<u32>().ok()?.checked_mul(1_000_000)?;
        let parts = parts.checked_add(format!("{fraction:0<6}").parse().ok()?)?;
        (parts <= 1_000_000).then_some(Self(parts))
    }
}

impl fmt::Display for Millionths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl<'de> Deserialize<'de> for Millionths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        Self::parse(&number.to_string()).ok_or_else(|| {
            serde::de::Error::custom(format!("{number} is no share: from 0 to 1, at most six decimals"))
        })
    }
}

impl Serialize for Millionths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_plain_share_is_refused() {
        for text in ["-0.1", "1.000001", "2", "0.0000001", "1e-7", "1.5e-6", "\"0.1\"", "null"] {
            assert!(serde_json::from_str::<Millionths>(text).is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<Millionths>("0.01").unwrap().parts(), 10_000);
        assert_eq!(serde_json::from_str::<Millionths>("1").unwrap().parts(), 1_000_000);
    }

    proptest! {
        #[test]
        fn a_share_is_read_as_it_is_written(parts in 0_u32..=1_000_000) {
            let text = serde_json::to_string(&Millionths::new(parts)).unwrap();

            prop_assert_eq!(serde_json::from_str::<Millionths>(&text).unwrap(), Millionths::new(parts), "{}", text);
        }
    }
}
