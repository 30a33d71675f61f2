//! Scanners, one for each class. Each looks at a place where something can begin, and says where it ends.

pub(super) mod card;
pub(super) mod email;
mod figures;
pub(super) mod iban;
pub(super) mod ip;
pub(super) mod national_id;
pub(super) mod phone;
pub(super) mod secret;

/// A text that is scanned.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
}

impl<'a> Text<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes() }
    }

    /// Where something can begin: at what is written in ASCII and does not go on from a word before.
    pub(super) fn beginnings(self) -> impl Iterator<Item = usize> + 'a {
        let can_begin = move |at: &usize| {
            let byte = self.bytes[*at];
            (byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'(')) && self.is_fresh(*at)
        };
        (0..self.bytes.len()).filter(can_begin)
    }

    /// Whether no word goes on here. The letter of an escape, as in `\n`, is none of a word's.
    pub(super) fn is_fresh(self, at: usize) -> bool {
        let Some(&last) = at.checked_sub(1).and_then(|before| self.bytes.get(before)) else { return true };
        if last.is_ascii() {
            let is_escape = matches!(last, b'n' | b'r' | b't') && at >= 2 && self.bytes[at - 2] == b'\\';
            return is_escape || !is_word(last);
        }
        !self.text[..at].chars().next_back().is_some_and(char::is_alphanumeric)
    }

    /// Whether no word goes on from here.
    pub(super) fn is_closed(self, at: usize) -> bool {
        match self.bytes.get(at) {
            None => true,
            Some(byte) if byte.is_ascii() => !is_word(*byte),
            Some(_) => !self.text[at..].chars().next().is_some_and(char::is_alphanumeric),
        }
    }

    /// Whether figures that begin here belong to something longer, as in `550e-4111` or `1.4111`.
    pub(super) fn is_continued(self, at: usize) -> bool {
        let byte = |back: usize| at.checked_sub(back).and_then(|at| self.bytes.get(at)).copied();
        match (byte(2), byte(1)) {
            (Some(before), Some(b'-' | b'#')) => before.is_ascii_alphanumeric(),
            (Some(before), Some(b'.' | b'/' | b',' | b':')) => before.is_ascii_digit(),
            _ => false,
        }
    }

    /// Whether figures that end here are whole.
    pub(super) fn is_whole(self, end: usize) -> bool {
        let after = self.bytes.get(end + 1);
        self.is_closed(end)
            && match self.bytes.get(end) {
                Some(b'-') => !after.is_some_and(u8::is_ascii_alphanumeric),
                Some(b'.' | b'/' | b',' | b':') => !after.is_some_and(u8::is_ascii_digit),
                _ => true,
            }
    }

    /// What stands before, at most so many bytes of it, in small letters.
    pub(super) fn before(self, at: usize, most: usize) -> String {
        let mut begin = at.saturating_sub(most);
        while !self.text.is_char_boundary(begin) {
            begin += 1;
        }
        self.text[begin..at].to_lowercase()
    }

    /// How many bytes from here on are like this. Whatever has no end is looked at no further than so far, so that no
    /// text takes the square of its length.
    pub(super) fn run(self, at: usize, most: usize, is_like: impl Fn(u8) -> bool) -> usize {
        let at = at.min(self.bytes.len());
        let rest = &self.bytes[at..];
        let mut length = rest.iter().take(most).take_while(|byte| is_like(**byte)).count();
        while length > 0 && !self.text.is_char_boundary(at + length) {
            length -= 1;
        }
        length
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether one of these words is in a text.
fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}
