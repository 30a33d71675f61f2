//! Payment cards: an issuer's range, its length, the groups in which people write them, and Luhn's check.

use super::Text;
use super::figures::{Figures, is_uniform, number};

/// Where the card that begins here ends.
pub(crate) fn at(text: Text<'_>, at: usize) -> Option<usize> {
    if !matches!(text.bytes[at], b'2'..=b'6') || text.is_continued(at) {
        return None;
    }
    let figures = Figures::read(text, at, b" -");
    (13..=19).rev().find_map(|count| {
        let (groups, separators, end) = figures.first(count)?;
        let digits = &figures.digits[..count];
        let is_card = is_uniform(separators)
            && is_written(&groups)
            && is_issued(digits)
            && has_luhn(digits)
            && text.is_whole(end);
        is_card.then_some(end)
    })
}

fn is_written(groups: &[usize]) -> bool {
    groups.len() == 1
        || matches!(
            groups,
            [4, 4, 4, 4]
                | [4, 4, 4, 4, 3]
                | [4, 6, 5]
                | [4, 6, 4]
                | [4, 4, 4, 1]
                | [4, 4, 4, 2]
                | [4, 4, 4, 3]
        )
}

fn is_issued(digits: &[u8]) -> bool {
    let first = number(&digits[..4]);
    match digits.len() {
        13 => first / 1000 == 4,
        14 => matches!(first, 3000..=3059 | 3600..=3699 | 3800..=3999),
        15 => matches!(first / 100, 34 | 37),
        16 => matches!(
            first,
            4000..=4999 | 5100..=5599 | 2221..=2720 | 6011 | 6440..=6599 | 3528..=3589 | 6200..=6299 | 6760..=6769
        ),
        18 | 19 => matches!(first, 6759..=6763 | 5018..=5020 | 5038 | 6304 | 6200..=6299),
        _ => false,
    }
}

pub(super) fn has_luhn(digits: &[u8]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| match place % 2 {
        0 => u32::from(*digit),
        _ => u32::from(*digit) * 2 / 10 + u32::from(*digit) * 2 % 10,
    });
    weighed.sum::<u32>().is_multiple_of(10)
}
