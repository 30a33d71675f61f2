//! Secrets: by the beginnings that their makers give them, by their form, or by what stands before.

use std::ops::Range;

use super::{Text, has_any};

/// Beginnings of keys, how many characters follow at least, and whether those are more than letters and digits.
const TOKENS: [(&str, usize, &str); 40] = [
    ("AKIA", 16, ""),
    ("ASIA", 16, ""),
    ("ABIA", 16, ""),
    ("ACCA", 16, ""),
    ("ghp_", 36, ""),
    ("gho_", 36, ""),
    ("ghu_", 36, ""),
    ("ghs_", 36, ""),
    ("ghr_", 36, ""),
    ("github_pat_", 40, "_"),
    ("glpat-", 20, "-_"),
    ("xoxb-", 20, "-"),
    ("xoxp-", 20, "-"),
    ("xoxa-", 20, "-"),
    ("xoxr-", 20, "-"),
    ("xoxs-", 20, "-"),
    ("xapp-", 20, "-"),
    ("sk-", 20, "-_"),
    ("sk_live_", 16, ""),
    ("sk_test_", 16, ""),
    ("rk_live_", 16, ""),
    ("rk_test_", 16, ""),
    ("pk_live_", 16, ""),
    ("whsec_", 24, "+/="),
    ("AIza", 35, "-_"),
    ("ya29.", 20, "-_"),
    ("GOCSPX-", 20, "-_"),
    ("npm_", 36, ""),
    ("SG.", 40, ".-_"),
    ("hf_", 30, ""),
    ("dop_v1_", 64, ""),
    ("shpat_", 32, ""),
    ("shpss_", 32, ""),
    ("tg-", 40, "-_"),
    ("ABSK", 80, "+/="),
    ("pypi-", 50, "-_"),
    ("eyJ", 30, ".-_"),
    ("AccountKey=", 40, "+/="),
    ("SharedAccessKey=", 40, "+/="),
    ("xkeysib-", 60, "-"),
];

/// Names of what holds a secret.
const NAMES: [&str; 24] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passwort",
    "kennwort",
    "mot de passe",
    "mdp",
    "contraseña",
    "clave",
    "api_key",
    "apikey",
    "api-key",
    "api key",
    "secret",
    "token",
    "access_key",
    "accesskey",
    "private_key",
    "client_secret",
    "auth_key",
    "credential",
    "secretaccesskey",
    "password di accesso",
];

/// Words for a password, after which it may stand as it is.
const WORDS: [&str; 12] = [
    "password ",
    "Password ",
    "passwort ",
    "Passwort ",
    "Kennwort ",
    "kennwort ",
    "mot de passe ",
    "contraseña ",
    "Contraseña ",
    "passphrase ",
    "Mot de passe ",
    "mdp ",
];

/// A token is looked at no further than this, a password no further than that, a private key no further than its body.
const LONGEST_TOKEN: usize = 4_096;
const LONGEST_PASSWORD: usize = 512;
const LONGEST_KEY: usize = 16_384;

const BEGIN: &str = "-----BEGIN ";

/// Where the key or token that begins here ends.
pub(crate) fn token_at(text: Text<'_>, at: usize) -> Option<usize> {
    let rest = &text.text[at..];
    let (start, least, more) = TOKENS.iter().find(|(start, ..)| rest.starts_with(start))?;
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || more.as_bytes().contains(&byte);
    let body = text.run(at + start.len(), LONGEST_TOKEN, is_of_it);
    let body = text.text[at + start.len()..at + start.len() + body].trim_end_matches(['.', '-']);
    let is_key = match *start {
        "eyJ" => body.matches('.').count() == 2 || body.len() == LONGEST_TOKEN,
        "AKIA" | "ASIA" | "ABIA" | "ACCA" => {
            body.len() == 16 && body.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        }
        _ => body.len() >= *least && body.bytes().any(|byte| byte.is_ascii_digit()),
    };
    (is_key && body.len() >= *least).then_some(at + start.len() + body.len())
}

/// Those that are known by what stands around them.
pub(crate) fn marked(text: Text<'_>) -> Vec<Range<usize>> {
    let mut found: Vec<_> =
        text.text.match_indices(BEGIN).filter_map(|(at, _)| private_key(text, at)).collect();
    found.extend(text.text.match_indices("://").filter_map(|(at, _)| in_url(text, at + 3)));
    found.extend(text.text.match_indices(['=', ':']).filter_map(|(at, _)| assigned(text, at)));
    found.extend(
        WORDS
            .iter()
            .flat_map(|word| text.text.match_indices(word))
            .filter_map(|(at, word)| told(text, at, word)),
    );
    let bearer = ["Bearer ", "bearer ", "Basic "]
        .into_iter()
        .flat_map(|word| text.text.match_indices(word).map(move |(at, _)| (at, at + word.len())));
    found.extend(bearer.filter(|(at, _)| text.is_fresh(*at)).filter_map(|(_, at)| borne(text, at)));
    found
}

