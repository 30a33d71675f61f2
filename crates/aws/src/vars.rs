//! The environment of a function, read once at start.

/// A variable that a function needs and did not get, or that says nothing it understands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} {fault}")]
pub struct VarError {
    /// Its name.
    pub name: &'static str,
    /// What is wrong.
    pub fault: &'static str,
}

/// A variable's text, not empty.
pub fn require(read: &impl Fn(&str) -> Option<String>, name: &'static str) -> Result<String, VarError> {
    read(name).filter(|value| !value.is_empty()).ok_or(VarError { name, fault: "is not set" })
}

/// A variable as a number, or its default where it is not set.
pub fn number(
    read: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    default: u64,
) -> Result<u64, VarError> {
    match read(name).filter(|value| !value.is_empty()) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| VarError { name, fault: "is no whole number" }),
    }
}

/// Reads the process's environment: what the `from_env` of every configuration passes on.
#[must_use]
pub fn read(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named() {
        let read = |name: &str| match name {
            "EMPTY" => Some(String::new()),
            "DAYS" => Some("ninety".to_owned()),
            _ => None,
        };

        assert_eq!(
            require(&read, "EMPTY").unwrap_err().to_string(),
            "the environment variable EMPTY is not set"
        );
        assert_eq!(number(&read, "NONE", 7), Ok(7));
        assert_eq!(number(&read, "DAYS", 7).unwrap_err().fault, "is no whole number");
    }
}
