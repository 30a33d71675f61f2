//! How near two vectors point, in millionths.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The cosine of the angle between two vectors, in millionths: 1,000,000 where they point the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Similarity(i32);

impl Similarity {
    /// The same direction.
    pub const ONE: Self = Self(1_000_000);

    /// From millionths; what lies outside −1 to 1 is brought to the nearer end.
    #[must_use]
    pub fn from_millionths(millionths: i32) -> Self {
        Self(millionths.clamp(-1_000_000, 1_000_000))
    }

    /// From a cosine. What is no number is as far away as can be.
    #[must_use]
    pub fn from_cosine(cosine: f64) -> Self {
        Self(millionths(cosine))
    }

    /// From the distance that a vector store gives for the cosine metric: 1 less the cosine.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "a distance is no money")]
    pub fn from_distance(distance: f32) -> Self {
        Self::from_cosine(1.0 - f64::from(distance))
    }

    /// In millionths.
    #[must_use]
    pub const fn millionths(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Similarity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", size / 1_000_000, size % 1_000_000)
    }
}

#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    reason = "it is clamped before, and is no money"
)]
fn millionths(cosine: f64) -> i32 {
    if cosine.is_nan() {
        return -1_000_000;
    }
    (cosine.clamp(-1.0, 1.0) * 1_000_000.0).round() as i32
}

/// How near two vectors point. Vectors of different lengths, and those without a direction, are as far as can be.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "vectors are no money")]
pub fn cosine(one: &[f32], other: &[f32]) -> Similarity {
    if one.len() != other.len() {
        return Similarity::from_cosine(-1.0);
    }
    let product = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(left, right)| f64::from(*left) * f64::from(*right)).sum()
    };
    let lengths = product(one, one).sqrt() * product(other, other).sqrt();
    if lengths == 0.0 {
        return Similarity::from_cosine(-1.0);
    }
    Similarity::from_cosine(product(one, other) / lengths)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directions_are_compared_and_lengths_are_not() {
        assert_eq!(cosine(&[1.0, 0.0], &[3.0, 0.0]), Similarity::ONE);
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 2.0]).millionths(), 0);
        assert_eq!(cosine(&[1.0, 1.0], &[1.0, 0.0]).millionths(), 707_107);
    }

    #[test]
    fn what_cannot_be_compared_is_far_away() {
        for (one, other) in [
            (vec![1.0], vec![1.0, 0.0]),
            (vec![0.0], vec![1.0]),
            (vec![f32::NAN], vec![1.0]),
            (vec![], vec![]),
        ] {
            assert_eq!(cosine(&one, &other).millionths(), -1_000_000, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_distance_is_one_less_the_cosine() {
        assert_eq!(Similarity::from_distance(0.0), Similarity::ONE);
        assert_eq!(Similarity::from_distance(0.25).millionths(), 750_000);
        assert_eq!(Similarity::from_distance(f32::INFINITY).millionths(), -1_000_000);
    }

    #[test]
    fn it_is_written_as_a_decimal() {
        assert_eq!(Similarity::from_millionths(950_001).to_string(), "0.950001");
        assert_eq!(Similarity::from_millionths(-5).to_string(), "-0.000005");
    }

    proptest! {
        #[test]
        fn it_does_not_matter_which_comes_first(one in proptest::collection::vec(-1.0_f32..1.0, 4), other in proptest::collection::vec(-1.0_f32..1.0, 4)) {
            prop_assert_eq!(cosine(&one, &other), cosine(&other, &one));
        }
    }
}
