//! What the stand-in answers and what that costs: a pure function of the prompt and of the rule in force, so that a test can
//! say beforehand what it will read and be charged.

use serde_json::Value;

use super::fault::Rule;
use super::going_on::rest;
use super::schema::instance;
use super::tools::{Offer, ToolCall};

/// Room for one character at least.
const FRAGMENT_BYTES: usize = 7;
const DEFAULT_WORDS: usize = 12;
const FILLER: &str = "These words come from the provider stand-in, which says as many of them as it is asked for, \
    always the same ones for the same question, one after the other, so that whoever reads them can tell what is missing.";
const BLOCKED: &str = "Sorry, the model cannot answer this question.";
const DECLINED: &str = "I'm sorry, but I can't help with that.";
const THOUGHT: &str = "The user wants an answer, so an answer it is.";

/// What every image costs, whatever it shows.
pub const IMAGE_TOKENS: u64 = 85;

/// Counts tokens as the stand-in bills them: a quarter of the bytes, rounded up, and never less than one.
pub fn count_tokens(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX).div_ceil(4).max(1)
}

/// The first `words` words of: `Answer <CRC-32 of the text in hex> to:`, the text itself, and a filler without end.
///
/// The checksum tells replies to different texts apart even where the reply is too short to repeat the text.
pub fn reply_for(text: &str, words: usize) -> String {
    let opening = format!("Answer {:08x} to:", crc32fast::hash(text.as_bytes()));
    opening
        .split_whitespace()
        .chain(text.split_whitespace())
        .chain(FILLER.split_whitespace().cycle())
        .take(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What a request asks for, whichever wire it came over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) input_tokens: u64,
    /// What the reply is to: the text of the user's last turn, or of the tool results after it.
    pub(super) last_user_text: String,
    /// What was said of the reply before it broke off.
    pub(super) said: String,
    pub(super) offer: Offer,
    /// The reply has to be JSON that fits it.
    pub(super) schema: Option<Value>,
    /// The reply ends where one of them begins.
    pub(super) stops: Vec<String>,
    pub(super) output_cap: Option<u64>,
    /// Whether the model shows its reasoning, as gpt-oss does.
    pub(super) thinks_aloud: bool,
    /// How many replies, all alike, beyond the first.
    pub(super) more_choices: u64,
    /// Whether the call names a guardrail.
    pub(super) is_guarded: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Text(String),
    Refusal(String),
    ToolCalls(Vec<ToolCall>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    End,
    OutputCap,
    ToolCall,
    /// One of the caller's stop texts.
    Text(String),
    Filter,
    Guardrail,
}

/// Tokens as OpenAI counts them: `input` includes `cached` and `cache_written`, `output` includes `reasoning`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) cache_written: u64,
    pub(super) output: u64,
    pub(super) reasoning: u64,
}

impl Usage {
    pub(super) fn total(&self) -> u64 {
        self.input + self.output
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) thought: Option<&'static str>,
    pub(super) is_thought_sealed: bool,
    pub(super) said: Said,
    pub(super) stop: Stop,
    pub(super) usage: Usage,
    /// Whether the client is told the usage; it is billed either way.
    pub(super) tells_usage: bool,
    pub(super) latency_ms: u64,
}

impl Reply {
    pub(super) fn compose(prompt: &Prompt, rule: &Rule) -> Self {
        let thought = prompt.thinks_aloud.then_some(THOUGHT);
        let room = prompt.output_cap.unwrap_or(u64::MAX);
        let reasoning = rule.reasoning_tokens.unwrap_or_else(|| thought.map_or(0, count_tokens)).min(room);
        let (said, stop) = say(prompt, rule, room - reasoning);
        let cached = rule.cached_tokens.min(prompt.input_tokens);
        let choices = prompt.more_choices + 1;
        Self {
            usage: Usage {
                input: prompt.input_tokens,
                cached,
                cache_written: rule.cache_write_tokens.min(prompt.input_tokens - cached),
                output: (reasoning + said.tokens()).saturating_mul(choices),
                reasoning: reasoning.saturating_mul(choices),
            },
            thought,
            is_thought_sealed: rule.redacted_reasoning,
            said,
            stop,
            tells_usage: !rule.omit_usage,
            latency_ms: rule.latency_ms,
        }
    }
}

impl Said {
    fn tokens(&self) -> u64 {
        let spoken: &[&str] = match self {
            Self::Text(text) | Self::Refusal(text) => &[text],
            Self::ToolCalls(calls) => &calls.iter().map(|call| call.arguments.as_str()).collect::<Vec<_>>(),
        };
        spoken.iter().filter(|text| !text.is_empty()).map(|text| count_tokens(text)).sum()
    }
}

fn say(prompt: &Prompt, rule: &Rule, room: u64) -> (Said, Stop) {
    let text = &prompt.last_user_text;
    if prompt.is_guarded && rule.guardrail {
        return (Said::Text(BLOCKED.to_owned()), Stop::Guardrail);
    }
    if rule.refuse || text.starts_with("refuse") {
        let kept = cut_to(DECLINED, room);
        return (
            Said::Refusal(kept.to_owned()),
            if kept.len() < DECLINED.len() { Stop::OutputCap } else { Stop::End },
        );
    }
    let calls = prompt.offer.calls(text, rule.tool_calls);
    if calls.is_empty() { say_text(prompt, rule, room) } else { call_tools(calls, room) }
}

