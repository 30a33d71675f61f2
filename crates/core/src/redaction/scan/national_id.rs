//! Numbers by which a state knows a person, each with its own check.

use super::figures::{Figures, number};
use super::{Text, has_any};

/// Words around a number of the United States that stands without its hyphens.
const SOCIAL: [&str; 5] = ["ssn", "social security", "social-security", "social_security", "tin"];

/// The letter of Spanish numbers, by the remainder of 23.
const SPANISH: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Where the number that begins here ends.
pub(crate) fn at(text: Text<'_>, at: usize) -> Option<usize> {
    if text.is_continued(at) {
        return None;
    }
    let end = if text.bytes[at].is_ascii_digit() {
        let figures = Figures::read(text, at, b" -.");
        let all =
            [german(&figures), french(text, at, &figures), swiss(&figures), american(text, at, &figures)];
        let whole = all.into_iter().flatten().find(|end| text.is_whole(*end));
        whole.or_else(|| spanish(text, at, 8, 0)).or_else(|| corsican(text, at))
    } else if text.bytes[at].is_ascii_alphabetic() {
        spanish_foreign(text, at).or_else(|| british(text, at)).or_else(|| italian(text, at))
    } else {
        None
    };
    end.filter(|end| text.is_whole(*end))
}

/// The German tax number of a person: a check digit, and one digit among the first ten that comes two or three times.
fn german(figures: &Figures) -> Option<usize> {
    let (groups, separators, end) = figures.first(11)?;
    let digits = &figures.digits[..11];
    let is_written =
        matches!(groups.as_slice(), [11] | [2, 3, 3, 3]) && separators.iter().all(|s| *s == b' ');
    let mut counts = [0; 10];
    digits[..10].iter().for_each(|digit| counts[usize::from(*digit)] += 1);
    let repeated: Vec<_> = counts.into_iter().filter(|count| *count > 1).collect();
    let is_one = matches!(repeated.as_slice(), [2 | 3]);
    let product = digits[..10].iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    let check = (11 - product) % 10;
    (is_written && is_one && digits[0] != 0 && check == u32::from(digits[10])).then_some(end)
}

/// The French number of social security, with its key.
fn french(text: Text<'_>, at: usize, figures: &Figures) -> Option<usize> {
    let (_, separators, end) = figures.first(15)?;
    let digits = &figures.digits[..15];
    let is_written = separators.iter().all(|separator| matches!(separator, b' ' | b'.' | b'-'));
    let month = number(&digits[3..5]);
    let is_person = matches!(digits[0], 1..=4 | 7 | 8) && matches!(month, 1..=12 | 20..=42 | 50..=99);
    let key = 97 - number(&digits[..13]) % 97;
    let is_right = is_written && is_person && key == number(&digits[13..]) && !text.is_continued(at);
    is_right.then_some(end)
}

/// The same of somebody who was born on Corsica, whose department has a letter.
fn corsican(text: Text<'_>, at: usize) -> Option<usize> {
    let mut digits = Vec::with_capacity(15);
    let (mut at, mut minus) = (at, None);
    while digits.len() < 15 {
        match text.bytes.get(at)? {
            byte if byte.is_ascii_digit() => digits.push(byte - b'0'),
            letter @ (b'A' | b'B') if digits.len() == 6 && digits[5] == 2 && minus.is_none() => {
                minus = Some(if *letter == b'A' { 1_000_000 } else { 2_000_000 });
                digits.push(0);
            }
            b' ' | b'.' | b'-' => {}
            _ => return None,
        }
        at += 1;
    }
    let month = number(&digits[3..5]);
    let key = 97 - (number(&digits[..13]).checked_sub(minus?)?) % 97;
    (matches!(digits[0], 1 | 2) && (1..=12).contains(&month) && key == number(&digits[13..])).then_some(at)
}

/// The Swiss number: 756, and the check of a bar code.
fn swiss(figures: &Figures) -> Option<usize> {
    let (groups, _, end) = figures.first(13)?;
    let digits = &figures.digits[..13];
    let is_written = matches!(groups.as_slice(), [13] | [3, 4, 4, 2]);
    let weighed = digits.iter().zip([1, 3].into_iter().cycle());
    let sum: u32 = weighed.map(|(digit, weight)| u32::from(*digit) * weight).sum();
    (is_written && digits[..3] == [7, 5, 6] && sum.is_multiple_of(10)).then_some(end)
}

