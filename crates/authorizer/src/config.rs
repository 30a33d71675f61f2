//! The function's environment, checked at start.

use tollgate_aws::vars::{VarError, read, require};

use crate::costs::Costs;

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
    /// What a call costs of its rate.
    pub costs: Costs,
    /// What the values of the API keys of the plan tiers begin with; the tier's name follows.
    pub usage_key_prefix: String,
    /// Where metrics go.
    pub metric_namespace: String,
    /// A dimension of the metrics.
    pub environment: String,
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
        let costs = Costs::parse(&read("COST_UNITS").unwrap_or_default())
            .map_err(|fault| VarError { name: "COST_UNITS", fault })?;
        Ok(Self {
            keys_table: require(&read, "KEYS_TABLE")?,
            limits_table: require(&read, "LIMITS_TABLE")?,
            pepper_arn: require(&read, "KEY_PEPPER_SECRET_ARN")?,
            refusal,
            costs,
            usage_key_prefix: require(&read, "USAGE_KEY_PREFIX")?,
            metric_namespace: require(&read, "METRIC_NAMESPACE")?,
            environment: require(&read, "TOLLGATE_ENVIRONMENT")?,
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
            "USAGE_KEY_PREFIX" => Some("tollgate-123456789012-".to_owned()),
            "METRIC_NAMESPACE" | "TOLLGATE_ENVIRONMENT" => Some(name.to_lowercase()),
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
            costs: Costs::default(),
            usage_key_prefix: "tollgate-123456789012-".to_owned(),
            metric_namespace: "metric_namespace".to_owned(),
            environment: "tollgate_environment".to_owned(),
        };

        assert_eq!(vars("REFUSAL", "deny"), Ok(expected.clone()));
        assert_eq!(vars("REFUSAL", ""), Ok(expected.clone()));
        assert_eq!(vars("REFUSAL", "context"), Ok(Config { refusal: Refusal::Context, ..expected }));
    }

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named() {
        let needed = [
            "KEYS_TABLE",
            "LIMITS_TABLE",
            "KEY_PEPPER_SECRET_ARN",
            "USAGE_KEY_PREFIX",
            "METRIC_NAMESPACE",
            "TOLLGATE_ENVIRONMENT",
        ];
        for name in needed {
            assert_eq!(vars(name, "").unwrap_err().name, name);
        }
        assert_eq!(vars("REFUSAL", "maybe").unwrap_err().name, "REFUSAL");
        let error = vars("COST_UNITS", "POST /v1/responses=none").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable COST_UNITS has an entry whose units are no whole number from 1 to 4294967295"
        );
    }

    #[test]
    fn costs_are_read_at_start() {
        let config = vars("COST_UNITS", "POST /v1/responses=2").unwrap();

        assert_eq!(config.costs, Costs::parse("POST /v1/responses=2").unwrap());
    }

    /// Another value, or none, would be 403 for every call of the tier.
    #[test]
    fn the_template_has_an_api_key_for_each_plan_under_the_prefix() {
        let template = include_str!("../../../template.yaml");

        assert!(template.contains("USAGE_KEY_PREFIX: !Sub ${AWS::StackName}-${AWS::AccountId}-\n"));
        for plan in tollgate_core::caller::PLANS {
            let value = format!("Value: !Sub ${{AWS::StackName}}-${{AWS::AccountId}}-{plan}\n");
            assert!(template.contains(&value), "{value}");
        }
    }
}
