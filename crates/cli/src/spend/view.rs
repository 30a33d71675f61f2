//! How spend is shown.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_aws::reports::DaySum;
use tollgate_core::money::Nanos;
use tollgate_core::spend::Scope;
use tollgate_core::time::Day;

use crate::screen::{Column, Table, thousands};
use crate::spend::period::Period;
use crate::usd::Usd;

/// Sums of a scope and period, and of each of its days that had calls.
#[derive(Debug, Serialize)]
pub(crate) struct SpendView {
    scope: String,
    from: Day,
    to: Day,
    #[serde(flatten)]
    total: Sums,
    days: Vec<DayView>,
}

#[derive(Debug, Serialize)]
struct DayView {
    day: Day,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Debug, Default, Serialize)]
struct Sums {
    total_usd: Usd,
    calls: u64,
    tokens: Tokens,
    hits: u64,
    saved_usd: Usd,
    errors: u64,
}

#[derive(Debug, Default, Serialize)]
struct Tokens {
    input: u64,
    output: u64,
    cached: u64,
}

impl SpendView {
    pub(crate) fn of(scope: &Scope, period: Period, days: &[DaySum]) -> Self {
        Self {
            scope: scope.to_string(),
            from: period.first,
            to: period.last,
            total: Sums::of(days),
            days: days
                .iter()
                .map(|sum| DayView { day: sum.day, sums: Sums::of(std::slice::from_ref(sum)) })
                .collect(),
        }
    }
}

impl Sums {
    fn of(days: &[DaySum]) -> Self {
        // A correction that was added before what it corrects makes a sum negative for a moment.
        let sum = |of: fn(&DaySum) -> i64| {
            u64::try_from(days.iter().map(|day| i128::from(of(day))).sum::<i128>()).unwrap_or(0)
        };
        Self {
            total_usd: Usd(Nanos(sum(|day| day.cost_nanos))),
            calls: sum(|day| day.calls),
            tokens: Tokens {
                input: sum(|day| day.tokens_input),
                output: sum(|day| day.tokens_output),
                cached: sum(|day| day.tokens_cached),
            },
            hits: sum(|day| day.hits),
            saved_usd: Usd(Nanos(sum(|day| day.saved_nanos))),
            errors: sum(|day| day.errors),
        }
    }

    fn cells(&self, name: String) -> [String; 9] {
        [
            name,
            self.total_usd.to_string(),
            thousands(self.calls),
            thousands(self.tokens.input),
            thousands(self.tokens.cached),
            thousands(self.tokens.output),
            thousands(self.hits),
            self.saved_usd.to_string(),
            thousands(self.errors),
        ]
    }
}

impl Display for SpendView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} to {}\n", self.scope, self.from, self.to)?;
        if self.days.is_empty() {
            return writeln!(f, "No calls.");
        }
        let numbers = ["SPENT", "CALLS", "INPUT", "CACHED", "OUTPUT", "HITS", "SAVED", "ERRORS"];
        let mut columns = vec![Column::Left("DAY")];
        columns.extend(numbers.map(Column::Right));
        let mut table = Table::new(columns);
        for day in &self.days {
            table.push(day.sums.cells(day.day.to_string()));
        }
        table.push(self.total.cells("total".to_owned()));
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str, cost_nanos: i64) -> DaySum {
        DaySum {
            day: text.parse().unwrap(),
            calls: 1_200,
            tokens_input: 80_000,
            tokens_output: 9_000,
            tokens_cached: 500,
            cost_nanos,
            hits: 3,
            saved_nanos: 10,
            saved_tokens: 0,
            last_us: None,
            errors: 1,
        }
    }

    fn view(days: &[DaySum]) -> SpendView {
        let period = Period { first: "2026-11-01".parse().unwrap(), last: "2026-11-22".parse().unwrap() };
        SpendView::of(&Scope::Organisation, period, days)
    }

    #[test]
    fn days_are_listed_and_summed_to_the_nano_dollar() {
        let view = view(&[day("2026-11-02", 1_500_000_001), day("2026-11-20", 20_000_000_000)]);

        insta::assert_snapshot!(view, @"
        org, 2026-11-01 to 2026-11-22

        DAY                 SPENT  CALLS    INPUT  CACHED  OUTPUT  HITS        SAVED  ERRORS
        2026-11-02   $1.500000001  1,200   80,000     500   9,000     3  $0.00000001       1
        2026-11-20         $20.00  1,200   80,000     500   9,000     3  $0.00000001       1
        total       $21.500000001  2,400  160,000   1,000  18,000     6  $0.00000002       2
        ");
    }

    #[test]
    fn machines_get_decimal_dollars_and_counts() {
        insta::assert_json_snapshot!(view(&[day("2026-11-20", 20_000_000_000)]), @r#"
        {
          "scope": "org",
          "from": "2026-11-01",
          "to": "2026-11-22",
          "total_usd": "20",
          "calls": 1200,
          "tokens": {
            "input": 80000,
            "output": 9000,
            "cached": 500
          },
          "hits": 3,
          "saved_usd": "0.00000001",
          "errors": 1,
          "days": [
            {
              "day": "2026-11-20",
              "total_usd": "20",
              "calls": 1200,
              "tokens": {
                "input": 80000,
                "output": 9000,
                "cached": 500
              },
              "hits": 3,
              "saved_usd": "0.00000001",
              "errors": 1
            }
          ]
        }
        "#);
    }

    #[test]
    fn a_period_without_calls_says_so() {
        insta::assert_snapshot!(view(&[]), @"
        org, 2026-11-01 to 2026-11-22

        No calls.
        ");
    }

    #[test]
    fn a_correction_lowers_the_sum_and_never_below_nothing() {
        assert_eq!(view(&[day("2026-11-02", 5), day("2026-11-03", -2)]).total.total_usd, Usd(Nanos(3)));
        assert_eq!(view(&[day("2026-11-02", -2)]).total.total_usd, Usd(Nanos(0)));
    }
}
