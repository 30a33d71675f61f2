//! Why two calls do not share an answer: the very parts that their keys are made of, compared.

use std::collections::BTreeSet;

use crate::cache::canonical::Node;
use crate::cache::key::{Asked, Canonical};

/// No value is shown longer than this.
const SHOWN_CHARS: usize = 60;

/// One thing in which two calls differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: the name of a part, or the path of a field, such as `messages[1].content`.
    pub field: String,
    /// What the first has there.
    pub one: Option<String>,
    /// What the second has there.
    pub other: Option<String>,
}

/// Everything in which the keys of two calls differ; nothing where they are the same.
#[must_use]
pub fn differences(one: &Asked<'_>, other: &Asked<'_>) -> Vec<Difference> {
    let (one, other) = (Canonical::of(one), Canonical::of(other));
    let mut found = Vec::new();
    for ((name, left), (_, right)) in one.parts.iter().zip(&other.parts) {
        compare(name, (Some(left), Some(right)), &mut found);
    }
    compare("", (Some(&one.body), Some(&other.body)), &mut found);
    found
}

fn compare(path: &str, pair: (Option<&Node>, Option<&Node>), found: &mut Vec<Difference>) {
    match pair {
        (Some(left), Some(right)) if left == right => {}
        (Some(Node::Map(left)), Some(Node::Map(right))) => {
            let names: BTreeSet<&String> = left.iter().chain(right).map(|(name, _)| name).collect();
            for name in names {
                let of = |members: &'_ [(String, Node)]| members.iter().position(|(known, _)| known == name);
                let pair = (of(left).map(|at| &left[at].1), of(right).map(|at| &right[at].1));
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&inner, pair, found);
            }
        }
        (Some(Node::List(left)), Some(Node::List(right))) => {
            for at in 0..left.len().max(right.len()) {
                compare(&format!("{path}[{at}]"), (left.get(at), right.get(at)), found);
            }
        }
        (left, right) => {
            let difference =
                Difference { field: path.to_owned(), one: left.map(shown), other: right.map(shown) };
            found.push(difference);
        }
    }
}

fn shown(node: &Node) -> String {
    let mut text = String::new();
    node.write(&mut text);
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::key::tests::{asked, caller, chat};

    fn fields(one: &str, other: &str) -> Vec<String> {
        let (one, other, caller) = (chat(one), chat(other), caller());
        differences(&asked(&caller, &one), &asked(&caller, &other))
            .into_iter()
            .map(|found| found.field)
            .collect()
    }

    #[test]
    fn the_field_is_named_with_its_place() {
        let one = r#"{"model":"m","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hi"}],"top_p":1}"#;
        let other = r#"{"model":"m","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"ho"}],"seed":1}"#;

        assert_eq!(fields(one, other), ["messages[1].content", "seed", "top_p"]);
    }

    #[test]
    fn what_has_no_effect_is_no_difference() {
        let one =
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1,"stream":true}"#;
        let other =
            r#"{"temperature":1.0,"messages":[{"content":"hi","role":"user"}],"model":"m","user":"u"}"#;

        assert_eq!(fields(one, other), Vec::<String>::new());
    }

    #[test]
    fn parts_beside_the_body_are_named_and_long_values_cut() {
        let (request, caller) =
            (chat(r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#), caller());
        let template = "answer:3".parse().unwrap();
        let with = Asked { template: Some(&template), ..asked(&caller, &request) };

        let found = differences(&asked(&caller, &request), &with);

        let expected = Difference {
            field: "template version".into(),
            one: Some("none".into()),
            other: Some("\"answer:3\"".into()),
        };
        assert_eq!(found, [expected]);
        let long = shown(&Node::Text("x".repeat(1_000)));
        assert_eq!(long.chars().count(), SHOWN_CHARS + 1);
    }
}
