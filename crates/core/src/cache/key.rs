//! The key of an answer: a hash over the canonical request, for whom it is made, and what an operator set. It stands still under
//! field order and the spelling of numbers and strings, and moves with anything else that can change the answer.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cache::canonical::{Node, write_string};
use crate::cache::policy::CachePolicy;
use crate::cache::sharing::Sharing;
use crate::cache::spacing::folded;
use crate::cache::template::Template;
use crate::caller::Caller;
use crate::dialect::Dialect;
use crate::request::Request;

/// Raised when what is cached, or for whom, changes its meaning: old entries are then never found again.
const POLICY_VERSION: u32 = 3;

/// How an answer comes is not what it says: one that came as a stream serves a caller who wants it whole, and the other way
/// round.
const FORM: [&str; 2] = ["stream", "stream_options"];

/// Fields that say who asks, not what; they reach the provider and cannot change the answer. A response, which is written
/// in the other dialect, repeats them.
const WITHOUT_EFFECT: [&str; 3] = ["user", "metadata", "safety_identifier"];

/// Where the words of a conversation are.
const WORDS: [&str; 3] = ["messages", "input", "instructions"];

/// The key of an entry: 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CacheKey(String);

impl CacheKey {
    /// A key as it is written; `None` where the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All that a key is made from.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// With whom the answer is shared.
    pub sharing: Sharing,
    /// What is asked.
    pub request: &'a Request,
    /// The template that it was made from.
    pub template: Option<&'a Template>,
    /// Whether the answer may come from a call that was adapted: strict callers share with each other only.
    pub is_strict: bool,
    /// The route: an experiment is not served what another one was answered.
    pub route: &'a str,
    /// The route's cache.
    pub policy: &'a CachePolicy,
    /// Stop sequences that an operator set for a call that names none.
    pub stops: &'a [String],
}

impl Asked<'_> {
    /// The key of the answer. The cap of a call that names none is not part of it: only whole answers are kept, and a whole
    /// answer is right under any cap.
    #[must_use]
    pub fn key(&self) -> CacheKey {
        Canonical::of(self).key()
    }

    /// The key of all calls that differ in nothing but the text of the last turn; `None` where that is no plain text.
    #[must_use]
    pub fn partition(&self) -> Option<CacheKey> {
        let mut canonical = Canonical::of(self);
        canonical.leave_out_question().then(|| canonical.key())
    }
}

/// What a key is a hash of: each part with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Canonical {
    pub(super) parts: Vec<(&'static str, Node)>,
    pub(super) body: Node,
}

impl Canonical {
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        let text = |text: &str| Node::Text(text.to_owned());
        let template =
            asked.template.map_or_else(|| Node::Plain("none".to_owned()), |one| text(&one.to_string()));
        let stops = asked.stops.iter().map(|stop| text(stop)).collect();
        let parts = vec![
            ("shared with", text(&asked.sharing.circle(asked.caller))),
            ("dialect", text(asked.request.dialect.as_str())),
            ("x-tollgate-strict", Node::Plain(asked.is_strict.to_string())),
            ("route", text(asked.route)),
            ("route's cache version", Node::Plain(asked.policy.version.to_string())),
            ("route's folding of space", Node::Plain(asked.policy.folds_space.to_string())),
            ("route's stop sequences", Node::List(stops)),
            ("template version", template),
        ];
        Self { parts, body: body(asked) }
    }

    pub(super) fn key(&self) -> CacheKey {
        let mut text = format!("v{POLICY_VERSION}\n");
        for (name, node) in &self.parts {
            write_string(name, &mut text);
            text.push('=');
            node.write(&mut text);
            text.push('\n');
        }
        self.body.write(&mut text);
        CacheKey(hex::encode(Sha256::digest(text.as_bytes())))
    }

    /// Puts nothing in the place of the last turn's text, and says whether there was one.
    fn leave_out_question(&mut self) -> bool {
        for name in ["messages", "input"] {
            if let Some(words) = self.body.member_mut(name) {
                return leave_out_text(words);
            }
        }
        false
    }
}

fn leave_out_text(node: &mut Node) -> bool {
    match node {
        Node::Text(_) => *node = Node::Plain("question".to_owned()),
        Node::List(items) => return items.last_mut().is_some_and(leave_out_text),
        Node::Map(_) => {
            let name = ["content", "text"].into_iter().find(|name| node.member_mut(name).is_some());
            return name.and_then(|name| node.member_mut(name)).is_some_and(leave_out_text);
        }
        Node::Plain(_) => return false,
    }
    true
}

fn body(asked: &Asked<'_>) -> Node {
    let request = asked.request;
    let repeats_all = request.dialect == Dialect::Responses;
    let counts = |name: &str| !FORM.contains(&name) && (repeats_all || !WITHOUT_EFFECT.contains(&name));
    let mut members = Vec::new();
    for (name, value) in request.body().members() {
        if !counts(name) || value.get() == "null" {
            continue;
        }
        let mut node = Node::read(value);
        if asked.policy.folds_space && WORDS.contains(&name) {
            fold(&mut node);
        }
        members.push((name.to_owned(), node));
    }
    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Node::Map(members)
}

/// Folds white space in what is said, not in arguments, ids or schemas.
fn fold(node: &mut Node) {
    match node {
        Node::Text(text) => *text = folded(text),
        Node::List(items) => items.iter_mut().for_each(fold),
        Node::Map(members) => {
            let said = members.iter_mut().filter(|(name, _)| name == "content" || name == "text");
            said.for_each(|(_, value)| fold(value));
        }
        Node::Plain(_) => {}
    }
}

#[cfg(test)]
pub(in crate::cache) mod tests;
