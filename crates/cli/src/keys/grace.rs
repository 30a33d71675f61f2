//! How long a replaced key still works, as people write it: `90s`, `15m`, `24h`, `7d`.

use std::str::FromStr;
use std::time::Duration;

const MOST_DAYS: u64 = 30;
const SECS_PER_DAY: u64 = 86_400;

/// The time between a rotation and the end of the old key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grace(pub(crate) Duration);

/// Why a text is no grace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a grace is 0 or a whole number of s, m, h or d, such as 90s, 15m, 24h or 7d, and at most 30d")]
pub(crate) struct GraceError;

impl FromStr for Grace {
    type Err = GraceError;

    fn from_str(text: &str) -> Result<Self, GraceError> {
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let (unit_at, unit) = text.char_indices().next_back().ok_or(GraceError)?;
        let secs = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => SECS_PER_DAY,
            _ => return Err(GraceError),
        };
        let digits = &text[..unit_at];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(GraceError);
        }
        let count: u64 = digits.parse().map_err(|_| GraceError)?;
        let total = count.checked_mul(secs).filter(|total| *total <= MOST_DAYS * SECS_PER_DAY);
        total.map(|total| Self(Duration::from_secs(total))).ok_or(GraceError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_is_read_in_every_unit() {
        let secs = |text: &str| text.parse::<Grace>().map(|grace| grace.0.as_secs());

        for (text, expected) in [
            ("0", 0),
            ("0s", 0),
            ("90s", 90),
            ("15m", 900),
            ("24h", 86_400),
            ("7d", 604_800),
            ("30d", 2_592_000),
            ("720h", 2_592_000),
        ] {
            assert_eq!(secs(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_grace_is_refused() {
        for text in [
            "",
            "s",
            "24",
            "1.5h",
            "-1h",
            "+1h",
            " 1h",
            "1 h",
            "1w",
            "1H",
            "24h30m",
            "31d",
            "721h",
            "2592001s",
            "1é",
            "99999999999999999999s",
            "9999999999999999999d",
        ] {
            assert_eq!(text.parse::<Grace>(), Err(GraceError), "{text:?}");
        }
    }
}
