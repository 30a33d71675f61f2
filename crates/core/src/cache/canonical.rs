//! JSON in one spelling: members by name, strings by what they say, numbers by what they are worth.

use serde_json::value::RawValue;

use crate::raw::RawObject;

/// A value in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A string.
    Text(String),
    /// Anything else that holds nothing, as it is written.
    Plain(String),
    /// An array.
    List(Vec<Self>),
    /// An object, by name.
    Map(Vec<(String, Self)>),
}

impl Node {
    /// Reads a value. What has no one meaning (a name that comes twice, half a surrogate) keeps its own spelling, which is
    /// merely a narrower key.
    pub(super) fn read(value: &RawValue) -> Self {
        let text = value.get();
        let read = match text.as_bytes().first() {
            Some(b'{') => serde_json::from_str::<RawObject>(text).map(|object| Self::members(&object)),
            Some(b'[') => serde_json::from_str::<Vec<Box<RawValue>>>(text)
                .map(|items| Self::List(items.iter().map(|item| Self::read(item)).collect())),
            Some(b'"') => serde_json::from_str(text).map(Self::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Self::Plain(plain_number(text))),
            _ => Ok(Self::Plain(text.to_owned())),
        };
        read.unwrap_or_else(|_| Self::Plain(text.to_owned()))
    }

    fn members(object: &RawObject) -> Self {
        let members = object.members().map(|(name, value)| (name.to_owned(), Self::read(value)));
        let mut members: Vec<_> = members.collect();
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Self::Map(members)
    }

    /// Writes it so that no border can be moved: two values have one text only where they are equal.
    pub(super) fn write(&self, text: &mut String) {
        match self {
            Self::Text(value) => write_string(value, text),
            Self::Plain(value) => text.push_str(value),
            Self::List(items) => {
                text.push('[');
                for item in items {
                    item.write(text);
                    text.push(',');
                }
                text.push(']');
            }
            Self::Map(members) => {
                text.push('{');
                for (name, value) in members {
                    write_string(name, text);
                    text.push(':');
                    value.write(text);
                    text.push(',');
                }
                text.push('}');
            }
        }
    }

    /// The member of that name.
    pub(super) fn member_mut(&mut self, wanted: &str) -> Option<&mut Self> {
        let Self::Map(members) = self else { return None };
        members.iter_mut().find(|(name, _)| name == wanted).map(|(_, value)| value)
    }
}

pub(super) fn write_string(value: &str, text: &mut String) {
    text.push_str(&serde_json::Value::from(value).to_string());
}

/// One spelling for each number, exactly: digits without zeros at either end, and the power of ten of the last one. So `1`,
/// `1.0`, `10e-1` and `1E0` are the same, and two numbers that differ in their thirtieth digit are not.
fn plain_number(text: &str) -> String {
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let Ok(exponent) = exponent.trim_start_matches('+').parse::<i64>() else { return text.to_owned() };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let kept = digits.trim_end_matches('0');
    let dropped = digits.len() - kept.len();
    let significant = kept.trim_start_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let places = i64::try_from(fraction.len()).ok().zip(i64::try_from(dropped).ok());
    let power = places.and_then(|(fraction, dropped)| exponent.checked_sub(fraction)?.checked_add(dropped));
    power.map_or_else(|| text.to_owned(), |power| format!("{sign}{significant}e{power}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(json: &str) -> String {
        let mut text = String::new();
        Node::read(&serde_json::from_str::<Box<RawValue>>(json).unwrap()).write(&mut text);
        text
    }

    #[test]
    fn numbers_of_one_worth_have_one_spelling() {
        for one in ["1", "1.0", "1e0", "10e-1", "0.1E+1", "1.000"] {
            assert_eq!(text(one), "1e0", "{one}");
        }
        for zero in ["0", "-0", "0.0", "0e9", "-0.00E-3"] {
            assert_eq!(text(zero), "0", "{zero}");
        }
        assert_eq!(text("-1200.50"), "-12005e-1");
    }

    #[test]
    fn numbers_that_floats_cannot_tell_apart_differ() {
        assert_ne!(text("18446744073709551617"), text("18446744073709551616"));
        assert_ne!(text("0.1"), text("0.1000000000000000055511151231257827"));
        assert_ne!(text("1e400"), text("1e401"));
        assert_eq!(text("1e99999999999999999999"), "1e99999999999999999999");
    }

    #[test]
    fn strings_are_what_they_say() {
        assert_eq!(text(r#""\u0068i\/""#), text(r#""hi/""#));
        assert_ne!(text(r#""1""#), text("1"));
        assert_ne!(text(r#""null""#), text("null"));
    }

    #[test]
    fn what_has_no_one_meaning_keeps_its_spelling() {
        assert_ne!(text(r#"{"a":{"b":1,"b":2}}"#), text(r#"{"a":{"b":2,"b":1}}"#));
        assert_eq!(text(r#"["\ud800"]"#), r#"["\ud800",]"#);
    }

    proptest! {
        #[test]
        fn a_number_keeps_its_worth(digits in 1_u64..1_000_000, power in -6_i32..6, zeros in 0_usize..4) {
            let padded = format!("{digits}{}e{}", "0".repeat(zeros), power - i32::try_from(zeros).unwrap());

            prop_assert_eq!(text(&padded), text(&format!("{digits}e{power}")));
            prop_assert_ne!(text(&padded), text(&format!("{}e{power}", digits + 1)));
        }
    }
}