fn say_text(prompt: &Prompt, rule: &Rule, room: u64) -> (Said, Stop) {
    let words = rule.reply_words.unwrap_or(DEFAULT_WORDS);
    let full = match &prompt.schema {
        Some(schema) => instance(schema).to_string(),
        None => reply_for(&prompt.last_user_text, words),
    };
    let full = rest(&full, &prompt.said, rule.words_again);
    let kept = cut_to(full, room);
    let found = prompt.stops.iter().filter(|stop| !stop.is_empty());
    let first = found.filter_map(|stop| kept.find(stop.as_str()).map(|at| (at, stop))).min();
    let (said, stop) = match first {
        Some((at, stop)) => (&kept[..at], Stop::Text(stop.clone())),
        None if rule.filter => (kept, Stop::Filter),
        None if kept.len() < full.len() => (kept, Stop::OutputCap),
        None => (kept, Stop::End),
    };
    (Said::Text(said.to_owned()), stop)
}

/// Of calls that the cap does not hold, the last that begins within it is cut, and those after it are not made.
fn call_tools(calls: Vec<ToolCall>, room: u64) -> (Said, Stop) {
    let mut left = room;
    let mut made = Vec::new();
    for call in calls {
        let kept = cut_to(&call.arguments, left).to_owned();
        let is_cut = kept.len() < call.arguments.len();
        left = left.saturating_sub(count_tokens(&kept));
        made.push(ToolCall { arguments: kept, ..call });
        if is_cut {
            return (Said::ToolCalls(made), Stop::OutputCap);
        }
    }
    (Said::ToolCalls(made), Stop::ToolCall)
}

/// The longest beginning of `text` that costs at most `tokens`.
fn cut_to(text: &str, tokens: u64) -> &str {
    let bytes = usize::try_from(tokens.saturating_mul(4)).unwrap_or(usize::MAX);
    &text[..text.floor_char_boundary(bytes)]
}

/// The pieces in which a text is streamed: word by word, each with the space that follows it.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// The pieces in which anything but prose is streamed: a few bytes each, without regard to what they mean.
pub(super) fn fragments(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (first, others) = rest.split_at(rest.floor_char_boundary(FRAGMENT_BYTES));
        rest = others;
        (!first.is_empty()).then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    fn prompt(output_cap: Option<u64>) -> Prompt {
        Prompt { input_tokens: 9, last_user_text: "Say hello.".to_owned(), output_cap, ..Prompt::default() }
    }

    #[test]
    fn a_reply_repeats_the_text_and_then_goes_on() {
        assert_eq!(
            reply_for("Say hello.", 12),
            "Answer 3de806af to: Say hello. These words come from the provider stand-in,"
        );
        assert_eq!(reply_for("Say hello.", 0), "");
        assert_ne!(reply_for("Say hello.", 2), reply_for("Say hello!", 2));
    }

    #[test]
    fn counts_a_quarter_of_the_bytes_and_at_least_one() {
        assert_eq!(["", "four", "fives"].map(count_tokens), [1, 1, 2]);
    }

    #[test]
    fn a_reply_never_costs_more_than_its_cap() {
        let rule = Rule { reasoning_tokens: Some(3), ..Rule::default() };

        for cap in 1..30 {
            let reply = Reply::compose(&prompt(Some(cap)), &rule);

            assert!(reply.usage.output <= cap, "{reply:?}");
            assert_eq!(reply.stop == Stop::OutputCap, cap < 22, "{reply:?}");
        }
    }

    #[test]
    fn reasoning_may_eat_the_whole_cap() {
        let rule = Rule { reasoning_tokens: Some(50), ..Rule::default() };

        let reply = Reply::compose(&prompt(Some(16)), &rule);

        assert_eq!(reply.said, Said::Text(String::new()));
        assert_eq!(reply.stop, Stop::OutputCap);
        assert_eq!((reply.usage.output, reply.usage.reasoning), (16, 16));
    }

    proptest! {
        #[test]
        fn what_is_streamed_is_the_text(text in ".*") {
            prop_assert_eq!(fragments(&text).collect::<String>(), text.clone());
            prop_assert_eq!(pieces(&text).collect::<String>(), text);
        }
    }

    #[test]
    fn pieces_join_to_the_text() {
        let text = reply_for("Überraschung", 40);

        assert_eq!(pieces(&text).collect::<String>(), text);
        assert_eq!(pieces(&text).count(), 40);
    }

    #[test]
    fn a_reply_ends_before_the_first_stop_text() {
        let stops = vec!["never".to_owned(), "hello".to_owned(), "Say".to_owned()];

        let reply = Reply::compose(&Prompt { stops, ..prompt(None) }, &Rule::default());

        assert_eq!(reply.said, Said::Text("Answer 3de806af to: ".to_owned()));
        assert_eq!(reply.stop, Stop::Text("Say".to_owned()));
        assert_eq!(reply.usage.output, 5);
    }
}
