//! Rules by which the stand-in misbehaves or is set up: first match wins, and a rule with `times` wears out.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::vectors;

const LONGEST_WAIT_MS: u64 = 600_000;
const MOST_WORDS: usize = 100_000;
const MOST_TOOL_CALLS: usize = 128;

/// One rule. Only `model` must be given; everything else stays as it is without a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// A model id as the request names it, or `*` for all models; `s3vectors` for all calls to S3 Vectors, or one of them
    /// as in `s3vectors/QueryVectors`.
    pub(super) model: String,
    /// A bearer key: the rule holds for calls with it only.
    #[serde(default)]
    pub(super) key: Option<String>,
    /// How many calls it applies to; absent: all.
    #[serde(default)]
    pub(super) times: Option<u32>,
    /// Wait before the headers.
    #[serde(default)]
    pub(super) latency_ms: u64,
    /// Wait between the headers of a stream and its first chunk.
    #[serde(default)]
    pub(super) first_chunk_delay_ms: u64,
    #[serde(default)]
    pub(super) chunk_delay_ms: Option<u64>,
    #[serde(default)]
    pub(super) reply_words: Option<usize>,
    /// Where a reply is gone on with that broke off, its last words so often again.
    #[serde(default)]
    pub(super) words_again: usize,
    #[serde(default)]
    pub(super) cached_tokens: u64,
    /// Input tokens that the provider says it wrote to its cache.
    #[serde(default)]
    pub(super) cache_write_tokens: u64,
    /// Tokens spent on thinking before the reply, within the output cap.
    #[serde(default)]
    pub(super) reasoning_tokens: Option<u64>,
    /// So many tool calls, where tools are on offer, whatever the user says.
    #[serde(default)]
    pub(super) tool_calls: Option<usize>,
    /// Over Converse and Responses the model thinks aloud, asked or not.
    #[serde(default)]
    pub(super) think: bool,
    /// The reasoning that Converse shows is sealed.
    #[serde(default)]
    pub(super) redacted_reasoning: bool,
    /// The model declines to answer.
    #[serde(default)]
    pub(super) refuse: bool,
    /// The provider's content filter ends the reply.
    #[serde(default)]
    pub(super) filter: bool,
    /// The guardrail that a call of Converse names steps in.
    #[serde(default)]
    pub(super) guardrail: bool,
    /// Refuse with this status, or, with `error_after_chunks`, break off with it.
    #[serde(default)]
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) retry_after_secs: Option<u64>,
    /// After so many chunks of a stream, an error in the wire's own form ends it.
    #[serde(default)]
    pub(super) error_after_chunks: Option<usize>,
    /// A stream of Responses breaks off with `error` instead of `response.failed`.
    #[serde(default)]
    pub(super) error_event: bool,
    /// After so many chunks, the connection is dropped; a JSON body is one chunk.
    #[serde(default)]
    pub(super) cut_after_chunks: Option<usize>,
    /// 200 and nothing in it.
    #[serde(default)]
    pub(super) empty: bool,
    /// 200 and something that the wire does not know.
    #[serde(default)]
    pub(super) garbage: bool,
    #[serde(default)]
    pub(super) omit_usage: bool,
}

impl Rule {
    fn matches(&self, model: &str, key: Option<&str>) -> bool {
        self.times != Some(0)
            && (self.model == "*" || self.model == model)
            && (self.key.is_none() || self.key.as_deref() == key)
    }

    fn matches_vectors(&self, operation: &str) -> bool {
        let narrowed = self.model.strip_prefix(vectors::MODEL);
        let named = narrowed.and_then(|rest| rest.strip_prefix('/'));
        self.times != Some(0) && (narrowed == Some("") || named == Some(operation))
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.model.is_empty() {
            return Err(("model", "must be a model id or *".to_owned()));
        }
        if self.times == Some(0) {
            return Err(("times", "must be at least 1".to_owned()));
        }
        if let Some(status) = self.status
            && !(400..=599).contains(&status)
        {
            return Err(("status", format!("must be 400 to 599, not {status}")));
        }
        if self.retry_after_secs.is_some() && self.status.is_none() {
            return Err(("retry_after_secs", "needs status".to_owned()));
        }
        if self.reply_words.is_some_and(|words| words > MOST_WORDS) {
            return Err(("reply_words", format!("must be at most {MOST_WORDS}")));
        }
        if self.tool_calls.is_some_and(|calls| calls > MOST_TOOL_CALLS) {
            return Err(("tool_calls", format!("must be at most {MOST_TOOL_CALLS}")));
        }
        for (field, wait_ms) in [
            ("latency_ms", self.latency_ms),
            ("first_chunk_delay_ms", self.first_chunk_delay_ms),
            ("chunk_delay_ms", self.chunk_delay_ms.unwrap_or(0)),
        ] {
            if wait_ms > LONGEST_WAIT_MS {
                return Err((field, format!("must be at most {LONGEST_WAIT_MS}")));
            }
        }
        Ok(())
    }
}

