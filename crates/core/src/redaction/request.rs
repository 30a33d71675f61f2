//! A request without what a target must not see. Everything that carries words is looked at, and so is every field that
//! nobody knows yet; ids, names, addresses, schemas and what is not text are left.

use super::json::{decode, encode, rewrite};
use super::nested::Meaning;
use super::{Classes, Redact, Vault, find};
use crate::catalogue::Target;
use crate::embedding::Inputs;
use crate::parameter::Unfit;
use crate::request::{Ask, Request};

/// Fields that carry no words. The keys of tools that the provider itself calls are meant for it.
const WORDLESS: [&str; 37] = [
    "allowed_tools",
    "authorization",
    "call_id",
    "container",
    "conversation",
    "data",
    "detail",
    "effort",
    "encrypted_content",
    "file_data",
    "file_id",
    "file_url",
    "headers",
    "id",
    "image_url",
    "include",
    "input_schema",
    "item_id",
    "model",
    "name",
    "object",
    "parameters",
    "phase",
    "previous_response_id",
    "prompt_cache_retention",
    "role",
    "schema",
    "server_label",
    "server_url",
    "service_tier",
    "status",
    "tool_call_id",
    "tool_choice",
    "truncation",
    "type",
    "url",
    "vector_store_ids",
];

/// Objects whose names are the caller's own.
const FREE: [&str; 2] = ["metadata", "variables"];

/// A request that may leave, and what it lost.
#[derive(Clone, Debug)]
pub struct Redacted {
    /// What leaves.
    pub request: Request,
    /// What does not.
    pub vault: Vault,
}

/// What is looked for.
struct Search<'a> {
    classes: &'a Classes,
    names: &'a [String],
}

/// Takes out of a request what a target must not see. `names` are those that its guardrail found.
pub fn redact(
    request: &Request,
    (target, redact): (&Target, &Redact),
    names: &[String],
) -> Result<Redacted, Unfit> {
    let unfit = || Unfit { field: "input".to_owned(), model: target.model_id.clone() };
    if let Ask::Embed(asked) = &request.ask
        && matches!(asked.inputs, Inputs::Tokens(_))
    {
        // Nobody can see what tokens say.
        return Err(unfit());
    }
    let body = serde_json::to_string(request.body()).map_err(|_| unfit())?;
    let mut vault = Vault::default();
    vault.reserve(&body);
    rewrite(&body, |_, escaped| {
        if escaped.contains("\\u") {
            vault.reserve(&decode(escaped).unwrap_or_default());
        }
        None
    });
    let search = Search { classes: &redact.classes, names };
    let changed = rewrite(&body, |path, escaped| search.replace(path, escaped, &mut vault));
    let request =
        if vault.is_empty() { request.clone() } else { request.with_body(&changed).ok_or_else(unfit)? };
    Ok(Redacted { request, vault })
}

/// All that a request says in words.
#[must_use]
pub fn words(request: &Request) -> Vec<String> {
    let mut words = Vec::new();
    let body = serde_json::to_string(request.body()).unwrap_or_default();
    rewrite(&body, |path, escaped| {
        if carries_words(path) {
            words.push(decode(escaped).unwrap_or_else(|| escaped.to_owned()));
        }
        None
    });
    words
}

/// Takes out of a text what belongs to these classes, and these names.
#[must_use]
pub fn redact_text(text: &str, classes: &Classes, names: &[String], vault: &mut Vault) -> String {
    let (mut written, mut copied) = (String::with_capacity(text.len()), 0);
    for finding in find(text, classes, names) {
        written.push_str(&text[copied..finding.range.start]);
        written.push_str(&vault.keep(finding.class, &text[finding.range.clone()]));
        copied = finding.range.end;
    }
    written.push_str(&text[copied..]);
    written
}

impl Search<'_> {
    /// What a string of the request becomes, if anything else.
    fn replace(&self, path: &[&str], escaped: &str, vault: &mut Vault) -> Option<String> {
        if !carries_words(path) {
            return None;
        }
        let Some(text) = decode(escaped) else {
            let changed = redact_text(escaped, self.classes, self.names, vault);
            return (changed != escaped).then_some(changed);
        };
        let is_nested = path.last() == Some(&"arguments");
        let meaning = is_nested.then(|| Meaning::read(&text)).flatten();
        let changed = match &meaning {
            Some(meaning) => self.replace_in(&text, meaning, vault),
            None => redact_text(&text, self.classes, self.names, vault),
        };
        (changed != text).then(|| encode(&changed, 1))
    }

    fn replace_in(&self, json: &str, meaning: &Meaning, vault: &mut Vault) -> String {
        vault.reserve(&meaning.text);
        let findings = find(&meaning.text, self.classes, self.names);
        let (mut written, mut copied) = (String::with_capacity(json.len()), 0);
        for piece in findings.iter().flat_map(|finding| meaning.pieces(finding)) {
            if piece.range.start < copied {
                continue;
            }
            let placeholder = vault.keep(piece.class, &piece.value);
            written.push_str(&json[copied..piece.range.start]);
            if piece.is_number {
                written.push_str(&encode_string(&placeholder));
            } else {
                written.push_str(&placeholder);
            }
            copied = piece.range.end;
        }
        written.push_str(&json[copied..]);
        written
    }
}

fn encode_string(text: &str) -> String {
    format!("\"{text}\"")
}

fn carries_words(path: &[&str]) -> bool {
    let told = path.iter().find(|name| FREE.contains(name) || WORDLESS.contains(name));
    told.is_none_or(|name| FREE.contains(name))
}
