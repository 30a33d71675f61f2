//! When the answer of a cheap target suffices, so that no dearer one is asked.

use serde::{Deserialize, Serialize};

/// What an answer must be; one that was cut by its cap or filtered never suffices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sufficient {
    /// It has at least so many characters.
    pub min_chars: usize,
    /// It says none of these anywhere, in whichever case: how a model says that it does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unless_says: Vec<String>,
    /// It is one of these, in whichever case, and nothing more: for tasks that have labels for an answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<String>,
}

/// Why an answer does not suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Insufficient {
    /// It is not whole, or holds more than text.
    NotWhole,
    /// It is too short.
    TooShort,
    /// It says that it does not know.
    Unsure,
    /// It is none of the labels.
    NoLabel,
}

impl Sufficient {
    /// Judges an answer by its words; `None` stands for one that is not whole, or no text.
    #[must_use]
    pub fn judge(&self, words: Option<&str>) -> Option<Insufficient> {
        let Some(words) = words else { return Some(Insufficient::NotWhole) };
        let said = words.trim().to_lowercase();
        if said.is_empty() || said.chars().count() < self.min_chars {
            return Some(Insufficient::TooShort);
        }
        if self.unless_says.iter().any(|phrase| said.contains(&phrase.to_lowercase())) {
            return Some(Insufficient::Unsure);
        }
        let is_label = |label: &String| label.to_lowercase() == said.trim_end_matches('.');
        let needs_label = !self.one_of.is_empty() && !self.one_of.iter().any(is_label);
        needs_label.then_some(Insufficient::NoLabel)
    }

    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let is_empty = |text: &String| text.trim().is_empty();
        let has_empty = self.unless_says.iter().chain(&self.one_of).any(is_empty);
        has_empty.then_some("a phrase or a label of \"sufficient\" is empty")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_suffices_by_what_it_says() {
        let sufficient = Sufficient {
            min_chars: 3,
            unless_says: vec!["I do not know".to_owned()],
            one_of: vec!["spam".to_owned(), "Ham".to_owned()],
        };
        let judge = |words| sufficient.judge(words);

        assert_eq!(judge(Some(" SPAM.\n")), None);
        assert_eq!(judge(Some("ham")), None);
        assert_eq!(judge(Some("It is spam")), Some(Insufficient::NoLabel));
        assert_eq!(judge(Some("Well, i do not KNOW.")), Some(Insufficient::Unsure));
        assert_eq!(judge(Some("ok")), Some(Insufficient::TooShort));
        assert_eq!(judge(Some("  ")), Some(Insufficient::TooShort));
        assert_eq!(judge(None), Some(Insufficient::NotWhole));
        assert_eq!(Sufficient::default().judge(Some("anything")), None);
        assert!(Sufficient { one_of: vec![" ".to_owned()], ..sufficient }.fault().is_some());
    }
}
