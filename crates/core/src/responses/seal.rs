//! Encrypted reasoning, bound to the target that made it: the caller carries it back, and only that target gets it.
//!
//! It is written `tg1.<the target's id, base64url>.<the target's own text>`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::prompt::Sealed;

const PREFIX: &str = "tg1.";

pub(super) fn seal(target_id: &str, text: &str) -> String {
    format!("{PREFIX}{}.{text}", URL_SAFE_NO_PAD.encode(target_id))
}

/// Text that no gateway bound is the target's own, whichever that is.
pub(super) fn unseal(text: &str) -> Sealed {
    bound(text).unwrap_or_else(|| Sealed { target: None, text: text.to_owned() })
}

fn bound(text: &str) -> Option<Sealed> {
    let (target, text) = text.strip_prefix(PREFIX)?.split_once('.')?;
    let target = String::from_utf8(URL_SAFE_NO_PAD.decode(target).ok()?).ok()?;
    Some(Sealed { target: Some(target), text: text.to_owned() })
}

/// Whether this target can read it, as far as is known.
pub(super) fn is_readable(sealed: &Sealed, target_id: &str) -> bool {
    sealed.target.as_deref().is_none_or(|target| target == target_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_unsealed_with_its_target() {
        let text = seal("gpt-5.5@mantle/us-east-1", "gAAAA.B==");

        assert_eq!(text, "tg1.Z3B0LTUuNUBtYW50bGUvdXMtZWFzdC0x.gAAAA.B==");
        assert_eq!(
            unseal(&text),
            Sealed { target: Some("gpt-5.5@mantle/us-east-1".to_owned()), text: "gAAAA.B==".to_owned() }
        );
    }

    #[test]
    fn text_that_nobody_bound_stays_as_it_is() {
        for text in ["gAAAA", "tg1.", "tg1.a", "tg1.!!.x", "tg1._w.x", ""] {
            assert_eq!(unseal(text), Sealed { target: None, text: text.to_owned() });
        }
    }
}
