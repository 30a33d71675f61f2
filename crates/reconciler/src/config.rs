//! What the reconciler is told when it starts.

use tollgate_aws::vars::{VarError, read, require};

/// The reconciler's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Name of the ledger table.
    pub ledger_table: String,
    /// Name of the limits table.
    pub limits_table: String,
}

impl Config {
    /// From the process's environment.
    pub fn from_env() -> Result<Self, VarError> {
        Self::from_vars(read)
    }

    /// From these variables.
    pub fn from_vars(read: impl Fn(&str) -> Option<String>) -> Result<Self, VarError> {
        Ok(Self {
            ledger_table: require(&read, "LEDGER_TABLE")?,
            limits_table: require(&read, "LIMITS_TABLE")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_is_needed() {
        for missing in ["LEDGER_TABLE", "LIMITS_TABLE"] {
            let error = Config::from_vars(|name| (name != missing).then(|| name.to_lowercase())).unwrap_err();

            assert_eq!(error.name, missing);
        }
        assert!(Config::from_vars(|name| Some(name.to_owned())).is_ok());
    }
}
