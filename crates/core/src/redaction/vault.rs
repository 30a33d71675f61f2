//! What was taken out of a call's texts. It lives as long as the call, and prints nothing of what it holds.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::restore::mend_whole;
use super::{Class, Counts};

/// So few characters of a value say nothing of it.
const LEAST_OF_A_VALUE: usize = 3;

/// Placeholders and what they stand for.
#[derive(Clone, Default)]
pub struct Vault {
    /// By class and value, so that the same value has one placeholder within a call.
    placeholders: HashMap<(Class, String), String>,
    values: HashMap<String, String>,
    /// Placeholders that the caller wrote; ours are others.
    taken: HashSet<String>,
    last: HashMap<Class, u32>,
    longest: usize,
    counts: Counts,
}

impl Vault {
    /// Reads a text for what looks like a placeholder: such a one is never given to anything else.
    pub fn reserve(&mut self, text: &str) {
        for (at, _) in text.match_indices('[') {
            if let Some(length) = placeholder_at(&text[at..]) {
                self.taken.insert(text[at..at + length].to_owned());
            }
        }
    }

    /// Keeps a value, and gives what stands for it.
    pub(super) fn keep(&mut self, class: Class, value: &str) -> String {
        *self.counts.entry(class).or_default() += 1;
        if let Some(known) = self.placeholders.get(&(class, value.to_owned())) {
            return known.clone();
        }
        let placeholder = self.next(class);
        self.longest = self.longest.max(placeholder.len());
        self.placeholders.insert((class, value.to_owned()), placeholder.clone());
        self.values.insert(placeholder.clone(), value.to_owned());
        placeholder
    }

    /// What stands for nothing yet. It has one bracket at each end and none between, so that two never overlap.
    fn next(&mut self, class: Class) -> String {
        let last = self.last.entry(class).or_default();
        loop {
            *last += 1;
            let placeholder = format!("[{}_{last}]", class.tag());
            if !self.taken.contains(&placeholder) {
                return placeholder;
            }
        }
    }

    /// What a placeholder at the beginning of a text stands for, and how long it is.
    pub(super) fn open(&self, text: &str) -> Option<(&str, usize)> {
        let length = placeholder_at(text)?;
        self.values.get(&text[..length]).map(|value| (value.as_str(), length))
    }

    /// Whether a text may be the beginning of one of the placeholders, and not yet the whole.
    pub(super) fn may_begin(&self, text: &str) -> bool {
        text.len() < self.longest && self.values.keys().any(|placeholder| placeholder.starts_with(text))
    }

    /// A text with everything put back.
    #[must_use]
    pub fn restored(&self, text: &str) -> String {
        mend_whole(self, 0, text)
    }

    /// Whether a text ends within one of the values: where it was cut there, the scanners do not know it.
    #[must_use]
    pub fn is_cut_within(&self, text: &str) -> bool {
        self.values.values().any(|value| {
            let parts = value.char_indices().skip(LEAST_OF_A_VALUE).map(|(at, _)| &value[..at]);
            parts.into_iter().any(|part| text.ends_with(part))
        })
    }

    /// Whether nothing was taken out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How often something of each class was taken out.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// The length of what looks like a placeholder at the beginning of a text.
fn placeholder_at(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('[')?;
    let tag = Class::ALL
        .into_iter()
        .map(Class::tag)
        .find(|tag| rest.strip_prefix(tag).is_some_and(|rest| rest.starts_with('_')))?;
    let number = &rest[tag.len() + 1..];
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let is_closed = digits > 0 && number.as_bytes().get(digits) == Some(&b']');
    is_closed.then_some(1 + tag.len() + 1 + digits + 1)
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("counts", &self.counts).finish_non_exhaustive()
    }
}
