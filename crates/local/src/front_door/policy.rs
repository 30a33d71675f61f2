//! The policy that an authorizer returns, weighed as API Gateway weighs it: a Deny wins, and what nothing allows is denied.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Policy {
    #[serde(rename = "Statement")]
    statements: OneOrMany<Statement>,
}

/// Conditions are not weighed here, so a statement that has one cannot be read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// What a policy says of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// Nothing allows it.
    NotAllowed,
    Denied,
}

impl Policy {
    pub(super) fn weigh(&self, method_arn: &str) -> Verdict {
        let statements = self.statements.as_slice().iter();
        let mut effects = statements.filter(|s| s.applies(method_arn)).map(|s| s.effect);
        let mut verdict = Verdict::NotAllowed;
        loop {
            match effects.next() {
                Some(Effect::Deny) => return Verdict::Denied,
                Some(Effect::Allow) => verdict = Verdict::Allowed,
                None => return verdict,
            }
        }
    }
}

impl Statement {
    fn applies(&self, method_arn: &str) -> bool {
        let mut actions = self.action.as_slice().iter();
        let mut resources = self.resource.as_slice().iter();
        let is_invoke = |action: &String| is_like("execute-api:invoke", &action.to_ascii_lowercase());
        actions.any(is_invoke) && resources.any(|resource| is_like(method_arn, resource))
    }
}

/// `*` stands for any text, `?` for one character.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    let mut last_star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                last_star = Some((t, p));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                t += 1;
                p += 1;
            }
            _ => {
                // The last star takes one character more, and the rest is tried again.
                let Some((start, star)) = last_star else {
                    return false;
                };
                last_star = Some((start + 1, star));
                t = start + 1;
                p = star + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:api/live/POST/v1/chat/completions";

    fn weigh(statements: &Value) -> Verdict {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        serde_json::from_value::<Policy>(policy).unwrap().weigh(ARN)
    }

    fn statement(effect: &str, resource: &str) -> Value {
        json!({"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource})
    }

    #[test]
    fn allows_what_a_wildcard_covers() {
        let covering = [
            ARN,
            "*",
            "arn:aws:execute-api:*:*:api/live/*",
            "arn:aws:execute-api:us-east-?:000000000000:*/POST/*/completions",
        ];

        for resource in covering {
            assert_eq!(weigh(&statement("Allow", resource)), Verdict::Allowed, "{resource}");
        }
    }

    #[test]
    fn does_not_allow_what_no_statement_covers() {
        let others = ["", "arn:aws:execute-api:us-east-1:000000000000:api/live/GET/*", "*/chat", "?"];

        for resource in others {
            assert_eq!(weigh(&statement("Allow", resource)), Verdict::NotAllowed, "{resource}");
        }
    }

    #[test]
    fn lets_a_deny_win() {
        let verdict = weigh(&json!([statement("Deny", "*"), statement("Allow", "*")]));

        assert_eq!(verdict, Verdict::Denied);
    }

    #[test]
    fn heeds_the_action() {
        let other = json!({"Effect": "Allow", "Action": ["execute-api:ManageConnections"], "Resource": "*"});
        let all = json!({"Effect": "Allow", "Action": "execute-api:*", "Resource": ["*"]});

        assert_eq!(weigh(&other), Verdict::NotAllowed);
        assert_eq!(weigh(&all), Verdict::Allowed);
    }

    #[test]
    fn reads_no_statement_with_a_condition() {
        let conditional = json!({"Statement": [{
            "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}
        }]});

        assert!(serde_json::from_value::<Policy>(conditional).is_err());
    }
}
