//! Who says so, and why: one line each, as lists and refusals show them.

use clap::Args;

const MOST_CHARACTERS: usize = 200;

#[derive(Debug, Args)]
pub(crate) struct Author {
    /// Who says so
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        default_value = "operator",
        hide_default_value = true,
        hide_env_values = true,
        value_parser = parse_words
    )]
    pub(crate) who: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one line of 1 to 200 characters is needed")]
pub(crate) struct WordsError;

/// The words of the flag are part of the head, which every call reads, and of the answer to those who are refused.
pub(crate) fn parse_words(text: &str) -> Result<String, WordsError> {
    let words = text.trim();
    let is_short = (1..=MOST_CHARACTERS).contains(&words.chars().count());
    if is_short && !words.contains(char::is_control) { Ok(words.to_owned()) } else { Err(WordsError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_short_line() {
        assert_eq!(parse_words("  over budget ").as_deref(), Ok("over budget"));
        for text in ["", "  ", "a\nb", "a\u{1b}[2J", &"x".repeat(201)] {
            assert_eq!(parse_words(text), Err(WordsError), "{text:?}");
        }
    }
}
