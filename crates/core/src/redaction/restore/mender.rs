//! A text that comes in pieces, with its placeholders mended.

use std::collections::BTreeMap;

use super::super::Vault;
use super::super::json::encode;

/// The texts of an answer by where they stand, each with what is held back of it.
#[derive(Debug)]
pub(super) struct Menders<P>(BTreeMap<P, String>);

impl<P> Default for Menders<P> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<P: Ord> Menders<P> {
    /// Whether nothing is held back.
    pub(super) fn is_idle(&self) -> bool {
        self.0.is_empty()
    }

    /// What can be said of a text, with its next piece. Values are escaped so many times.
    pub(super) fn feed(&mut self, vault: &Vault, (place, depth): (P, u8), piece: &str) -> String {
        let mut text = self.0.remove(&place).unwrap_or_default();
        text.push_str(piece);
        let (mended, held) = mend(vault, depth, &text);
        if held < text.len() {
            self.0.insert(place, text.split_off(held));
        }
        mended
    }

    /// What is held back of all texts that end here.
    pub(super) fn end_where(&mut self, ends: impl Fn(&P) -> bool) -> BTreeMap<P, String> {
        let (ended, kept) = std::mem::take(&mut self.0).into_iter().partition(|(place, _)| ends(place));
        self.0 = kept;
        ended
    }
}

/// A text that is whole.
pub(in super::super) fn mend_whole(vault: &Vault, depth: u8, text: &str) -> String {
    let (mut mended, held) = mend(vault, depth, text);
    mended.push_str(&text[held..]);
    mended
}

/// A text mended as far as that is known, and how far that is.
fn mend(vault: &Vault, depth: u8, text: &str) -> (String, usize) {
    let (mut mended, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(bracket) = text[at..].find('[').map(|found| at + found) {
        mended.push_str(&text[at..bracket]);
        let rest = &text[bracket..];
        if let Some((value, length)) = vault.open(rest) {
            mended.push_str(&encode(value, depth));
            at = bracket + length;
        } else if vault.may_begin(rest) {
            return (mended, bracket);
        } else {
            mended.push('[');
            at = bracket + 1;
        }
    }
    mended.push_str(&text[at..]);
    (mended, text.len())
}
