//! Tags: what an operator calls a key beside its user and team, such as `app=search-bar`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// Most tags of one key.
pub const MOST_TAGS: usize = 10;

const LONGEST_NAME: usize = 64;
const LONGEST_VALUE: usize = 128;

/// The tags of one key, by name.
pub type Tags = BTreeMap<TagName, TagValue>;

/// 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TagName(String);

/// 1 to 128 characters that can be seen, spaces within among them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TagValue(String);

/// One tag, written `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What is left of the first `=`.
    pub name: TagName,
    /// What is right of it.
    pub value: TagValue,
}

/// Why a text is no tag, or tags cannot be together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// There is no `=`.
    #[error("a tag is written NAME=VALUE")]
    Form,
    /// The name is empty, too long or has other characters.
    #[error("the name of a tag has 1 to 64 characters of A-Z a-z 0-9 . _ -")]
    Name,
    /// The value is empty, too long or cannot be printed.
    #[error("the value of a tag has 1 to 128 printable characters and no space at its ends")]
    Value,
    /// One name has two values.
    #[error("the tag {0} is given twice")]
    Twice(TagName),
    /// There are more than [`MOST_TAGS`].
    #[error("a key has at most 10 tags")]
    TooMany,
}

/// Puts tags together; a name may come once.
pub fn collect(tags: impl IntoIterator<Item = Tag>) -> Result<Tags, TagError> {
    let mut all = Tags::new();
    for Tag { name, value } in tags {
        if all.contains_key(&name) {
            return Err(TagError::Twice(name));
        }
        all.insert(name, value);
    }
    if all.len() > MOST_TAGS { Err(TagError::TooMany) } else { Ok(all) }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let (name, value) = text.split_once('=').ok_or(TagError::Form)?;
        Ok(Self { name: name.parse()?, value: value.parse()? })
    }
}

impl FromStr for TagName {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name = (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_name { Ok(Self(text.to_owned())) } else { Err(TagError::Name) }
    }
}

impl FromStr for TagValue {
    type Err = TagError;

    /// ASCII only: other scripts hold characters that print as nothing or turn the line around.
    fn from_str(text: &str) -> Result<Self, TagError> {
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let is_value = (1..=LONGEST_VALUE).contains(&text.len())
            && text.bytes().all(is_printable)
            && text.trim().len() == text.len();
        if is_value { Ok(Self(text.to_owned())) } else { Err(TagError::Value) }
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TagName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for TagValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Result<String, TagError> {
        text.parse::<Tag>().map(|Tag { name, value }| format!("{name}|{value}"))
    }

    #[test]
    fn a_tag_is_split_at_its_first_equals_sign() {
        assert_eq!(tag("app=search bar"), Ok("app|search bar".to_owned()));
        assert_eq!(tag("a.b_c-1=x=y"), Ok("a.b_c-1|x=y".to_owned()));
        let (name, value) = ("n".repeat(64), "v".repeat(128));
        assert_eq!(tag(&format!("{name}={value}")), Ok(format!("{name}|{value}")));
    }

    #[test]
    fn what_is_no_tag_is_told_apart() {
        let (long_name, long_value) = (format!("{}=x", "n".repeat(65)), format!("n={}", "v".repeat(129)));
        for (text, error) in [
            ("", TagError::Form),
            ("app", TagError::Form),
            ("=x", TagError::Name),
            ("a b=x", TagError::Name),
            ("a@b=x", TagError::Name),
            (&long_name, TagError::Name),
            ("app=", TagError::Value),
            ("app= x", TagError::Value),
            ("app=a\nb", TagError::Value),
            ("app=a\u{202e}b", TagError::Value),
            (&long_value, TagError::Value),
        ] {
            assert_eq!(tag(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn ten_tags_of_different_names_go_together() {
        let numbered = |count: usize| (0..count).map(|n| format!("t{n}=v").parse::<Tag>().unwrap());

        assert_eq!(collect(numbered(MOST_TAGS)).unwrap().len(), MOST_TAGS);
        assert_eq!(collect(numbered(MOST_TAGS + 1)), Err(TagError::TooMany));
        let twice = ["a=1", "a=1"].map(|text| text.parse::<Tag>().unwrap());
        assert_eq!(collect(twice).unwrap_err().to_string(), "the tag a is given twice");
    }

    #[test]
    fn tags_read_as_they_were_written_and_nothing_else_is_read() {
        let tags = collect(["app=x", "env=prod"].map(|text| text.parse::<Tag>().unwrap())).unwrap();

        let json = serde_json::to_value(&tags).unwrap();

        assert_eq!(json, serde_json::json!({"app": "x", "env": "prod"}));
        assert_eq!(serde_json::from_value::<Tags>(json).unwrap(), tags);
        assert!(serde_json::from_value::<Tags>(serde_json::json!({"a b": "x"})).is_err());
    }
}
