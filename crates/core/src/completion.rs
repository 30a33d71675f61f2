//! What the gateway reads of an answer on the chat wire: usage, content, how it finished. The rest passes unread.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::usage::{ChatUsage, Usage};

/// What a whole answer or a chunk says to the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// What the provider counted.
    pub usage: Option<Usage>,
    /// It holds something of the answer itself: from here on, nobody else can take over unseen.
    pub has_content: bool,
    /// It carries usage and no choices: the chunk that `include_usage` asks for.
    pub is_usage_chunk: bool,
    /// How the answer finished, if this says so.
    pub finish: Option<Finish>,
    /// The provider's own id of the response, if this says it.
    pub response_id: Option<String>,
}

/// How an answer finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Whole.
    Whole,
    /// Cut by the cap, or filtered.
    Partial,
}

/// Why a text is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// No JSON, or no choices.
    #[error("not a chat completion")]
    Garbled(#[source] serde_json::Error),
    /// The provider says that it failed.
    #[error("the provider reports an error")]
    Failed,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    #[serde(default)]
    usage: Option<ChatUsage>,
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    error: &'a RawValue,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
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
}

/// Reads a `chat.completion` or a `chat.completion.chunk`.
pub fn glimpse(json: &[u8]) -> Result<Glimpse, NoAnswer> {
    let wire: Wire<'_> =
        serde_json::from_slice(json).map_err(|error| match serde_json::from_slice::<Failure<'_>>(json) {
            Ok(Failure { error }) if error.get() != "null" => NoAnswer::Failed,
            _ => NoAnswer::Garbled(error),
        })?;
    let finish = wire.choices.iter().filter_map(|choice| choice.finish_reason.as_deref()).map(finish_of);
    Ok(Glimpse {
        usage: wire.usage.map(Usage::from),
        has_content: wire.choices.iter().any(Choice::has_content),
        is_usage_chunk: wire.choices.is_empty() && wire.usage.is_some(),
        finish: finish.reduce(|one, other| if one == Finish::Whole { other } else { one }),
        ..Glimpse::default()
    })
}

fn finish_of(reason: &str) -> Finish {
    match reason {
        "stop" | "tool_calls" | "function_call" => Finish::Whole,
        _ => Finish::Partial,
    }
}

impl Choice<'_> {
    fn has_content(&self) -> bool {
        let says = |value: Option<&RawValue>| {
            value.is_some_and(|value| !matches!(value.get(), "null" | "\"\"" | "[]"))
        };
        let in_delta = self.delta.as_ref().is_some_and(|delta| {
            let parts =
                [delta.content, delta.refusal, delta.tool_calls, delta.function_call, delta.reasoning];
            parts.into_iter().any(says)
        });
        in_delta || self.finish_reason.is_some()
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
        assert!(read(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).has_content);
    }

    #[test]
    fn the_usage_chunk_is_known_by_its_empty_choices() {
        let chunk =
            read(r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#);

        assert!(chunk.is_usage_chunk);
        assert_eq!(chunk.usage, Some(Usage { input: 3, output: 2, ..Usage::default() }));
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
}
