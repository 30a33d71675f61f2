//! Paths of an API's resources, and which of them a request means.

use std::collections::BTreeMap;
use std::fmt;

/// The order is that of preference: a word before a parameter, a parameter before all the rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Word(String),
    Parameter(String),
    Rest(String),
}

/// A resource's path, such as `/v1/models/{model}` or `/files/{proxy+}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PathPattern(Vec<Segment>);

impl PathPattern {
    pub(super) fn parse(path: &str) -> Self {
        let segment = |text: &str| {
            let name = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
            match name.map(|name| (name, name.strip_suffix('+'))) {
                None => Segment::Word(text.to_owned()),
                Some((name, None)) => Segment::Parameter(name.to_owned()),
                Some((_, Some(name))) => Segment::Rest(name.to_owned()),
            }
        };
        Self(path.split('/').skip(1).map(segment).collect())
    }

    /// The parameters, if the path is of this pattern.
    pub(super) fn matches(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let mut parameters = BTreeMap::new();
        let mut rest = Some(path.strip_prefix('/')?);
        for segment in &self.0 {
            let left = rest?;
            let (word, after) = match left.split_once('/') {
                Some((word, after)) => (word, Some(after)),
                None => (left, None),
            };
            match segment {
                Segment::Word(wanted) if wanted != word => return None,
                Segment::Word(_) => {}
                Segment::Parameter(_) | Segment::Rest(_) if word.is_empty() => return None,
                Segment::Parameter(name) => {
                    parameters.insert(name.clone(), word.to_owned());
                }
                Segment::Rest(name) => {
                    parameters.insert(name.clone(), left.to_owned());
                    return Some(parameters);
                }
            }
            rest = after;
        }
        rest.is_none().then_some(parameters)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                Segment::Word(word) => write!(f, "/{word}")?,
                Segment::Parameter(name) => write!(f, "/{{{name}}}")?,
                Segment::Rest(name) => write!(f, "/{{{name}+}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
        let parameters = PathPattern::parse(pattern).matches(path)?;
        Some(parameters.into_iter().collect())
    }

    fn one(name: &str, value: &str) -> Option<Vec<(String, String)>> {
        Some(vec![(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn matches_words_parameters_and_the_rest() {
        assert_eq!(matched("/v1/models", "/v1/models"), Some(vec![]));
        assert_eq!(matched("/v1/{id}", "/v1/a"), one("id", "a"));
        assert_eq!(matched("/v1/{proxy+}", "/v1/a/b"), one("proxy", "a/b"));
        assert_eq!(matched("/", "/"), Some(vec![]));
    }

    #[test]
    fn matches_nothing_shorter_longer_or_other() {
        let others = ["/v1", "/v1/", "/v1/models/", "/v1/models/x", "/v2/models", "", "/"];

        for other in others {
            assert_eq!(matched("/v1/models", other), None, "{other}");
        }
        assert_eq!(matched("/v1/{id}", "/v1/"), None);
        assert_eq!(matched("/v1/{proxy+}", "/v1"), None);
    }

    #[test]
    fn prefers_a_word_to_a_parameter_and_a_parameter_to_the_rest() {
        let mut patterns = ["/v1/{proxy+}", "/v1/models", "/v1/{id}"].map(PathPattern::parse);

        patterns.sort();

        assert_eq!(patterns.map(|p| p.to_string()), ["/v1/models", "/v1/{id}", "/v1/{proxy+}"]);
    }

    #[test]
    fn is_written_as_it_was_read() {
        for path in ["/", "/v1/models", "/v1/{id}/x", "/{proxy+}"] {
            assert_eq!(PathPattern::parse(path).to_string(), path);
        }
    }
}
