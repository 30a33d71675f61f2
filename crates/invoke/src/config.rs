//! The function's environment, checked at start.

use std::time::Duration;

use tollgate_aws::vars::{VarError, number, read, require};
use tollgate_aws::vectors::VectorIndex;

/// What the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Flag, catalogue, prices, routing, tenants.
    pub config_table: String,
    /// Spend.
    pub limits_table: String,
    /// Answers.
    pub cache_table: String,
    /// Calls.
    pub ledger_table: String,
    /// Where answers are cached.
    pub cache_store: CacheStore,
    /// Questions as vectors; without it there is no semantic cache.
    pub vectors: Option<VectorIndex>,
    /// Large answers; without it they are not kept.
    pub answers_bucket: Option<String>,
    /// How long a ledger record is kept.
    pub retention_days: u64,
    /// How long an answer is served from the cache; not at all where zero.
    pub cache_ttl: Duration,
    /// When a call is settled.
    pub settle: Settle,
    /// Stands in for the hosts of the catalogue on a laptop.
    pub provider_endpoint: Option<String>,
    /// Whether providers may be at private addresses: on premises, for example.
    pub allow_private_providers: bool,
    /// Secrets with providers' keys that are fetched at start.
    pub provider_secrets: Vec<String>,
    /// Where Lambda's X-Ray daemon listens.
    pub xray_daemon: Option<String>,
    /// Where metrics go.
    pub metric_namespace: String,
    /// A dimension of the metrics.
    pub environment: String,
}

/// Where answers are cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheStore {
    /// In the cache table.
    Dynamo,
    /// In `ElastiCache` for Valkey, entered by the function's own role.
    Valkey {
        /// `host:port` of the cluster's configuration endpoint.
        endpoint: String,
        /// The replication group.
        cache_name: String,
        /// The user that IAM lets in.
        user: String,
    },
}

/// When a call is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// After the answer, while the internal extension holds the environment.
    AfterAnswer,
    /// Before the end of the answer's body.
    BeforeEnd,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, VarError> {
        Self::from_vars(read)
    }

    /// Reads variables, and names the one that is wrong.
    pub fn from_vars(read: impl Fn(&str) -> Option<String>) -> Result<Self, VarError> {
        let settle = match read("SETTLE").as_deref() {
            None | Some("" | "after_answer") => Settle::AfterAnswer,
            Some("before_end") => Settle::BeforeEnd,
            Some(_) => {
                return Err(VarError { name: "SETTLE", fault: "is neither after_answer nor before_end" });
            }
        };
        Ok(Self {
            config_table: require(&read, "CONFIG_TABLE")?,
            limits_table: require(&read, "LIMITS_TABLE")?,
            cache_table: require(&read, "CACHE_TABLE")?,
            ledger_table: require(&read, "LEDGER_TABLE")?,
            cache_store: cache_store(&read)?,
            vectors: VectorIndex::from_vars(&read)?,
            answers_bucket: read("ANSWERS_BUCKET").filter(|name| !name.is_empty()),
            retention_days: number(&read, "LEDGER_RETENTION_DAYS", 400)?,
            cache_ttl: Duration::from_secs(number(&read, "CACHE_TTL_SECS", 3_600)?),
            settle,
            provider_endpoint: stand_in(&read)?,
            allow_private_providers: match read("ALLOW_PRIVATE_PROVIDERS").as_deref() {
                None | Some("" | "false") => false,
                Some("true") => true,
                Some(_) => {
                    return Err(VarError {
                        name: "ALLOW_PRIVATE_PROVIDERS",
                        fault: "is neither true nor false",
                    });
                }
            },
            provider_secrets: read("PROVIDER_SECRETS").as_deref().map(list).unwrap_or_default(),
            xray_daemon: read("AWS_XRAY_DAEMON_ADDRESS"),
            metric_namespace: require(&read, "METRIC_NAMESPACE")?,
            environment: require(&read, "TOLLGATE_ENVIRONMENT")?,
        })
    }
}

fn cache_store(read: &impl Fn(&str) -> Option<String>) -> Result<CacheStore, VarError> {
    match read("CACHE_STORE").as_deref() {
        None | Some("" | "dynamodb") => Ok(CacheStore::Dynamo),
        Some("valkey") => Ok(CacheStore::Valkey {
            endpoint: require(read, "VALKEY_ENDPOINT")?,
            cache_name: require(read, "VALKEY_CACHE_NAME")?,
            user: require(read, "VALKEY_USER")?,
        }),
        Some(_) => Err(VarError { name: "CACHE_STORE", fault: "is neither dynamodb nor valkey" }),
    }
}

/// The stand-in gets keys and signatures of every provider, so it is on this machine or nowhere.
fn stand_in(read: impl Fn(&str) -> Option<String>) -> Result<Option<String>, VarError> {
    const NAME: &str = "PROVIDER_ENDPOINT";
    let Some(url) = read(NAME).filter(|url| !url.is_empty()) else { return Ok(None) };
    let is_here =
        ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|here| url.starts_with(here));
    if is_here && !url.contains('@') {
        Ok(Some(url))
    } else {
        Err(VarError { name: NAME, fault: "is not on this machine" })
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(changed: (&str, &str)) -> Result<Config, VarError> {
        Config::from_vars(|name| match name {
            _ if name == changed.0 => Some(changed.1.to_owned()),
            "CONFIG_TABLE" | "LIMITS_TABLE" | "CACHE_TABLE" | "LEDGER_TABLE" => Some(name.to_lowercase()),
            "METRIC_NAMESPACE" | "TOLLGATE_ENVIRONMENT" => Some(name.to_lowercase()),
            _ => None,
        })
    }

    #[test]
    fn tables_are_required_and_the_rest_has_defaults() {
        let config = vars(("", "")).unwrap();

        assert_eq!(config.ledger_table, "ledger_table");
        assert_eq!((config.retention_days, config.settle), (400, Settle::AfterAnswer));
        assert_eq!(config.vectors, None);
        assert_eq!(vars(("LEDGER_TABLE", "")).unwrap_err().name, "LEDGER_TABLE");
        assert_eq!(vars(("PROVIDER_SECRETS", "a, b,")).unwrap().provider_secrets, ["a", "b"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(vars(("ALLOW_PRIVATE_PROVIDERS", "yes")).unwrap_err().name, "ALLOW_PRIVATE_PROVIDERS");
        for elsewhere in
            ["https://example.com", "http://127.0.0.1.example.com", "http://127.0.0.1:x@example.com"]
        {
            assert_eq!(vars(("PROVIDER_ENDPOINT", elsewhere)).unwrap_err().name, "PROVIDER_ENDPOINT");
        }
        assert!(vars(("PROVIDER_ENDPOINT", "http://127.0.0.1:9002")).is_ok());
        assert_eq!(vars(("SETTLE", "never")).unwrap_err().name, "SETTLE");
        assert_eq!(vars(("CACHE_STORE", "memcached")).unwrap_err().name, "CACHE_STORE");
        assert_eq!(vars(("CACHE_STORE", "valkey")).unwrap_err().name, "VALKEY_ENDPOINT");
        assert_eq!(vars(("CACHE_TTL_SECS", "1h")).unwrap_err().name, "CACHE_TTL_SECS");
        assert_eq!(vars(("VECTOR_BUCKET", "b")).unwrap_err().name, "VECTOR_INDEX");
        assert_eq!(vars(("VECTOR_INDEX", "i")).unwrap_err().name, "VECTOR_BUCKET");
    }
}
