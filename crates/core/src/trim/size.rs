//! How long a conversation is, by an estimate that needs no vocabulary.

use std::ops::{Add, Sub};

use serde_json::value::RawValue;

/// What an image counts, whatever its size: about a picture of a megapixel.
const IMAGE_TOKENS: u64 = 1_000;

const BYTES_PER_TOKEN: u64 = 4;

/// The length of JSON text and the number of images in it, whose own text does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    bytes: u64,
    images: u64,
}

impl Size {
    pub(super) fn of_text(text: &RawValue) -> Self {
        Self { bytes: u64::try_from(text.get().len()).unwrap_or(u64::MAX), images: 0 }
    }

    pub(super) const fn of_image() -> Self {
        Self { bytes: 0, images: 1 }
    }

    pub(super) const fn tokens(self) -> u64 {
        self.bytes.div_ceil(BYTES_PER_TOKEN) + self.images * IMAGE_TOKENS
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, images: self.images + other.images }
    }
}

impl Sub for Size {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { bytes: self.bytes - other.bytes, images: self.images - other.images }
    }
}

impl std::iter::Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Add::add)
    }
}
