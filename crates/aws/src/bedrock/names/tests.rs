//! Parts of texts.

use super::*;

#[test]
fn short_texts_share_a_call_and_long_ones_are_cut_with_an_overlap() {
    let long: String = "ab ".repeat(9_000);

    let all = parts(&["Anna".to_owned(), " ".to_owned(), "Bert".to_owned(), long.clone()]);

    assert_eq!(all[0], "Anna\nBert");
    assert!(all.iter().all(|part| part.chars().count() <= MOST_CHARS));
    assert!(all[2].starts_with(&all[1][MOST_CHARS - 200..]));
    assert!(all[2].ends_with("ab "));
}