/// From its first line to its last; to the end of what can be its body, where the last one is missing.
fn private_key(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let head = &text.text[at + BEGIN.len()..];
    let kind = &head[..head.find("-----")?];
    if kind.len() > 40 || !kind.ends_with("PRIVATE KEY") && !kind.ends_with("PRIVATE KEY BLOCK") {
        return None;
    }
    let last = format!("-----END {kind}-----");
    let body = at + BEGIN.len() + kind.len() + 5;
    let near = text.run(body, LONGEST_KEY, |_| true);
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\\\r\n \t:,-".contains(&byte);
    let length = match text.text[body..body + near].find(&last) {
        Some(length) => length + last.len(),
        None => text.run(body, LONGEST_KEY, is_of_it),
    };
    Some(at..body + length)
}

/// The password of an address such as `postgres://user:password@host`.
fn in_url(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let is_of_it = |byte: u8| !matches!(byte, b'/' | b'?' | b'"' | b'\'' | b'<' | b'>' | b'`') && byte > b' ';
    let authority = &text.text[at..at + text.run(at, LONGEST_PASSWORD, is_of_it)];
    let user_and_password = &authority[..authority.rfind('@')?];
    let colon = user_and_password.find(':')?;
    let password = &user_and_password[colon + 1..];
    let begin = at + colon + 1;
    (!password.is_empty() && !is_variable(password)).then_some(begin..begin + password.len())
}

/// The value of `password = "…"`, `"api_key": "…"` and the like: it has letters and others, or it is long.
fn assigned(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    if !has_any(named_before(text, at).as_str(), &NAMES) {
        return None;
    }
    let skipped =
        text.run(at + 1, 8, |byte| matches!(byte, b' ' | b'"' | b'\'' | b'`' | b'=' | b'>' | b'\\'));
    let begin = at + 1 + skipped;
    let is_of_it = |byte: u8| {
        byte > b' ' && !matches!(byte, b'"' | b'\'' | b'`' | b',' | b';' | b'<' | b'>' | b'\\' | b'&')
    };
    let value = text.text[begin..begin + text.run(begin, LONGEST_PASSWORD, is_of_it)]
        .trim_end_matches(['.', ')', ']', '}', '?', ':']);
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let has_letter = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_secret = value.len() >= 8 && has_digit && has_letter && !is_variable(value);
    is_secret.then_some(begin..begin + value.len())
}

/// A password that stands after the word for it: nothing that people write has all kinds of characters.
fn told(text: Text<'_>, at: usize, word: &str) -> Option<Range<usize>> {
    let begin = at + word.len();
    let is_of_it = |byte: u8| byte > b' ' && !matches!(byte, b'"' | b'\'' | b'`' | b',' | b';' | b'<' | b'>');
    let value = text.text[begin..begin + text.run(begin, LONGEST_PASSWORD, is_of_it)]
        .trim_end_matches(['.', ')', '?', ':']);
    let has = |is_kind: fn(&u8) -> bool| value.as_bytes().iter().any(is_kind);
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && has(u8::is_ascii_punctuation);
    (value.len() >= 8 && is_mixed && !is_variable(value)).then_some(begin..begin + value.len())
}

/// The name before a sign of assignment, on the same line and near.
fn named_before(text: Text<'_>, at: usize) -> String {
    let before = text.before(at, 28);
    let name = before.trim_end_matches(['"', '\'', '`', ' ', '\\', ':']);
    let begin = name.rfind(['\n', ',', ';', '{', '(', '=', '.', '?', '&']).map_or(0, |at| at + 1);
    name[begin..].to_owned()
}

/// What follows `Bearer`.
fn borne(text: Text<'_>, at: usize) -> Option<Range<usize>> {
    let length =
        text.run(at, LONGEST_TOKEN, |byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    let token = text.text[at..at + length].trim_end_matches('.');
    let is_token = token.len() >= 16 && token.bytes().any(|byte| byte.is_ascii_digit());
    is_token.then_some(at..at + token.len())
}

/// Whether it only says where the secret is.
fn is_variable(value: &str) -> bool {
    value.starts_with(['$', '<', '{', '%', '*'])
        || value.contains("://")
        || has_any(value, &["env.", "environ", "getenv", "(", "secretsmanager", "arn:aws"])
}
