//! Conversations that ask to go on with an answer that broke off: the stand-in says the rest of what it would have said.

/// How somebody begins who asks for that.
const ASKS: &str = "Your last message was cut off";

/// A turn of a conversation.
pub(super) enum Turn {
    /// The user's, or what tools brought.
    Asks(String),
    /// The model's.
    Answers(String),
}

/// What is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The text that is answered: the user's last, or what the tools brought since.
    pub(super) text: String,
    /// What was said of the answer before.
    pub(super) said: String,
}

impl Asked {
    pub(super) fn of(turns: impl Iterator<Item = Turn>) -> Self {
        let mut asked = Self::default();
        // What was asked before the answer that broke off, while nobody has asked since.
        let mut before = String::new();
        for turn in turns {
            match turn {
                Turn::Asks(text) if text.starts_with(ASKS) && !asked.said.is_empty() => {
                    asked.text = std::mem::take(&mut before);
                }
                Turn::Asks(text) => asked = Self { text, said: String::new() },
                Turn::Answers(said) => {
                    before.clone_from(&asked.text);
                    asked.said.push_str(&said);
                }
            }
        }
        // An answer that nobody asks to go on with is the past.
        if before.is_empty() { asked } else { Self { said: String::new(), ..asked } }
    }
}

/// What of a reply is still to be said after its beginning was, with so many words of that again. A reply that began
/// otherwise is said whole.
pub(super) fn rest<'a>(reply: &'a str, said: &str, words_again: usize) -> &'a str {
    if !reply.starts_with(said) {
        return reply;
    }
    let words = said.split_inclusive(' ').rev().take(words_again);
    &reply[said.len() - words.map(str::len).sum::<usize>()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(turns: &[(bool, &str)]) -> Asked {
        let turn = |(asks, text): &(bool, &str)| match asks {
            true => Turn::Asks((*text).to_owned()),
            false => Turn::Answers((*text).to_owned()),
        };
        Asked::of(turns.iter().map(turn))
    }

    #[test]
    fn an_answer_is_gone_on_with_only_where_that_is_asked() {
        let of = |text: &str, said: &str| Asked { text: text.to_owned(), said: said.to_owned() };

        assert_eq!(asked(&[(true, "Why?")]), of("Why?", ""));
        assert_eq!(asked(&[(true, "Why?"), (false, "So."), (true, "And?")]), of("And?", ""));
        assert_eq!(asked(&[(true, "Why?"), (false, "Bec"), (true, ASKS)]), of("Why?", "Bec"));
        assert_eq!(asked(&[(true, "Why?"), (false, "Bec")]), of("Why?", ""));
    }

    #[test]
    fn the_rest_follows_what_was_said() {
        assert_eq!(rest("One two three", "One t", 0), "wo three");
        assert_eq!(rest("One two three", "One t", 1), "two three");
        assert_eq!(rest("One two three", "One t", 9), "One two three");
        assert_eq!(rest("One two three", "Eins", 0), "One two three");
        assert_eq!(rest("One", "One", 0), "");
    }
}
