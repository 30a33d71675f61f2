//! Calls that are refused before they have a record. Whoever refuses one says so in its log line, in `CloudWatch`'s
//! embedded metric format: it waits for no request, and costs no more than the line that is written anyway.

use serde_json::{Value, json};

use super::team;
use crate::name::Name;
use crate::time::Timestamp;

/// What refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brake {
    /// A rate: requests, tokens per minute, or calls at the same time.
    Rate,
    /// A budget, or the stop of all calls.
    Budget,
}

impl Brake {
    /// The metric that counts it.
    #[must_use]
    pub const fn metric(self) -> &'static str {
        match self {
            Self::Rate => "RateLimited.Count",
            Self::Budget => "Budget.Refused.Count",
        }
    }
}

/// Counts refused calls, per environment and per team.
#[derive(Clone, Debug)]
pub struct Refusals {
    /// Where metrics go.
    pub namespace: String,
    /// The dimension of the totals.
    pub environment: String,
    /// Writes a line to the function's log.
    pub write: fn(&str),
}

impl Refusals {
    /// Writes the one line of a refused call: its fields, as every log line has them, and the metric.
    pub fn count(&self, brake: Brake, (tenant, of): (&Name, &Name), now: Timestamp, fields: &Value) {
        (self.write)(&self.line(brake, &team(tenant, of), now, fields));
    }

    fn line(&self, brake: Brake, team: &str, now: Timestamp, fields: &Value) -> String {
        let metric = brake.metric();
        let directive = json!({
            "Namespace": self.namespace,
            "Dimensions": [["Environment"], ["Team"]],
            "Metrics": [{"Name": metric, "Unit": "Count"}],
        });
        let line = json!({
            "level": "INFO",
            "fields": fields,
            "_aws": {"Timestamp": now.as_micros() / 1_000, "CloudWatchMetrics": [directive]},
            "Environment": self.environment,
            "Team": team,
            metric: 1,
        });
        line.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line_that_counts_itself() {
        let refusals =
            Refusals { namespace: "Tollgate".to_owned(), environment: "prod".to_owned(), write: |_| {} };
        let now = Timestamp::from_secs(1_795_348_859);
        let fields = json!({"message": "call.refused", "code": "insufficient_quota"});

        let line = refusals.line(Brake::Budget, "acme/ads", now, &fields);

        assert!(!line.contains('\n'));
        let said: Value = serde_json::from_str(&line).unwrap();
        let metrics = json!([{
            "Namespace": "Tollgate",
            "Dimensions": [["Environment"], ["Team"]],
            "Metrics": [{"Name": "Budget.Refused.Count", "Unit": "Count"}],
        }]);
        assert_eq!(
            said,
            json!({
                "level": "INFO", "fields": fields, "Environment": "prod", "Team": "acme/ads",
                "Budget.Refused.Count": 1,
                "_aws": {"Timestamp": 1_795_348_859_000_u64, "CloudWatchMetrics": metrics},
            })
        );
    }
}
