//! Addresses on the internet. What only names the machine itself or a mask is nobody's address.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::{Text, has_any};

/// Words before four numbers that are no address.
const VERSIONS: [&str; 15] = [
    "version",
    "versión",
    "versione",
    "release",
    "build",
    "firmware",
    "chapter",
    "section",
    "kapitel",
    "abschnitt",
    "chapitre",
    "capítulo",
    "capitolo",
    "sezione",
    "§",
];

/// What is longer, with what follows it, is no address.
const LONGEST_V4: usize = 18;
const LONGEST_V6: usize = 48;

/// Where the address that begins here ends.
pub(crate) fn at(text: Text<'_>, at: usize) -> Option<usize> {
    if text.bytes[at].is_ascii_digit() { v4(text, at).or_else(|| v6(text, at)) } else { v6(text, at) }
}

fn v4(text: Text<'_>, at: usize) -> Option<usize> {
    let length = text.run(at, LONGEST_V4, |byte| byte.is_ascii_digit() || byte == b'.');
    let written = text.text[at..at + length].trim_end_matches('.');
    let end = at + written.len();
    let address: Ipv4Addr = written.parse().ok()?;
    let is_part = text.is_continued(at) || !text.is_closed(end);
    let is_mask = address.octets()[0] == 255;
    let is_nobody = address.is_loopback() || address.is_unspecified() || is_mask;
    (!is_part && !is_nobody && !has_any(&text.before(at, 14), &VERSIONS)).then_some(end)
}

fn v6(text: Text<'_>, at: usize) -> Option<usize> {
    let group = text.run(at, 5, |byte| byte.is_ascii_hexdigit());
    if !(1..=4).contains(&group) || text.bytes.get(at + group) != Some(&b':') {
        return None;
    }
    let length = text.run(at, LONGEST_V6, |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
    let written = text.text[at..at + length].trim_end_matches('.');
    // A colon may be the sentence's.
    let written = [written, written.trim_end_matches(':')].into_iter().find(|text| is_v6(text))?;
    let address: Ipv6Addr = written.parse().ok()?;
    let end = at + written.len();
    // `a::b` is a path in some languages.
    let is_short =
        written.contains("::") && (group < 3 || !written.bytes().any(|byte| byte.is_ascii_digit()));
    (!is_short && text.is_closed(end) && !address.is_loopback() && !text.is_continued(at)).then_some(end)
}

fn is_v6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}