/// The American number, which has no check: it is known by its hyphens, or by what stands before.
fn american(text: Text<'_>, at: usize, figures: &Figures) -> Option<usize> {
    let (groups, separators, end) = figures.first(9)?;
    let digits = &figures.digits[..9];
    let (area, group, serial) = (number(&digits[..3]), number(&digits[3..5]), number(&digits[5..]));
    let is_given = area != 0 && area != 666 && area < 900 && group != 0 && serial != 0;
    let is_told = || has_any(&text.before(at, 40), &SOCIAL);
    let is_written = match groups.as_slice() {
        [3, 2, 4] if separators == b"--" => true,
        [3, 2, 4] | [9] => is_told(),
        _ => false,
    };
    (is_given && is_written).then_some(end)
}

/// Eight digits, or seven after a letter that stands for one, and the letter of their remainder.
fn spanish(text: Text<'_>, at: usize, count: usize, leading: u64) -> Option<usize> {
    let figures = Figures::read(text, at, b".");
    let (groups, _, mut end) = figures.first(count)?;
    if !matches!(groups.as_slice(), [7 | 8] | [1 | 2, 3, 3]) {
        return None;
    }
    if matches!(text.bytes.get(end), Some(b'-' | b' ')) {
        end += 1;
    }
    let letter = text.bytes.get(end)?.to_ascii_uppercase();
    let value = leading * 10_000_000 + number(&figures.digits[..count]);
    let rest = usize::try_from(value % 23).ok()?;
    (SPANISH[rest] == letter).then_some(end + 1)
}

fn spanish_foreign(text: Text<'_>, at: usize) -> Option<usize> {
    let leading = match text.bytes[at].to_ascii_uppercase() {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return None,
    };
    let hyphen = usize::from(text.bytes.get(at + 1) == Some(&b'-'));
    spanish(text, at + 1 + hyphen, 7, leading)
}

/// The British number of national insurance, in capitals.
fn british(text: Text<'_>, at: usize) -> Option<usize> {
    let prefix = text.bytes.get(at..at + 2)?;
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() && !b"DFIQUV".contains(byte);
    let is_given = prefix.iter().all(is_letter)
        && prefix[1] != b'O'
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[prefix[0], prefix[1]]);
    let skip = |at: usize| at + usize::from(matches!(text.bytes.get(at), Some(b' ' | b'-')));
    let figures = Figures::read(text, skip(at + 2), b" -");
    let (groups, _, end) = figures.first(6)?;
    let end = skip(end);
    let is_suffix = matches!(text.bytes.get(end)?, b'A'..=b'D');
    (is_given && is_suffix && matches!(groups.as_slice(), [6] | [2, 2, 2])).then_some(end + 1)
}

/// The Italian fiscal code, with its check letter.
fn italian(text: Text<'_>, at: usize) -> Option<usize> {
    let code: Vec<u8> = text.bytes.get(at..at + 16)?.iter().map(u8::to_ascii_uppercase).collect();
    let shape = b"LLLLLLDDLDDLDDDL";
    let fits = |(byte, kind): (&u8, &u8)| match kind {
        b'L' => byte.is_ascii_uppercase(),
        // Where two people would have the same code, letters stand for digits.
        _ => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte),
    };
    let is_shaped = code.iter().zip(shape).all(fits) && b"ABCDEHLMPRST".contains(&code[8]);
    let sum: u32 = code[..15].iter().enumerate().map(|(place, byte)| italian_value(place, *byte)).sum();
    (is_shaped && sum % 26 == u32::from(code[15] - b'A')).then_some(at + 16)
}

fn italian_value(place: usize, byte: u8) -> u32 {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let index = if byte.is_ascii_digit() { byte - b'0' } else { byte.wrapping_sub(b'A') };
    if place.is_multiple_of(2) { ODD.get(usize::from(index)).copied().unwrap_or(0) } else { u32::from(index) }
}
