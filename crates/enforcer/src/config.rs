//! The function's environment, checked at start.

use tollgate_aws::vars::{VarError, number, read, require};

/// What the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The flag and the head.
    pub config_table: String,
    /// Where a notice goes that cannot be read.
    pub dead_letter_queue_url: String,
    /// The share of a budget at which a notice stops calls.
    pub stop_at_percent: u64,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, VarError> {
        Self::from_vars(read)
    }

    /// Reads variables, and names the one that is wrong.
    pub fn from_vars(read: impl Fn(&str) -> Option<String>) -> Result<Self, VarError> {
        let stop_at_percent = number(&read, "STOP_AT_PERCENT", 100)?;
        if !(1..=1_000).contains(&stop_at_percent) {
            return Err(VarError { name: "STOP_AT_PERCENT", fault: "is not from 1 to 1000" });
        }
        Ok(Self {
            config_table: require(&read, "CONFIG_TABLE")?,
            dead_letter_queue_url: require(&read, "DEAD_LETTER_QUEUE_URL")?,
            stop_at_percent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(changed: &str, value: &str) -> Result<Config, VarError> {
        Config::from_vars(|name| match name {
            _ if name == changed => Some(value.to_owned()),
            "CONFIG_TABLE" => Some("config".to_owned()),
            "DEAD_LETTER_QUEUE_URL" => Some("https://queue".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn a_whole_budget_stops_unless_said_otherwise() {
        let expected = Config {
            config_table: "config".to_owned(),
            dead_letter_queue_url: "https://queue".to_owned(),
            stop_at_percent: 100,
        };

        assert_eq!(vars("STOP_AT_PERCENT", ""), Ok(expected.clone()));
        assert_eq!(vars("STOP_AT_PERCENT", "80"), Ok(Config { stop_at_percent: 80, ..expected }));
    }

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named() {
        for name in ["CONFIG_TABLE", "DEAD_LETTER_QUEUE_URL"] {
            assert_eq!(vars(name, "").unwrap_err().name, name);
        }
        for value in ["0", "1001", "-1", "most"] {
            assert_eq!(vars("STOP_AT_PERCENT", value).unwrap_err().name, "STOP_AT_PERCENT", "{value}");
        }
    }
}
