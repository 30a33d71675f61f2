//! Requests per second as people write them, `10` or `0.5`, and as the limiter counts them: microseconds between two.

use std::fmt;
use std::str::FromStr;

/// Ten-thousandths of a request per second: the smallest rate is one of them.
const UNITS: u64 = 10_000;
const DECIMALS: usize = 4;
const MOST_PER_SECOND: u64 = 10_000;
const MICROS_PER_SECOND: u64 = 1_000_000;

/// A sustained rate, kept as its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) interval_us: u64,
}

/// Why a text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is from 0.0001 to 10000 requests per second, such as 10 or 0.5")]
pub(crate) struct RateError;

impl FromStr for Rate {
    type Err = RateError;

    /// Rounds to the longer interval, so that the rate is never above what was asked.
    fn from_str(text: &str) -> Result<Self, RateError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || fraction.len() > DECIMALS {
            return Err(RateError);
        }
        let whole: u64 = whole.parse().map_err(|_| RateError)?;
        let fraction: u64 = format!("{fraction:0<DECIMALS$}").parse().map_err(|_| RateError)?;
        let units =
            whole.checked_mul(UNITS).and_then(|units| units.checked_add(fraction)).ok_or(RateError)?;
        if units == 0 || units > MOST_PER_SECOND * UNITS {
            return Err(RateError);
        }
        Ok(Self { interval_us: (MICROS_PER_SECOND * UNITS).div_ceil(units) })
    }
}

impl fmt::Display for Rate {
    /// The shortest text that reads as this interval.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interval = self.interval_us.max(1);
        let at = |scale: u64| (MICROS_PER_SECOND * scale).div_ceil(interval);
        let is_exact = |scale: &u64| (MICROS_PER_SECOND * scale).div_ceil(at(*scale)) == interval;
        let scale = [1, 10, 100, 1_000].into_iter().find(is_exact).unwrap_or(UNITS);
        let (whole, fraction) = (at(scale) / scale, at(scale) % scale);
        match usize::try_from(scale.ilog10()).unwrap_or(DECIMALS) {
            0 => write!(f, "{whole}"),
            decimals => write!(f, "{whole}.{fraction:0decimals$}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_without_loss_where_it_divides() {
        let interval = |text: &str| text.parse::<Rate>().map(|rate| rate.interval_us);

        assert_eq!(interval("10"), Ok(100_000));
        assert_eq!(interval("0.5"), Ok(2_000_000));
        assert_eq!(interval("0.0001"), Ok(10_000_000_000));
        assert_eq!(interval("10000"), Ok(100));
    }

    #[test]
    fn a_rate_is_never_above_what_was_asked() {
        assert_eq!("3".parse(), Ok(Rate { interval_us: 333_334 }));
    }

    #[test]
    fn a_rate_reads_as_it_was_written() {
        for text in ["10", "0.5", "3", "0.0001", "7.25", "0.333", "250", "10000"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in
            ["", "0", "0.0", "-1", "1e3", ".5", "5.", "0.00001", "10000.1", "fast", "99999999999999999999"]
        {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
        }
    }
}
