//! Where a continuation joins what was said: what it repeats is cut.
//!
//! Models that are told to go on often begin a few words, a line or the whole text earlier. So the beginning of a
//! continuation is held for as long as it stands somewhere in what was said, and then the longest end of what was said
//! that it begins with is cut, if that counts:
//!
//! - all that was said, or at least [`LEAST`] characters; or less, where a word that was cut is begun anew.
//! - Never what repeats itself, such as the lines of a table or a row of zeros: there, nobody knows which repetition
//!   the model meant, and a line too many is better than one too few.

/// So many characters are no accident.
const LEAST: usize = 8;

/// So many letters of a word that was cut are none either, where the word goes on.
const LEAST_OF_A_WORD: usize = 3;

/// Joins one continuation to what was said.
#[derive(Clone, Debug)]
pub struct Seam {
    said: String,
    /// The beginning of the continuation, held.
    head: String,
    /// Where in what was said the held beginning stands.
    places: Vec<usize>,
    is_closed: bool,
}

impl Seam {
    /// After what was said.
    #[must_use]
    pub fn after(said: &str) -> Self {
        Self { said: said.to_owned(), head: String::new(), places: Vec::new(), is_closed: said.is_empty() }
    }

    /// Takes the next piece of the continuation, and gives what is new and can be told.
    pub fn take(&mut self, piece: &str) -> String {
        if self.is_closed || piece.is_empty() {
            return piece.to_owned();
        }
        let held = self.head.len();
        self.head.push_str(piece);
        let goes_on = |at: &usize| self.said[at + held..].starts_with(piece);
        self.places = if held == 0 {
            self.said.char_indices().map(|(at, _)| at).filter(goes_on).collect()
        } else {
            self.places.iter().copied().filter(goes_on).collect()
        };
        if self.places.is_empty() { self.end() } else { String::new() }
    }

    /// What is still held when nothing more comes.
    pub fn end(&mut self) -> String {
        self.is_closed = true;
        let (said, head) = (std::mem::take(&mut self.said), std::mem::take(&mut self.head));
        head[overlap(&said, &head)..].to_owned()
    }
}

/// How many bytes of `head` were said already.
fn overlap(said: &str, head: &str) -> usize {
    let tails = said.char_indices().map(|(at, _)| said.split_at(at));
    let mut repeated = tails.filter(|(_, tail)| head.starts_with(tail));
    let Some((before, longest)) = repeated.next() else { return 0 };
    if before.is_empty() || longest.chars().count() >= LEAST {
        let is_ambiguous = repeats_itself(longest) || before.ends_with(longest);
        return if is_ambiguous { 0 } else { longest.len() };
    }
    let mut short = std::iter::once((before, longest)).chain(repeated);
    let begun_anew = short.find(|(before, tail)| is_begun_anew(before, tail, &head[tail.len()..]));
    begun_anew.map_or(0, |(_, tail)| tail.len())
}

/// Whether a text consists of the same, twice or more often, as far as it goes.
fn repeats_itself(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    // The longest beginning of each part that is its end as well.
    let mut borders = vec![0; chars.len()];
    for at in 1..chars.len() {
        let mut border: usize = borders[at - 1];
        while border > 0 && chars[at] != chars[border] {
            border = borders[border - 1];
        }
        borders[at] = border + usize::from(chars[at] == chars[border]);
    }
    let period = chars.len() - borders.last().copied().unwrap_or(0);
    chars.len() > 1 && period * 2 <= chars.len()
}

