//! What an operator sets about the semantic cache of a route.

use serde::{Deserialize, Serialize};

use crate::semantic::evidence::LEAST;
use crate::semantic::millionths::Millionths;
use crate::semantic::similarity::Similarity;

/// The largest share of wrong answers that may be allowed.
const MAX_ERROR: Millionths = Millionths::new(200_000);

/// The semantic cache of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SemanticPolicy {
    /// The embedding model, by its name in the catalogue.
    pub embedding: String,
    /// How it is decided.
    pub mode: Mode,
    /// The share of wrong answers among those served, in the modes `learned` and `shadow`.
    pub max_error: Millionths,
    /// From which similarity on a kept answer is served, in the mode `fixed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Millionths>,
    /// How many of a hundred answers that could be served are asked of the model all the same, and compared.
    pub explore_percent: u8,
    /// From which similarity on a miss is compared with the kept answer, so that there is evidence.
    pub explore_from: Millionths,
    /// A conversation with more messages is long, and has no part in it.
    pub max_turns: usize,
    /// How a new answer is compared with the kept one.
    pub compare: Compare,
}

/// How it is decided whether a kept answer is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By what verified pairs have shown.
    #[default]
    Learned,
    /// By one similarity.
    Fixed,
    /// As learned, and nothing is served: what would have been is counted.
    Shadow,
}

/// When two answers say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Compare {
    /// When their words are equal, whatever the case and the white space.
    Equal,
    /// When their embeddings are near enough.
    Embedding {
        /// The least similarity.
        least: Millionths,
    },
}

impl Default for SemanticPolicy {
    fn default() -> Self {
        Self {
            embedding: "titan-embed-text-v2".to_owned(),
            mode: Mode::Learned,
            max_error: Millionths::new(10_000),
            threshold: None,
            explore_percent: 5,
            explore_from: Millionths::new(700_000),
            max_turns: 4,
            compare: Compare::Embedding { least: Millionths::new(900_000) },
        }
    }
}

impl SemanticPolicy {
    /// Why it cannot be right, if it cannot.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        if self.embedding.is_empty() {
            return Some("the semantic cache names no embedding model");
        }
        if self.mode == Mode::Fixed && self.threshold.is_none() {
            return Some("a semantic cache of mode \"fixed\" needs a threshold");
        }
        if self.threshold == Some(Millionths::new(0)) {
            return Some("the threshold of a semantic cache is over 0");
        }
        if self.max_error == Millionths::new(0) || self.max_error > MAX_ERROR {
            return Some("max_error is over 0 and at most 0.2");
        }
        if self.explore_percent > 100 {
            return Some("explore_percent is at most 100");
        }
        if self.mode != Mode::Fixed && self.explore_percent == 0 {
            return Some("explore_percent is at least 1: without exploration nothing is learned");
        }
        if i64::from(self.explore_from.parts()) < i64::from(LEAST) {
            return Some("explore_from is at least 0.7: of what is farther no evidence is kept");
        }
        if self.max_turns == 0 {
            return Some("max_turns is at least 1");
        }
        match self.compare {
            Compare::Embedding { least } if least == Millionths::new(0) => {
                Some("the least similarity of two answers is over 0")
            }
            Compare::Embedding { .. } | Compare::Equal => None,
        }
    }

    /// Whether a new answer says the same as the kept one. `similarity` is that of their embeddings, where the policy
    /// asks for it.
    #[must_use]
    pub fn says_the_same(&self, new: &str, kept: &str, similarity: Option<Similarity>) -> bool {
        let is_equal = || folded(new).eq(folded(kept));
        match self.compare {
            Compare::Equal => is_equal(),
            Compare::Embedding { least } => {
                is_equal()
                    || similarity.is_some_and(|similarity| {
                        i64::from(similarity.millionths()) >= i64::from(least.parts())
                    })
            }
        }
    }
}

/// The letters of each word, in lower case, with one space between words.
fn folded(text: &str) -> impl Iterator<Item = char> {
    let words = text.split_whitespace();
    words.flat_map(|word| word.chars().flat_map(char::to_lowercase).chain([' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SemanticPolicy, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn an_empty_policy_learns_with_one_wrong_answer_in_a_hundred() {
        let policy = read("{}").unwrap();

        assert_eq!(policy, SemanticPolicy::default());
        assert_eq!((policy.mode, policy.max_error.parts()), (Mode::Learned, 10_000));
        assert_eq!(policy.fault(), None);
    }

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        let text = r#"{"mode":"fixed","threshold":0.953125,"compare":"equal","explore_percent":0}"#;

        let policy = read(text).unwrap();

        assert_eq!(policy.threshold.unwrap().parts(), 953_125);
        assert_eq!(policy.fault(), None);
        assert_eq!(read(&serde_json::to_string(&policy).unwrap()).unwrap(), policy);
        assert!(read(r#"{"compare":{"embedding":{"least":0.9}}}"#).is_ok());
        assert!(read(r#"{"tresholds":0.9}"#).is_err());
    }

    #[test]
    fn what_cannot_be_right_is_said() {
        for text in [
            r#"{"mode":"fixed"}"#,
            r#"{"mode":"fixed","threshold":0}"#,
            r#"{"max_error":0}"#,
            r#"{"max_error":0.200001}"#,
            r#"{"explore_percent":101}"#,
            r#"{"explore_percent":0}"#,
            r#"{"explore_from":0.699999}"#,
            r#"{"max_turns":0}"#,
            r#"{"embedding":""}"#,
            r#"{"compare":{"embedding":{"least":0}}}"#,
        ] {
            assert!(read(text).unwrap().fault().is_some(), "{text}");
        }
    }

    #[test]
    fn answers_are_equal_whatever_their_case_and_white_space() {
        let equal = read(r#"{"compare":"equal"}"#).unwrap();
        let near = SemanticPolicy::default();

        assert!(equal.says_the_same("Paris,  France\n", "paris, france", None));
        assert!(!equal.says_the_same("Par is", "Paris", Some(Similarity::ONE)));
        assert!(near.says_the_same("In Paris.", "Paris.", Some(Similarity::from_millionths(900_000))));
        assert!(!near.says_the_same("In Paris.", "Paris.", Some(Similarity::from_millionths(899_999))));
        assert!(!near.says_the_same("In Paris.", "Paris.", None));
    }
}
