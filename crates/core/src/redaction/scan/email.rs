//! Addresses of e-mail, around their `@`.

use std::ops::Range;

use super::Text;

/// Endings of files with an `@` in their names, as in `icon@2x.png`.
const FILES: [&str; 12] =
    ["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "json", "html", "pdf"];

/// All of a text.
pub(crate) fn all(text: Text<'_>) -> impl Iterator<Item = Range<usize>> {
    text.text.match_indices('@').filter_map(move |(at, _)| around(text, at))
}

fn around(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let begin = begin(text, at)?;
    let end = end(text, at + 1)?;
    let is_remote = &text.text[begin..at] == "git" && text.bytes.get(end) == Some(&b':');
    (!is_remote).then_some(begin..end)
}

fn begin(text: Text<'_>, at: usize) -> Option<usize> {
    let is_of_it = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '\'' | '&');
    let length: usize = text.text[..at].chars().rev().take_while(is_of_it).take(64).map(char::len_utf8).sum();
    let mut begin = at - length;
    let is_escape = begin > 0 && text.bytes[begin - 1] == b'\\';
    if is_escape && matches!(text.bytes[begin], b'n' | b'r' | b't') {
        begin += 1;
    }
    let lead =
        text.text[begin..at].bytes().take_while(|byte| matches!(byte, b'.' | b'\'' | b'-' | b'%' | b'&'));
    let begin = begin + lead.count();
    (begin < at && text.bytes[at - 1] != b'.').then_some(begin)
}

/// Where the domain ends: labels with dots between them, of which the last one is of letters.
fn end(text: Text<'_>, at: usize) -> Option<usize> {
    let is_of_it = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let length: usize = text.text[at..].chars().take_while(is_of_it).take(253).map(char::len_utf8).sum();
    let domain = text.text[at..at + length].trim_end_matches(['.', '-']);
    // A sentence that goes on without a space is no label: `a@b.example.Thanks` is left as it is found.
    let (rest, last) = domain.rsplit_once('.')?;
    let is_name =
        last.starts_with("xn--") || last.chars().count() >= 2 && last.chars().all(char::is_alphabetic);
    let has_labels = !rest.is_empty() && domain.split('.').all(|label| !label.is_empty());
    let is_file =
        FILES.contains(&last.to_lowercase().as_str()) && rest.starts_with(|c: char| c.is_ascii_digit());
    (is_name && has_labels && !is_file).then_some(at + domain.len())
}
