//! The function's environment, checked at start.

use tollgate_aws::locks::{Lockable, parse_plans};
use tollgate_aws::vars::{VarError, number, read, require};

/// What the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The flag and the head.
    pub config_table: String,
    /// Where a notice goes that cannot be read.
    pub dead_letter_queue_url: String,
    /// The share of a budget that no policy names at which a notice stops calls.
    pub stop_at_percent: u64,
    /// Where people are told.
    pub alerts_topic_arn: String,
    /// Where unreadable notices are counted.
    pub metric_namespace: String,
    /// Which deployment this is.
    pub environment: String,
    /// What the last grade takes away.
    pub lockable: Lockable,
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
            alerts_topic_arn: require(&read, "ALERTS_TOPIC_ARN")?,
            metric_namespace: require(&read, "METRIC_NAMESPACE")?,
            environment: require(&read, "TOLLGATE_ENVIRONMENT")?,
            lockable: lockable(&read)?,
        })
    }
}

fn lockable(read: &impl Fn(&str) -> Option<String>) -> Result<Lockable, VarError> {
    let plans = parse_plans(&require(read, "USAGE_PLANS")?);
    let fault = "is no list such as ID=RATE/BURST,ID=RATE/BURST";
    Ok(Lockable {
        role_arn: require(read, "LOCK_ROLE_ARN")?,
        invoke_role: require(read, "INVOKE_ROLE_NAME")?,
        deny_policy_arn: require(read, "DENY_POLICY_ARN")?,
        plans: plans.map_err(|_| VarError { name: "USAGE_PLANS", fault })?,
        keys_table: require(read, "KEYS_TABLE")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARS: [(&str, &str); 10] = [
        ("CONFIG_TABLE", "config"),
        ("DEAD_LETTER_QUEUE_URL", "https://queue"),
        ("ALERTS_TOPIC_ARN", "arn:alerts"),
        ("METRIC_NAMESPACE", "Tollgate"),
        ("TOLLGATE_ENVIRONMENT", "dev"),
        ("USAGE_PLANS", "abc=200/400"),
        ("LOCK_ROLE_ARN", "arn:lock"),
        ("INVOKE_ROLE_NAME", "invoke"),
        ("DENY_POLICY_ARN", "arn:deny"),
        ("KEYS_TABLE", "keys"),
    ];

    fn vars(changed: &str, value: &str) -> Result<Config, VarError> {
        Config::from_vars(|name| {
            let found = VARS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            if name == changed { Some(value.to_owned()) } else { found }
        })
    }

    #[test]
    fn a_whole_budget_stops_unless_said_otherwise() {
        assert_eq!(vars("STOP_AT_PERCENT", "").unwrap().stop_at_percent, 100);
        assert_eq!(vars("STOP_AT_PERCENT", "80").unwrap().stop_at_percent, 80);
        assert_eq!(vars("", "").unwrap().lockable.plans, parse_plans("abc=200/400").unwrap());
    }

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named() {
        for (name, _) in VARS {
            assert_eq!(vars(name, "").unwrap_err().name, name);
        }
        assert_eq!(vars("USAGE_PLANS", "abc").unwrap_err().name, "USAGE_PLANS");
        for value in ["0", "1001", "-1", "most"] {
            assert_eq!(vars("STOP_AT_PERCENT", value).unwrap_err().name, "STOP_AT_PERCENT", "{value}");
        }
    }
}
