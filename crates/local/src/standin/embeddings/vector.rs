//! Vectors that are pure functions of a text: of length one, and the nearer the more words two texts share, whatever their case
//! and punctuation.

use serde_json::{Number, Value};

use crate::standin::frame::encode64;

/// Nine decimal places, which is more than a 32-bit float holds.
const PLACES: usize = 9;
const ONE: i128 = 1_000_000_000;
/// The norm is taken of components so many times larger, so that the fraction of its root does not matter.
const FINE: i128 = 1 << 16;

/// Components in units of the ninth decimal place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::standin) struct Vector(Vec<i128>);

impl Vector {
    pub(in crate::standin) fn of(text: &str, dimension: usize) -> Self {
        let mut raw = vec![0; dimension];
        for word in words(text) {
            let mut state = seed(&word);
            raw.iter_mut().for_each(|sum| *sum += component(&mut state));
        }
        let squares: i128 = raw.iter().map(|component| (component * FINE).pow(2)).sum();
        let norm = squares.isqrt().max(1);
        Self(raw.into_iter().map(|component| component * FINE * ONE / norm).collect())
    }

    pub(in crate::standin) fn numbers(&self) -> Value {
        let numbers = self.0.iter().map(|component| {
            let number: Number = decimal(*component).parse().expect("a sign and decimal digits are a number");
            Value::Number(number)
        });
        numbers.collect()
    }

    /// 32-bit floats, little end first.
    pub(in crate::standin) fn base64(&self) -> String {
        let bytes = self.0.iter().flat_map(|component| {
            let float: f32 = decimal(*component).parse().expect("a sign and decimal digits are a number");
            float.to_le_bytes()
        });
        encode64(bytes.collect::<Vec<_>>())
    }

    /// One bit a component: whether it is positive.
    pub(in crate::standin) fn bits(&self) -> Value {
        self.0.iter().map(|component| Value::from(i32::from(*component > 0))).collect()
    }
}

/// A text without words is one word by itself.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    if words.is_empty() { vec![text.to_owned()] } else { words }
}

fn decimal(component: i128) -> String {
    let sign = if component < 0 { "-" } else { "" };
    let size = component.abs();
    format!("{sign}{}.{:0PLACES$}", size / ONE, size % ONE)
}

/// FNV-1a.
fn seed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The next component, between plus and minus 2^15: splitmix64, of which 16 bits are taken.
fn component(state: &mut u64) -> i128 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let [low, high, ..] = (mixed ^ (mixed >> 31)).to_le_bytes();
    i128::from(i16::from_le_bytes([low, high]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_has_the_dimension_asked_for_and_length_one() {
        for dimension in [1, 256, 3072] {
            let vector = Vector::of("Say hello.", dimension);

            let squares: i128 = vector.0.iter().map(|component| component.pow(2)).sum();

            assert_eq!(vector.0.len(), dimension);
            assert!((squares - ONE * ONE).abs() < ONE * ONE / 1_000_000, "{squares}");
        }
    }

    #[test]
    fn the_same_text_has_the_same_vector_and_another_has_another() {
        assert_eq!(Vector::of("a", 256), Vector::of("a", 256));
        assert_ne!(Vector::of("a", 256), Vector::of("b", 256));
    }

    #[test]
    fn texts_that_share_words_are_near() {
        let product = |one: &str, other: &str| -> i128 {
            let (one, other) = (Vector::of(one, 1024), Vector::of(other, 1024));
            one.0.iter().zip(&other.0).map(|(one, other)| one * other).sum::<i128>() / ONE
        };

        assert_eq!(Vector::of("What is tea?", 256), Vector::of("what is tea", 256));
        let near = product("what is green tea", "what is black tea");
        assert!((ONE * 6 / 10..ONE * 9 / 10).contains(&near), "{near}");
        assert!(product("what is green tea", "how do birds fly").abs() < ONE / 5);
    }

    #[test]
    fn both_forms_say_the_same() {
        let vector = Vector(vec![-500_000_000, 1, ONE]);

        assert_eq!(vector.numbers().to_string(), "[-0.5,1e-9,1.0]");
        assert_eq!(vector.base64(), encode64([-0.5f32, 1e-9, 1.0].map(f32::to_le_bytes).concat()));
        assert_eq!(vector.bits().to_string(), "[0,1,1]");
    }
}
