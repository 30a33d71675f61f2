//! Figures that belong together: groups of digits, with a separator between two of them.

use super::Text;

/// The most digits that anything has.
const MOST: usize = 24;

/// Groups of digits.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) digits: Vec<u8>,
    /// Where each group ends in the digits, and in the text.
    pub(super) groups: Vec<(usize, usize)>,
    /// What stands between them, one less.
    pub(super) separators: Vec<u8>,
}

impl Figures {
    /// Reads the figures that begin here, with these separators.
    pub(super) fn read(text: Text<'_>, at: usize, separators: &[u8]) -> Self {
        let mut figures = Self::default();
        let mut at = at;
        loop {
            let length = text.run(at, MOST + 1, |byte| byte.is_ascii_digit());
            if length == 0 || figures.digits.len() + length > MOST {
                break;
            }
            figures.digits.extend(text.bytes[at..at + length].iter().map(|byte| byte - b'0'));
            at += length;
            figures.groups.push((figures.digits.len(), at));
            let Some((separator, width)) =
                separator_at(text, at).filter(|(known, _)| separators.contains(known))
            else {
                break;
            };
            figures.separators.push(separator);
            at += width;
        }
        figures.separators.truncate(figures.groups.len().saturating_sub(1));
        figures
    }

    /// The first so many digits, if a group ends with them: the lengths of the groups, what separates them, and where
    /// they end.
    pub(super) fn first(&self, count: usize) -> Option<(Vec<usize>, &[u8], usize)> {
        let last = self.groups.iter().position(|(digits, _)| *digits == count)?;
        let ends = self.groups[..=last].iter().map(|(digits, _)| *digits);
        let begins = std::iter::once(0).chain(self.groups[..last].iter().map(|(digits, _)| *digits));
        let lengths = begins.zip(ends).map(|(begin, end)| end - begin).collect();
        Some((lengths, &self.separators[..last], self.groups[last].1))
    }
}

/// A separator, where spaces of all kinds are one.
pub(super) fn separator_at(text: Text<'_>, at: usize) -> Option<(u8, usize)> {
    match text.bytes.get(at..)? {
        [0xc2, 0xa0, ..] => Some((b' ', 2)),
        [0xe2, 0x80, 0xaf, ..] => Some((b' ', 3)),
        [0xe2, 0x80, 0x91 | 0x93, ..] => Some((b'-', 3)),
        [byte, ..] if byte.is_ascii() && !byte.is_ascii_alphanumeric() => Some((*byte, 1)),
        _ => None,
    }
}

/// Whether all of a list are the same.
pub(super) fn is_uniform(separators: &[u8]) -> bool {
    separators.windows(2).all(|pair| pair[0] == pair[1])
}

/// A number of at most 19 digits.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(*digit))
}
