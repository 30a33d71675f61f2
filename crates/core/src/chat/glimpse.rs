//! What the gateway reads of an answer in chat that passes as it is.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::completion::{Finish, Glimpse, NoAnswer};
use crate::usage::{ChatUsage, Usage};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    #[serde(default)]
    usage: Option<ChatUsage>,
    #[serde(borrow, default)]
    service_tier: Option<Cow<'a, str>>,
}

/// What may say beside its choices, or instead of them, that it is an error.
pub(super) trait Answer<'de>: Deserialize<'de> {
    /// Whether it does.
    fn is_error(&self) -> bool;
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Said<'a>>,
    #[serde(borrow, default)]
    message: Option<Said<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow, default)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    audio: Option<&'a RawValue>,
}

/// Reads a `chat.completion` or a `chat.completion.chunk`.
pub fn glimpse(json: &[u8]) -> Result<Glimpse, NoAnswer> {
    let wire: Wire<'_> = parse(json)?;
    let finish = wire.choices.iter().filter_map(|choice| choice.finish_reason.as_deref()).map(finish_of);
    Ok(Glimpse {
        usage: wire.usage.map(Usage::from),
        has_content: wire.choices.iter().any(Choice::has_content),
        is_usage_chunk: wire.choices.is_empty() && wire.usage.is_some(),
        finish: finish.reduce(|one, other| if one == Finish::Whole { other } else { one }),
        response_id: None,
        service_tier: wire.service_tier.map(Cow::into_owned),
    })
}

/// Reads JSON that is an answer unless it says that it is an error. Each chunk is read once: only what is none is looked
/// at again.
pub(super) fn parse<'de, T: Answer<'de>>(json: &'de [u8]) -> Result<T, NoAnswer> {
    match serde_json::from_slice::<T>(json) {
        Ok(answer) if answer.is_error() => Err(NoAnswer::Failed),
        Ok(answer) => Ok(answer),
        Err(error) => match serde_json::from_slice(json) {
            Ok(Failure { error: Some(_) }) => Err(NoAnswer::Failed),
            _ => Err(NoAnswer::Garbled(error)),
        },
    }
}

fn finish_of(reason: &str) -> Finish {
    match reason {
        "stop" | "tool_calls" | "function_call" => Finish::Whole,
        _ => Finish::Partial,
    }
}

impl<'de: 'a, 'a> Answer<'de> for Wire<'a> {
    fn is_error(&self) -> bool {
        self.error.is_some()
    }
}

impl Choice<'_> {
    fn has_content(&self) -> bool {
        let said = self.delta.iter().chain(&self.message);
        self.finish_reason.is_some() || said.into_iter().any(Said::is_something)
    }
}

impl Said<'_> {
    fn is_something(&self) -> bool {
        let parts = [
            self.content,
            self.refusal,
            self.tool_calls,
            self.function_call,
            self.reasoning,
            self.reasoning_content,
            self.audio,
        ];
        parts.into_iter().flatten().any(|value| !matches!(value.get(), "null" | "\"\"" | "[]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Glimpse {
        glimpse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_role_alone_is_no_content() {
        assert!(
            !read(r#"{"choices":[{"delta":{"role":"assistant","content":""}}],"usage":null}"#).has_content
        );
        assert!(read(r#"{"choices":[{"delta":{"content":"a"}}]}"#).has_content);
        assert!(read(r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#).has_content);
        assert!(read(r#"{"choices":[{"delta":{"reasoning_content":"a"}}]}"#).has_content);
        assert!(read(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).has_content);
    }

    #[test]
    fn a_whole_answer_has_what_its_message_says() {
        assert!(read(r#"{"choices":[{"message":{"content":"a"},"finish_reason":null}]}"#).has_content);
        assert!(!read(r#"{"choices":[{"message":{"content":null,"tool_calls":[]}}]}"#).has_content);
    }

    #[test]
    fn the_usage_chunk_is_known_by_its_empty_choices() {
        let chunk =
            read(r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#);

        assert!(chunk.is_usage_chunk);
        assert_eq!(chunk.usage, Some(Usage { input: 3, output: 2, ..Usage::default() }));
        assert_eq!(chunk.response_id, None);
    }

    #[test]
    fn one_choice_that_was_cut_makes_the_answer_partial() {
        let finish = |reasons: &[&str]| {
            let choices: Vec<_> = reasons
                .iter()
                .map(|reason| format!(r#"{{"message":{{}},"finish_reason":"{reason}"}}"#))
                .collect();
            read(&format!(r#"{{"choices":[{}]}}"#, choices.join(","))).finish
        };

        assert_eq!(finish(&["stop", "tool_calls"]), Some(Finish::Whole));
        assert_eq!(finish(&["stop", "length"]), Some(Finish::Partial));
        assert_eq!(finish(&["content_filter", "stop"]), Some(Finish::Partial));
        assert_eq!(finish(&[]), None);
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let coral =
            r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#;

        assert!(matches!(glimpse(coral.as_bytes()), Err(NoAnswer::Garbled(_))));
        assert!(matches!(glimpse(b"<html>"), Err(NoAnswer::Garbled(_))));
        assert!(matches!(glimpse(br#"{"error":{"message":"x"}}"#), Err(NoAnswer::Failed)));
    }

    #[test]
    fn an_error_among_the_choices_is_a_failure() {
        let chunk = br#"{"error":{"code":502},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#;

        assert!(matches!(glimpse(chunk), Err(NoAnswer::Failed)));
    }

    #[test]
    fn an_error_beside_what_cannot_be_read_is_a_failure_and_none_is_none() {
        assert!(matches!(glimpse(br#"{"choices":5,"error":{}}"#), Err(NoAnswer::Failed)));
        assert!(matches!(glimpse(br#"{"choices":5,"error":null}"#), Err(NoAnswer::Garbled(_))));
        assert!(glimpse(br#"{"choices":[],"error":null}"#).is_ok());
    }
}
