//! The function's environment, checked at start.

use tollgate_aws::vars::{VarError, read, require};

/// What the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Keys by their hash.
    pub keys_table: String,
    /// Rates.
    pub limits_table: String,
    /// The secret that keys the hash.
    pub pepper_arn: String,
    /// How a call over its rate is refused.
    pub refusal: Refusal,
}

/// How a call over its rate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// By a Deny, which the gateway response of `ACCESS_DENIED` turns into 429.
    Deny,
    /// By an Allow whose context holds the verdict, which invoke answers.
    Context,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, VarError> {
        Self::from_vars(read)
    }

    /// Reads variables, and names the one that is wrong.
    pub fn from_vars(read: impl Fn(&str) -> Option<String>) -> Result<Self, VarError> {
        let refusal = match read("REFUSAL").as_deref() {
            None | Some("" | "deny") => Refusal::Deny,
            Some("context") => Refusal::Context,
            Some(_) => return Err(VarError { name: "REFUSAL", fault: "is neither deny nor context" }),
        };
        Ok(Self {
            keys_table: require(&read, "KEYS_TABLE")?,
            limits_table: require(&read, "LIMITS_TABLE")?,
            pepper_arn: require(&read, "KEY_PEPPER_SECRET_ARN")?,
            refusal,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(changed: &str, value: &str) -> Result<Config, VarError> {
        Config::from_vars(|name| match name {
            _ if name == changed => Some(value.to_owned()),
            "KEYS_TABLE" => Some("keys".to_owned()),
            "LIMITS_TABLE" => Some("limits".to_owned()),
            "KEY_PEPPER_SECRET_ARN" => Some("arn:pepper".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn a_refusal_is_a_deny_unless_said_otherwise() {
        let expected = Config {
            keys_table: "keys".to_owned(),
            limits_table: "limits".to_owned(),
            pepper_arn: "arn:pepper".to_owned(),
            refusal: Refusal::Deny,
        };

        assert_eq!(vars("REFUSAL", "deny"), Ok(expected.clone()));
        assert_eq!(vars("REFUSAL", ""), Ok(expected.clone()));
        assert_eq!(vars("REFUSAL", "context"), Ok(Config { refusal: Refusal::Context, ..expected }));
    }

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named() {
        for name in ["KEYS_TABLE", "LIMITS_TABLE", "KEY_PEPPER_SECRET_ARN"] {
            assert_eq!(vars(name, "").unwrap_err().name, name);
        }
        assert_eq!(vars("REFUSAL", "maybe").unwrap_err().name, "REFUSAL");
    }
}
