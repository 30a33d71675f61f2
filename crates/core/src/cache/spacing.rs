//! White space, where a route says that it means nothing: never inside code.

/// The text with runs of spaces as one, without spaces at the ends of lines, and without empty lines at both ends. What stands
/// between fences or backticks stays as it is, and so does the beginning of every line: in code it may mean something.
pub(super) fn folded(text: &str) -> String {
    let (mut lines, mut fence) = (Vec::new(), None);
    for line in text.lines() {
        let mark = fence_of(line);
        lines.push(if fence.is_some() || mark.is_some() { line.to_owned() } else { fold_line(line) });
        fence = match (fence, mark) {
            (Some(open), Some(mark)) if closes(mark, open) => None,
            (Some(open), _) => Some(open),
            (None, mark) => mark,
        };
    }
    let is_blank = |line: &String| line.trim().is_empty();
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    lines[first..last].join("\n")
}

/// The run of three or more backticks or tildes that a line begins with.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|mark| ['`', '~'].contains(mark))?;
    let rest = line.trim_start_matches(mark);
    let run = &line[..line.len() - rest.len()];
    (run.len() >= 3).then_some(run)
}

fn closes(mark: &str, open: &str) -> bool {
    mark.starts_with(open)
}

fn fold_line(line: &str) -> String {
    let trimmed = line.trim_end();
    let begun = trimmed.trim_start();
    let mut folded = trimmed[..trimmed.len() - begun.len()].to_owned();
    let (mut is_code, mut after_space) = (false, false);
    for letter in begun.chars() {
        is_code ^= letter == '`';
        let is_space = !is_code && (letter == ' ' || letter == '\t');
        match (is_space, after_space) {
            (true, true) => {}
            (true, false) => folded.push(' '),
            (false, _) => folded.push(letter),
        }
        after_space = is_space;
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_of_spaces_are_one_and_ends_are_cut() {
        assert_eq!(folded("\n  \nhello   big\t world  \r\nnext \n\n"), "hello big world\nnext");
    }

    #[test]
    fn code_stays_as_it_is() {
        let fenced = "a  b\n```py\nif x:\n    y  = 1  \n```\nc  d";
        assert_eq!(folded(fenced), "a b\n```py\nif x:\n    y  = 1  \n```\nc d");
        assert_eq!(folded("say `a  b`  now"), "say `a  b` now");
        assert_eq!(folded("if x:\n    y"), "if x:\n    y");
        assert_ne!(folded("x\n    y"), folded("x\n  y"));
        let tildes = "~~~~\n~~~\na  b\n~~~~\nc  d";
        assert_eq!(folded(tildes), "~~~~\n~~~\na  b\n~~~~\nc d");
    }

    #[test]
    fn a_fence_that_never_closes_keeps_all_after_it() {
        assert_eq!(folded("```\na  b\n  c"), "```\na  b\n  c");
    }

    proptest! {
        #[test]
        fn folding_twice_folds_no_more(text in "[ab `~\n\t]{0,40}") {
            prop_assert_eq!(folded(&folded(&text)), folded(&text));
        }

        #[test]
        fn nothing_but_white_space_is_lost(text in "[ab `~\n\t]{0,40}") {
            let seen = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();

            prop_assert_eq!(seen(&folded(&text)), seen(&text));
        }
    }
}
