//! Bank accounts: a country, its length, and the remainder of 97.

use super::Text;
use super::figures::separator_at;

const LENGTHS: [(&[u8; 2], usize); 42] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AT", 20),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"CH", 21),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"EE", 20),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GI", 23),
    (b"GR", 27),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"MC", 27),
    (b"MT", 31),
    (b"NL", 18),
    (b"NO", 15),
    (b"PL", 28),
    (b"PT", 25),
    (b"RO", 24),
    (b"RS", 22),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"TR", 26),
];

/// Where the IBAN that begins here ends.
pub(crate) fn at(text: Text<'_>, at: usize) -> Option<usize> {
    let head = text.bytes.get(at..at + 4)?;
    if !head[2..].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let country = [head[0].to_ascii_uppercase(), head[1].to_ascii_uppercase()];
    let (_, length) = LENGTHS.iter().find(|(known, _)| **known == country)?;
    let (account, end) = read(text, at, *length)?;
    (text.is_closed(end) && remainder(&account) == 1).then_some(end)
}

/// So many letters and digits, with single spaces or hyphens between groups.
fn read(text: Text<'_>, mut at: usize, length: usize) -> Option<(Vec<u8>, usize)> {
    let mut account = Vec::with_capacity(length);
    loop {
        let byte = *text.bytes.get(at)?;
        if byte.is_ascii_alphanumeric() {
            account.push(byte.to_ascii_uppercase());
            at += 1;
        } else {
            let (separator, width) = separator_at(text, at)?;
            if !matches!(separator, b' ' | b'-') {
                return None;
            }
            at += width;
            if !text.bytes.get(at)?.is_ascii_alphanumeric() {
                return None;
            }
        }
        if account.len() == length {
            return Some((account, at));
        }
    }
}

fn remainder(account: &[u8]) -> u32 {
    let turned = account[4..].iter().chain(&account[..4]);
    turned.fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    })
}