/// Why a list of rules was not taken, with the path of the field at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub(super) struct InvalidRule {
    pub(super) field: String,
    pub(super) problem: String,
}

/// Reads a JSON array of rules.
pub(super) fn parse_rules(json: &[u8]) -> Result<Vec<Rule>, InvalidRule> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let rules: Vec<Rule> = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        InvalidRule { field: error.path().to_string(), problem: error.inner().to_string() }
    })?;
    deserializer.end().map_err(|error| InvalidRule { field: ".".to_owned(), problem: error.to_string() })?;
    for (index, rule) in rules.iter().enumerate() {
        rule.check()
            .map_err(|(field, problem)| InvalidRule { field: format!("[{index}].{field}"), problem })?;
    }
    Ok(rules)
}

/// The rules in force.
#[derive(Debug, Default)]
pub(super) struct FaultBook {
    rules: Mutex<Vec<Rule>>,
}

impl FaultBook {
    pub(super) fn replace(&self, rules: Vec<Rule>) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// The rule for this call of `model` with this bearer key, which uses it up by one.
    pub(super) fn take(&self, model: &str, key: Option<&str>) -> Rule {
        self.take_first(|rule| rule.matches(model, key))
    }

    /// The rule for this call to S3 Vectors, which uses it up by one.
    pub(super) fn take_vectors(&self, operation: vectors::Operation) -> Rule {
        self.take_first(|rule| rule.matches_vectors(operation.name()))
    }

    fn take_first(&self, matches: impl Fn(&Rule) -> bool) -> Rule {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rule) = rules.iter_mut().find(|rule| matches(rule)) else { return Rule::default() };
        rule.times = rule.times.map(|left| left.saturating_sub(1));
        rule.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_field(json: &str) -> String {
        parse_rules(json.as_bytes()).unwrap_err().field
    }

    #[test]
    fn names_the_field_at_fault() {
        assert_eq!(refused_field("{"), ".");
        assert_eq!(refused_field("[] []"), ".");
        assert_eq!(refused_field(r#"[{"model":"*"},{"model":7}]"#), "[1].model");
        assert_eq!(refused_field(r#"[{"model":"*","bogus":1}]"#), "[0].bogus");
        assert_eq!(refused_field(r#"[{"model":"*","latency_ms":-1}]"#), "[0].latency_ms");
        assert_eq!(refused_field(r#"[{"model":"*","status":200}]"#), "[0].status");
        assert_eq!(refused_field(r#"[{"model":"*","times":0}]"#), "[0].times");
        assert_eq!(refused_field(r#"[{"model":"*","retry_after_secs":1}]"#), "[0].retry_after_secs");
        assert_eq!(refused_field(r#"[{"model":"*","chunk_delay_ms":600001}]"#), "[0].chunk_delay_ms");
        assert_eq!(refused_field(r#"[{"model":"*","reply_words":100001}]"#), "[0].reply_words");
        assert_eq!(refused_field(r#"[{"model":""}]"#), "[0].model");
    }

    #[test]
    fn a_rule_wears_out_and_the_next_one_takes_over() {
        let book = FaultBook::default();
        let rules = br#"[{"model":"a","times":1,"status":429},{"model":"*","status":503}]"#.as_slice();
        book.replace(parse_rules(rules).unwrap());

        let statuses =
            [book.take("b", None), book.take("a", None), book.take("a", None)].map(|rule| rule.status);

        assert_eq!(statuses, [Some(503), Some(429), Some(503)]);
    }

    #[test]
    fn a_rule_for_a_key_leaves_other_keys_alone() {
        let book = FaultBook::default();
        book.replace(parse_rules(br#"[{"model":"*","key":"sk-old","status":401}]"#).unwrap());

        let statuses = [Some("sk-old"), Some("sk-new"), None].map(|key| book.take("gpt-5.5", key).status);

        assert_eq!(statuses, [Some(401), None, None]);
    }

    #[test]
    fn a_rule_for_vectors_and_one_for_models_leave_each_other_alone() {
        let book = FaultBook::default();
        let rules = br#"[{"model":"*","status":500},{"model":"s3vectors/PutVectors","status":429},
            {"model":"s3vectors","status":503},{"model":"s3vectorsx","status":400}]"#;
        book.replace(parse_rules(rules).unwrap());

        let of_vectors = |operation| book.take_vectors(operation).status;

        assert_eq!(of_vectors(vectors::Operation::Put), Some(429));
        assert_eq!(of_vectors(vectors::Operation::Query), Some(503));
        assert_eq!(book.take("gpt-5.5", None).status, Some(500));
    }
}
