//! Dollars for people, `$12.50`, and for machines, `"12.5"`.

use std::fmt::{self, Display};

use serde::{Serialize, Serializer};
use tollgate_core::money::Nanos;

/// An amount that is shown. No digit is dropped: the smallest calls cost less than a cent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usd(pub(crate) Nanos);

impl Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        f.pad(&format!("${whole}.{fraction:0<2}"))
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_have_cents_and_no_digit_is_dropped() {
        let shown =
            [0, 12_500_000_000, 3_000_000_000, 1, 123_456_000].map(|nanos| Usd(Nanos(nanos)).to_string());

        assert_eq!(shown, ["$0.00", "$12.50", "$3.00", "$0.000000001", "$0.123456"]);
    }

    #[test]
    fn machines_get_a_decimal_string() {
        assert_eq!(serde_json::to_string(&Usd(Nanos(12_500_000_000))).unwrap(), "\"12.5\"");
    }
}
