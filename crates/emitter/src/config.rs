//! What the emitter is told when it starts.

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
}
