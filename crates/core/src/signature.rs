//! Whether two requests are the same call, said by a hash that only the gateway can make: under it a retry stands at the same
//! place among all calls, and so takes the same route. Nobody can choose a key or a body that lands where it pleases.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::idempotency::Claim;
use crate::name::Name;

/// The gateway's secret; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(String);

/// The signature of a call: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(String);

impl SigningKey {
    /// From its text.
    #[must_use]
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// Signs a call: the API key that it came with, its `Idempotency-Key`, its endpoint and its body. The claim is a hash of
    /// the last three.
    #[must_use]
    pub fn sign(&self, key_id: &Name, claim: &Claim) -> Signature {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("any length is a key");
        mac.update(format!("{key_id}/{}/{}", claim.id, claim.fingerprint).as_bytes());
        let digest = mac.finalize().into_bytes();
        Signature(hex::encode(digest.split_at(16).0))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl Signature {
    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(id: &str, fingerprint: &str, request_id: &str) -> Claim {
        let (id, fingerprint) = (id.to_owned(), fingerprint.to_owned());
        Claim { id, fingerprint, request_id: request_id.to_owned(), expires_at: 1 }
    }

    #[test]
    fn a_retry_has_the_same_signature_and_every_other_call_another() {
        let key = SigningKey::new("secret".to_owned());
        let name = |text: &str| text.parse::<Name>().unwrap();
        let first = key.sign(&name("k1"), &claim("idem#1", "body", "r-1"));

        assert_eq!(key.sign(&name("k1"), &claim("idem#1", "body", "r-2")), first);
        assert_eq!(first.as_str().len(), 32);
        for other in [
            key.sign(&name("k2"), &claim("idem#1", "body", "r-1")),
            key.sign(&name("k1"), &claim("idem#2", "body", "r-1")),
            key.sign(&name("k1"), &claim("idem#1", "other", "r-1")),
            SigningKey::new("other".to_owned()).sign(&name("k1"), &claim("idem#1", "body", "r-1")),
        ] {
            assert_ne!(other, first);
        }
        assert_eq!(format!("{key:?}"), "SigningKey(…)");
    }
}
