//! What the reconciler is told when it starts.

use tollgate_aws::vars::{VarError, read, require};
use tollgate_aws::vectors::VectorIndex;

/// The reconciler's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Name of the ledger table.
    pub ledger_table: String,
    /// Name of the limits table.
    pub limits_table: String,
    /// Questions as vectors, where there is a semantic cache.
    pub vectors: Option<VectorIndex>,
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
            vectors: VectorIndex::from_vars(&read)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_is_needed() {
        let read = |name: &str| (name != "VECTOR_DIMENSION").then(|| name.to_lowercase());
        for missing in ["LEDGER_TABLE", "LIMITS_TABLE", "VECTOR_BUCKET", "VECTOR_INDEX"] {
            let error = Config::from_vars(|name| read(name).filter(|_| name != missing)).unwrap_err();

            assert_eq!(error.name, missing);
        }
        assert_eq!(Config::from_vars(read).unwrap().vectors.unwrap().index, "vector_index");
    }

    #[test]
    fn without_a_semantic_cache_there_are_no_vectors() {
        let config = Config::from_vars(|name| name.ends_with("_TABLE").then(|| name.to_lowercase())).unwrap();

        assert_eq!(config.vectors, None);
    }
}
