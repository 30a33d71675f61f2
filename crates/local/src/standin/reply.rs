//! What the stand-in answers and what that costs: a pure function of the prompt and of the rule in force, so that a test can
//! say beforehand what it will read and be charged.

use super::fault::Rule;

const DEFAULT_WORDS: usize = 12;
const FILLER: &str = "These words come from the provider stand-in, which says as many of them as it is asked for, \
    always the same ones for the same question, one after the other, so that whoever reads them can tell what is missing.";
const THOUGHT: &str = "The user wants an answer, so an answer it is.";

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
    pub(super) last_user_text: String,
    /// The first tool on offer, if the user asks for a tool call.
    pub(super) tool: Option<String>,
    pub(super) output_cap: Option<u64>,
    /// Whether the model shows its reasoning, as gpt-oss does.
    pub(super) thinks_aloud: bool,
}

/// Whether the last user text asks for a tool call, where tools are on offer.
pub(super) fn wants_tool(last_user_text: &str) -> bool {
    last_user_text.starts_with("call tool")
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Text(String),
    ToolCall { name: String, arguments: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    End,
    OutputCap,
    ToolCall,
}

/// Tokens as OpenAI counts them: `input` includes `cached`, `output` includes `reasoning`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) input: u64,
    pub(super) cached: u64,
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
        let spoken = match &said {
            Said::Text(text) => text,
            Said::ToolCall { arguments, .. } => arguments,
        };
        let spoken_tokens = if spoken.is_empty() { 0 } else { count_tokens(spoken) };
        Self {
            usage: Usage {
                input: prompt.input_tokens,
                cached: rule.cached_tokens.min(prompt.input_tokens),
                output: reasoning + spoken_tokens,
                reasoning,
            },
            thought,
            said,
            stop,
            tells_usage: !rule.omit_usage,
            latency_ms: rule.latency_ms,
        }
    }
}

fn say(prompt: &Prompt, rule: &Rule, room: u64) -> (Said, Stop) {
    let text = &prompt.last_user_text;
    let full = match &prompt.tool {
        Some(_) => serde_json::json!({ "input": text }).to_string(),
        None => reply_for(text, rule.reply_words.unwrap_or(DEFAULT_WORDS)),
    };
    let kept = cut_to(&full, room);
    let is_cut = kept.len() < full.len();
    match &prompt.tool {
        Some(name) => (
            Said::ToolCall { name: name.clone(), arguments: kept.to_owned() },
            if is_cut { Stop::OutputCap } else { Stop::ToolCall },
        ),
        None => (Said::Text(kept.to_owned()), if is_cut { Stop::OutputCap } else { Stop::End }),
    }
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

#[cfg(test)]
mod tests {
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

    #[test]
    fn pieces_join_to_the_text() {
        let text = reply_for("Überraschung", 40);

        assert_eq!(pieces(&text).collect::<String>(), text);
        assert_eq!(pieces(&text).count(), 40);
    }
}
