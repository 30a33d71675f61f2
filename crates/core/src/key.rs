//! API keys: `tg-<id>-<secret><check>`. The check tells a typing error from a wrong key without a look-up;
//! only a keyed hash is ever stored.

pub mod tag;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Crockford's alphabet in lower case: no letter that reads as a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ID_LENGTH: usize = 12;
const SECRET_LENGTH: usize = 32;
const CHECK_LENGTH: usize = 4;

/// Bytes of randomness that [`ApiKey::mint`] takes: 12 characters of id and 160 bits of secret, five bits each.
pub const ENTROPY_BYTES: usize = ID_LENGTH + SECRET_LENGTH;

/// A well-formed key: its check is right. It never shows itself in logs.
#[derive(Clone)]
pub struct ApiKey {
    text: SecretString,
}

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It does not look like one of ours.
    #[error("not a tollgate key")]
    Foreign,
    /// It looks like one of ours, and a character is wrong.
    #[error("the key has a typing error")]
    Mistyped,
}

impl ApiKey {
    /// Makes a key of random bytes; five bits of each are used.
    #[must_use]
    pub fn mint(entropy: &[u8; ENTROPY_BYTES]) -> Self {
        let mut letters = entropy.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let id: String = letters.by_ref().take(ID_LENGTH).collect();
        let secret: String = letters.collect();
        let body = format!("tg-{id}-{secret}");
        let check = check_of(&body);
        Self { text: SecretString::from(format!("{body}{check}")) }
    }

    /// Reads a key as a client sent it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix("tg-").ok_or(KeyError::Foreign)?;
        let (id, tail) = rest.split_once('-').ok_or(KeyError::Mistyped)?;
        let is_ours = |part: &str| part.bytes().all(|byte| ALPHABET.contains(&byte));
        let is_long_enough = id.len() == ID_LENGTH && tail.len() == SECRET_LENGTH + CHECK_LENGTH;
        if !is_long_enough || !is_ours(id) || !is_ours(tail) {
            return Err(KeyError::Mistyped);
        }
        let (body, check) = text.split_at(text.len() - CHECK_LENGTH);
        if check_of(body) == check {
            Ok(Self { text: SecretString::from(text) })
        } else {
            Err(KeyError::Mistyped)
        }
    }

    /// The public part, `tg-<id>`: what lists, logs and the ledger may show.
    #[must_use]
    pub fn id(&self) -> String {
        self.text.expose_secret()["tg-".len()..][..ID_LENGTH].to_owned()
    }

    /// The whole key, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Hex HMAC-SHA-256 under the pepper: the key of the keys table.
    #[must_use]
    pub fn hash(&self, pepper: &SecretString) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(pepper.expose_secret().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(self.text.expose_secret().as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, ..)", self.id())
    }
}

fn check_of(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    digest.iter().take(CHECK_LENGTH).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> ApiKey {
        ApiKey::mint(&[7; ENTROPY_BYTES])
    }

    #[test]
    fn a_key_reads_as_it_was_minted() {
        let key = ApiKey::parse(sample().expose()).unwrap();

        assert_eq!(key.expose(), sample().expose());
        assert_eq!(key.id(), "777777777777");
    }

    #[test]
    fn a_key_of_another_house_is_told_apart() {
        assert_eq!(ApiKey::parse("sk-proj-abc").unwrap_err(), KeyError::Foreign);
        assert_eq!(ApiKey::parse("").unwrap_err(), KeyError::Foreign);
    }

    #[test]
    fn a_hash_depends_on_the_pepper() {
        let hash = |pepper: &str| sample().hash(&SecretString::from(pepper));

        assert_eq!(hash("a"), hash("a"));
        assert_ne!(hash("a"), hash("b"));
        assert_eq!(hash("a").len(), 64);
    }

    #[test]
    fn a_key_never_shows_itself() {
        assert_eq!(format!("{:?}", sample()), "ApiKey(777777777777, ..)");
    }

    #[test]
    fn a_cut_key_is_mistyped() {
        let text = sample().expose().to_owned();

        assert_eq!(ApiKey::parse(&text[..text.len() - 1]).unwrap_err(), KeyError::Mistyped);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let parsed = ApiKey::parse(&text);
            prop_assert!(parsed.is_err());
        }
    }
}
