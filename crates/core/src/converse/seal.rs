//! Reasoning that goes to the client and comes back, opaque to it.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;

/// What a model of Converse needs to know its own reasoning again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// The signature of the reasoning that is shown beside it.
    Signature(String),
    /// The reasoning itself, which nobody else can read.
    Redacted(Bytes),
}

impl Seal {
    /// As the text of an [`Event::Sealed`](crate::event::Event::Sealed).
    #[must_use]
    pub fn write(&self) -> String {
        match self {
            Self::Signature(signature) => format!("s.{signature}"),
            Self::Redacted(bytes) => format!("r.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)),
        }
    }

    /// From such a text; `None` where it is none of ours.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match text.split_once('.')? {
            ("s", signature) if !signature.is_empty() => Some(Self::Signature(signature.to_owned())),
            ("r", bytes) => {
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(bytes).ok().filter(|bytes| !bytes.is_empty())?;
                Some(Self::Redacted(bytes.into()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_seal_is_not_read() {
        for text in ["", "s", "s.", "r.", "r.?", "x.abc", "gAAAAABo"] {
            assert_eq!(Seal::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(signature in ".{1,40}", bytes in proptest::collection::vec(0..=255_u8, 1..40)) {
            for seal in [Seal::Signature(signature), Seal::Redacted(bytes.into())] {
                prop_assert_eq!(Seal::read(&seal.write()), Some(seal));
            }
        }
    }
}
