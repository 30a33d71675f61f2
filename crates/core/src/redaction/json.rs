//! The strings of a JSON text, rewritten where they stand: all else stays byte for byte.

use serde::de::IgnoredAny;

/// Rewrites strings that are no names. `visit` is given the names of the objects around a string, the outermost first,
/// and the string as it is escaped; what it gives is escaped too.
pub(super) fn rewrite(json: &str, mut visit: impl FnMut(&[&str], &str) -> Option<String>) -> String {
    let bytes = json.as_bytes();
    let (mut written, mut copied) = (String::with_capacity(json.len()), 0);
    let (mut path, mut containers, mut awaits_name) = (Vec::new(), Vec::new(), false);
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => {
                containers.push(true);
                path.push("");
                awaits_name = true;
            }
            b'[' => {
                containers.push(false);
                awaits_name = false;
            }
            b'}' => {
                containers.pop();
                path.pop();
            }
            b']' => {
                containers.pop();
            }
            b',' => awaits_name = containers.last() == Some(&true),
            b'"' => {
                let end = string_end(bytes, at + 1);
                let inner = &json[at + 1..end];
                if awaits_name {
                    if let Some(name) = path.last_mut() {
                        *name = inner;
                    }
                    awaits_name = false;
                } else if let Some(changed) = visit(&path, inner) {
                    written.push_str(&json[copied..=at]);
                    written.push_str(&changed);
                    copied = end;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    written.push_str(&json[copied..]);
    written
}

/// Where the string that goes on here ends: at its quote.
pub(super) fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

/// Whether a text is JSON.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// What an escaped string says; `None` where it says nothing that is text, as half a surrogate.
pub(super) fn decode(escaped: &str) -> Option<String> {
    if !escaped.contains('\\') {
        return Some(escaped.to_owned());
    }
    serde_json::from_str(&format!("\"{escaped}\"")).ok()
}

/// A text as it stands in a string of JSON, in a string of JSON, and so on, so many times.
pub(super) fn encode(text: &str, times: u8) -> String {
    (0..times).fold(text.to_owned(), |text, _| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    })
}
