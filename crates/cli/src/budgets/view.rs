//! How budgets are shown: a line for each limit.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_core::budget::{Budget, Mode};
use tollgate_core::money::Nanos;
use tollgate_core::spend::{Measure, Spent, Window};

use crate::screen::{Column, Table};
use crate::usd::Usd;

/// All limits.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct BudgetList(pub(crate) Vec<Row>);

/// One limit. Amounts are nano-dollars or tokens.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    scope: String,
    window: Window,
    measure: Measure,
    limit: u64,
    /// Settled, reserved, or in escrow.
    used: u64,
    mode: Mode,
}

impl Row {
    /// The limits of one scope.
    pub(crate) fn of(scope: &str, budget: &Budget, spent: &Spent) -> Vec<Self> {
        let windows = [Window::Day, Window::Month];
        let each =
            windows.into_iter().flat_map(|window| [(window, Measure::Money), (window, Measure::Tokens)]);
        let row = |(window, measure)| {
            let limit = budget.limit(window, measure)?;
            let used = spent.of(window).of(measure);
            Some(Self { scope: scope.to_owned(), window, measure, limit, used, mode: budget.mode })
        };
        each.filter_map(row).collect()
    }

    fn amount(&self, amount: u64) -> String {
        match self.measure {
            Measure::Money => Usd(Nanos(amount)).to_string(),
            Measure::Tokens => format!("{amount} tokens"),
        }
    }
}

impl Display for BudgetList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "No limits above those of keys.");
        }
        let [scope, window, mode] = ["SCOPE", "WINDOW", "MODE"].map(Column::Left);
        let [limit, used, left] = ["LIMIT", "USED", "LEFT"].map(Column::Right);
        let mut table = Table::new([scope, window, limit, used, left, mode]);
        for row in &self.0 {
            let window = match row.window {
                Window::Day => "day",
                Window::Month => "month",
            };
            let mode = match row.mode {
                Mode::Hard => "hard",
                Mode::Shadow => "shadow",
            };
            let left = row.limit.saturating_sub(row.used);
            let [limit, used, left] = [row.limit, row.used, left].map(|amount| row.amount(amount));
            table.push([row.scope.clone(), window.to_owned(), limit, used, left, mode.to_owned()]);
        }
        write!(f, "{table}")?;
        writeln!(f, "Used is what calls have cost or reserved, and what lies in escrow for the next ones.")
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::budget::Amount;

    use super::*;

    #[test]
    fn each_limit_is_a_line() {
        let budget = Budget {
            day: Some(Nanos(5_000_000_000)),
            month_tokens: Some(1_000),
            mode: Mode::Shadow,
            ..Budget::UNLIMITED
        };
        let amount = Amount { nanos: Nanos(1_250_000_000), tokens: 1_200 };
        let rows = Row::of("team#acme/search", &budget, &Spent { day: amount, month: amount });

        insta::assert_snapshot!(BudgetList(rows), @r"
        SCOPE             WINDOW        LIMIT         USED      LEFT  MODE
        team#acme/search  day           $5.00        $1.25     $3.75  shadow
        team#acme/search  month   1000 tokens  1200 tokens  0 tokens  shadow
        Used is what calls have cost or reserved, and what lies in escrow for the next ones.
        ");
        insta::assert_snapshot!(BudgetList(Vec::new()), @"No limits above those of keys.");
    }
}
