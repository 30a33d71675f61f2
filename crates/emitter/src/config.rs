//! What the readers of the ledger's stream are told when they start.

use tollgate_aws::vars::{VarError, read, require};

/// The emitter's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// A dimension of the metrics.
    pub environment: String,
    /// Name of the rollups table.
    pub rollups_table: String,
    /// Where metrics go.
    pub metric_namespace: String,
    /// Bucket for entries of the stream that cannot be counted.
    pub failed_records_bucket: String,
}

impl Config {
    /// From the process's environment.
    pub fn from_env() -> Result<Self, VarError> {
        Self::from_vars(read)
    }

    /// From these variables.
    pub fn from_vars(read: impl Fn(&str) -> Option<String>) -> Result<Self, VarError> {
        Ok(Self {
            environment: require(&read, "TOLLGATE_ENVIRONMENT")?,
            rollups_table: require(&read, "ROLLUPS_TABLE")?,
            metric_namespace: require(&read, "METRIC_NAMESPACE")?,
            failed_records_bucket: require(&read, "FAILED_RECORDS_BUCKET")?,
        })
    }
}

/// The configuration of the function that moves breakers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthConfig {
    /// Which deployment this is.
    pub environment: String,
    /// Where breakers are, and the catalogue that says how they move.
    pub config_table: String,
    /// Where outcomes are.
    pub rollups_table: String,
    /// Where metrics go.
    pub metric_namespace: String,
}

impl HealthConfig {
    /// From the process's environment.
    pub fn from_env() -> Result<Self, VarError> {
        Self::from_vars(read)
    }

    /// From these variables.
    pub fn from_vars(read: impl Fn(&str) -> Option<String>) -> Result<Self, VarError> {
        Ok(Self {
            environment: require(&read, "TOLLGATE_ENVIRONMENT")?,
            config_table: require(&read, "CONFIG_TABLE")?,
            rollups_table: require(&read, "ROLLUPS_TABLE")?,
            metric_namespace: require(&read, "METRIC_NAMESPACE")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_is_needed() {
        for missing in ["TOLLGATE_ENVIRONMENT", "ROLLUPS_TABLE", "METRIC_NAMESPACE", "FAILED_RECORDS_BUCKET"]
        {
            let error = Config::from_vars(|name| (name != missing).then(|| name.to_lowercase())).unwrap_err();

            assert_eq!(error.name, missing);
        }
        assert!(Config::from_vars(|name| Some(name.to_owned())).is_ok());
    }

    #[test]
    fn whoever_moves_breakers_needs_the_catalogue_too() {
        for missing in ["CONFIG_TABLE", "ROLLUPS_TABLE", "METRIC_NAMESPACE"] {
            let error =
                HealthConfig::from_vars(|name| (name != missing).then(|| name.to_lowercase())).unwrap_err();

            assert_eq!(error.name, missing);
        }
    }
}
