//! What is looked at from time to time, and belongs to no single call. All of it is of the environment as a whole.

use super::{Datum, Unit, decimal, minute};
use crate::time::Timestamp;

/// One such figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gauge {
    /// Nano-dollars that the organisation will have spent when the month ends.
    ForecastMonth,
    /// Tokens by which the ledger and the provider's own count of a day differ, whichever way, over all models.
    TokensDifference,
    /// Nano-dollars of a day that AWS bills beyond what the ledger charged; below zero where it bills less.
    CostDifference,
    /// Model calls of principals that are not ours.
    BypassCalls,
    /// Whether the canary's call failed, 1 or 0.
    CanaryFailures,
    /// Microseconds until the canary was answered.
    CanaryLatency,
}

impl Gauge {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ForecastMonth,
        Self::TokensDifference,
        Self::CostDifference,
        Self::BypassCalls,
        Self::CanaryFailures,
        Self::CanaryLatency,
    ];

    /// The metric's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.form().0
    }

    /// What is put where it shows `amount` at `now`.
    #[must_use]
    pub fn datum(self, environment: &str, amount: i128, now: Timestamp) -> Datum {
        let (name, unit, decimals) = self.form();
        Datum {
            name,
            dimensions: vec![("Environment", environment.to_owned())],
            minute: minute(now),
            unit,
            values: vec![decimal(amount, decimals)],
            counts: vec![1.0],
        }
    }

    /// Name, unit, and the decimals of the integer.
    const fn form(self) -> (&'static str, Unit, u32) {
        match self {
            Self::ForecastMonth => ("Cost.Forecast.Month", Unit::None, 9),
            Self::TokensDifference => ("Reconcile.Tokens.Difference", Unit::Count, 0),
            Self::CostDifference => ("Reconcile.Cost.Difference", Unit::None, 9),
            Self::BypassCalls => ("Bypass.Calls.Count", Unit::Count, 0),
            Self::CanaryFailures => ("Canary.Failures.Count", Unit::Count, 0),
            Self::CanaryLatency => ("Canary.Latency", Unit::Milliseconds, 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_of_the_environment_and_in_the_unit_of_people() {
        let now = Timestamp::from_secs(1_795_339_859);

        let data = Gauge::ALL.map(|gauge| gauge.datum("prod", -1_234_567, now));

        let shown: Vec<_> = data.iter().map(|datum| (datum.name, datum.unit, datum.values[0])).collect();
        assert_eq!(
            shown,
            [
                ("Cost.Forecast.Month", Unit::None, -0.001_234_567),
                ("Reconcile.Tokens.Difference", Unit::Count, -1_234_567.0),
                ("Reconcile.Cost.Difference", Unit::None, -0.001_234_567),
                ("Bypass.Calls.Count", Unit::Count, -1_234_567.0),
                ("Canary.Failures.Count", Unit::Count, -1_234_567.0),
                ("Canary.Latency", Unit::Milliseconds, -1_234.567),
            ]
        );
        let environment = vec![("Environment", "prod".to_owned())];
        let is_right = |datum: &Datum| {
            datum.dimensions == environment && datum.minute == Timestamp::from_secs(1_795_339_800)
        };
        assert!(data.iter().all(is_right));
    }
}
