//! What the reconciler is told when it starts.

use tollgate_aws::vars::{VarError, read, require};
use tollgate_aws::vectors::VectorIndex;
use tollgate_core::bypass::Principals;
use tollgate_core::reconcile::Services;

/// The reconciler's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// A dimension of the metrics.
    pub environment: String,
    /// Name of the config table.
    pub config_table: String,
    /// Name of the ledger table.
    pub ledger_table: String,
    /// Name of the limits table.
    pub limits_table: String,
    /// Questions as vectors, where there is a semantic cache.
    pub vectors: Option<VectorIndex>,
    /// Name of the rollups table.
    pub rollups_table: String,
    /// Where metrics go.
    pub metric_namespace: String,
    /// Where an event goes that cannot be read.
    pub dead_letter_queue_url: String,
    /// Who calls models for the gateway.
    pub our_principals: Principals,
    /// The account whose bill is looked at.
    pub account_id: String,
    /// The services of that bill; none where Cost Explorer may not be asked.
    pub cost_services: Option<Services>,
    /// The base address that clients have.
    pub front_door_url: String,
    /// The secret with the canary's key; none where there is no canary.
    pub canary_secret: Option<String>,
    /// The model that the canary calls.
    pub canary_model: String,
}

impl Config {
    /// From the process's environment.
    pub fn from_env() -> Result<Self, VarError> {
        Self::from_vars(read)
    }

    /// From these variables.
    pub fn from_vars(read: impl Fn(&str) -> Option<String>) -> Result<Self, VarError> {
        let optional = |name: &str| read(name).filter(|value| !value.is_empty());
        Ok(Self {
            environment: require(&read, "TOLLGATE_ENVIRONMENT")?,
            config_table: require(&read, "CONFIG_TABLE")?,
            ledger_table: require(&read, "LEDGER_TABLE")?,
            limits_table: require(&read, "LIMITS_TABLE")?,
            vectors: VectorIndex::from_vars(&read)?,
            rollups_table: require(&read, "ROLLUPS_TABLE")?,
            metric_namespace: require(&read, "METRIC_NAMESPACE")?,
            dead_letter_queue_url: require(&read, "DEAD_LETTER_QUEUE_URL")?,
            our_principals: Principals::parse(&require(&read, "OUR_PRINCIPALS")?),
            account_id: require(&read, "ACCOUNT_ID")?,
            cost_services: optional("COST_SERVICES").and_then(|names| Services::parse(&names)),
            front_door_url: require(&read, "FRONT_DOOR_URL")?,
            canary_secret: optional("CANARY_SECRET"),
            canary_model: require(&read, "CANARY_MODEL")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_is_needed() {
        let read = |name: &str| (name != "VECTOR_DIMENSION").then(|| name.to_lowercase());
        for missing in [
            "TOLLGATE_ENVIRONMENT",
            "CONFIG_TABLE",
            "LEDGER_TABLE",
            "LIMITS_TABLE",
            "ROLLUPS_TABLE",
            "METRIC_NAMESPACE",
            "DEAD_LETTER_QUEUE_URL",
            "OUR_PRINCIPALS",
            "ACCOUNT_ID",
            "FRONT_DOOR_URL",
            "CANARY_MODEL",
            "VECTOR_BUCKET",
            "VECTOR_INDEX",
        ] {
            let error = Config::from_vars(|name| read(name).filter(|_| name != missing)).unwrap_err();

            assert_eq!(error.name, missing);
        }
        assert_eq!(Config::from_vars(read).unwrap().vectors.unwrap().index, "vector_index");
    }

    #[test]
    fn without_a_semantic_cache_there_are_no_vectors() {
        let config =
            Config::from_vars(|name| (!name.starts_with("VECTOR_")).then(|| name.to_lowercase())).unwrap();

        assert_eq!(config.vectors, None);
    }

    #[test]
    fn without_a_secret_there_is_no_canary_and_without_services_no_bill() {
        let optional = ["CANARY_SECRET", "COST_SERVICES", "VECTOR_DIMENSION"];
        let config = Config::from_vars(|name| {
            Some(if optional.contains(&name) { String::new() } else { name.to_lowercase() })
        });

        let config = config.unwrap();

        assert_eq!((config.canary_secret, config.cost_services), (None, None));
    }
}
