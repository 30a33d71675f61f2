//! The prompt template that a call was made from, as its caller names it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::Name;

/// The header that names it.
pub const HEADER: &str = "x-tollgate-template";

/// A name and a version: `answer:3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Template {
    /// Which one.
    pub name: Name,
    /// Which version of it.
    pub version: Name,
}

/// Why a text names no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a template is named as NAME:VERSION, each 1 to 64 characters of A-Z a-z 0-9 . _ @ -")]
pub struct TemplateError;

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, version) = text.split_once(':').ok_or(TemplateError)?;
        let part = |text: &str| text.parse().map_err(|_| TemplateError);
        Ok(Self { name: part(name)?, version: part(version)? })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.version)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_reads_as_it_was_written() {
        let template: Template = "answer:2026-11.b".parse().unwrap();

        assert_eq!(template.to_string(), "answer:2026-11.b");
        let json = serde_json::to_string(&template).unwrap();
        assert_eq!(serde_json::from_str::<Template>(&json).unwrap(), template);
    }

    #[test]
    fn half_a_name_is_none() {
        for text in ["answer", "answer:", ":3", "a:b:c", "an swer:3"] {
            assert_eq!(text.parse::<Template>(), Err(TemplateError), "{text}");
        }
    }
}