/// Whether the last words were said anew because the last one was cut: they begin with a word, and the last one, of
/// letters, is longer now.
fn is_begun_anew(before: &str, tail: &str, rest: &str) -> bool {
    let letters = tail.chars().rev().take_while(|letter| letter.is_alphabetic()).count();
    letters >= LEAST_OF_A_WORD
        && !before.ends_with(char::is_alphanumeric)
        && rest.starts_with(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a client reads, however the continuation is cut into pieces.
    fn joined(said: &str, continuation: &str) -> String {
        let mut seam = Seam::after(said);
        let pieces = continuation.chars().map(|piece| seam.take(&piece.to_string()));
        let mut text: String = pieces.collect();
        text.push_str(&seam.end());
        let mut at_once = Seam::after(said);
        let whole = [at_once.take(continuation), at_once.end()].concat();
        assert_eq!(whole, text, "{said} | {continuation}");
        format!("{said}{text}")
    }

    #[test]
    fn what_is_repeated_is_cut() {
        let whole = "The quick brown fox jumps over the lazy dog.";
        for (said, continuation) in [
            ("The quick brown fox", " jumps over the lazy dog."),
            ("The quick brown fox", "brown fox jumps over the lazy dog."),
            ("The quick brown fox", whole),
            ("The quick brown fo", "fox jumps over the lazy dog."),
            ("The quick bro", "brown fox jumps over the lazy dog."),
            ("The quick bro", "wn fox jumps over the lazy dog."),
            ("Th", whole),
            ("T", whole),
            (whole, ""),
            (whole, whole),
        ] {
            let expected = if said.ends_with("fo") { "The quick brown fofox" } else { "The quick brown fox" };
            assert_eq!(joined(said, continuation), format!("{expected} jumps over the lazy dog."), "{said}");
        }
    }

    #[test]
    fn a_short_likeness_is_an_accident() {
        assert_eq!(joined("I said that", " that was it"), "I said that that was it");
        assert_eq!(joined("It costs 10", "10 dollars"), "It costs 1010 dollars");
        assert_eq!(joined("bye-bye", "bye"), "bye-byebye");
        assert_eq!(joined("The mur", "mur of bees"), "The murmur of bees");
    }

    #[test]
    fn what_repeats_itself_is_never_cut() {
        assert_eq!(joined("|---|---", "|---|---|\n"), "|---|---|---|---|\n");
        assert_eq!(joined("1000000000", "000000000 is much"), "1000000000000000000 is much");
        assert_eq!(joined("= [\n0, 0, 0\n0, 0, 0\n", "0, 0, 0\n1"), "= [\n0, 0, 0\n0, 0, 0\n0, 0, 0\n1");
        assert_eq!(joined("haha", "hahaha!"), "hahahahaha!");
    }

    #[test]
    fn nothing_is_held_longer_than_it_may_be_a_repetition() {
        let mut seam = Seam::after("The quick brown fox");

        assert_eq!(seam.take(" b"), "");
        assert_eq!(seam.take("eneath"), " beneath");
        assert_eq!(seam.take(" The quick"), " The quick");
    }

    /// Words of which none stands twice, of several scripts.
    fn text() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec!["word", "Straße", "слово", "言葉", "🦀", "e\u{301}"]);
        prop::collection::vec(word, 1..40).prop_map(|words| {
            let numbered = words.iter().enumerate().map(|(number, word)| format!("{word}{number}"));
            numbered.collect::<Vec<_>>().join(" ")
        })
    }

    fn cut(text: &str, share: usize) -> usize {
        text.floor_char_boundary(text.len() * share / 1_000)
    }

    proptest! {
        #[test]
        fn the_whole_text_comes_once_however_it_was_cut(text in text(), share in 0..=1_000_usize) {
            let (said, rest) = text.split_at(cut(&text, share));

            prop_assume!(!rest.starts_with(said) || said.is_empty());
            prop_assert_eq!(joined(said, rest), text);
        }

        #[test]
        fn the_whole_text_comes_once_whatever_is_repeated(
            text in text(), share in 0..=1_000_usize, again in 0..=1_000_usize,
        ) {
            let at = cut(&text, share);
            let from = cut(&text[..at], again);

            prop_assume!(from == 0 || text[from..at].chars().count() >= LEAST);
            prop_assert_eq!(joined(&text[..at], &text[from..]), text);
        }

        #[test]
        fn whatever_comes_only_its_beginning_is_cut(said in ".{0,30}", continuation in ".{0,30}") {
            let joined = joined(&said, &continuation);

            prop_assert!(joined.starts_with(&said));
            prop_assert!(continuation.ends_with(&joined[said.len()..]));
        }
    }
}
