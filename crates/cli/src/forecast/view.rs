//! How forecasts are shown.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_aws::outlook::Prospect;
use tollgate_core::forecast::Method;
use tollgate_core::time::Day;

use crate::screen::{Column, Table};
use crate::usd::Usd;

/// Forecasts of one month.
#[derive(Debug, Serialize)]
pub(crate) struct ForecastView {
    month: String,
    as_of: Day,
    forecasts: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    scope: String,
    settled_usd: Usd,
    month_end_usd: Usd,
    method: Method,
    days: u64,
}

impl ForecastView {
    pub(crate) fn of(prospects: &[Prospect], today: Day) -> Self {
        let row = |Prospect { scope, forecast }: &Prospect| Row {
            scope: scope.to_string(),
            settled_usd: Usd(forecast.settled),
            month_end_usd: Usd(forecast.month_end),
            method: forecast.method,
            days: forecast.days,
        };
        Self { month: today.month(), as_of: today, forecasts: prospects.iter().map(row).collect() }
    }
}

impl Display for ForecastView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, as of {}\n", self.month, self.as_of)?;
        let mut table = Table::new([
            Column::Left("SCOPE"),
            Column::Right("SETTLED"),
            Column::Right("MONTH END"),
            Column::Left("METHOD"),
            Column::Right("DAYS"),
        ]);
        for row in &self.forecasts {
            table.push([
                row.scope.clone(),
                row.settled_usd.to_string(),
                row.month_end_usd.to_string(),
                row.method.to_string(),
                row.days.to_string(),
            ]);
        }
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::forecast::Forecast;
    use tollgate_core::money::Nanos;
    use tollgate_core::spend::Scope;

    use super::*;

    fn view() -> ForecastView {
        let prospect = |scope, settled, month_end, method, days| Prospect {
            scope,
            forecast: Forecast { settled: Nanos(settled), month_end: Nanos(month_end), method, days },
        };
        let team = Scope::Team("acme".parse().unwrap(), "search".parse().unwrap());
        let prospects = [
            prospect(Scope::Organisation, 12_500_000_000, 31_000_000_001, Method::Weekdays, 28),
            prospect(team, 500_000_000, 900_000_000, Method::Pace, 0),
        ];
        ForecastView::of(&prospects, "2026-11-26".parse().unwrap())
    }

    #[test]
    fn each_scope_has_its_method() {
        insta::assert_snapshot!(view(), @r"
        2026-11, as of 2026-11-26

        SCOPE             SETTLED      MONTH END  METHOD    DAYS
        org                $12.50  $31.000000001  weekdays    28
        team#acme/search    $0.50          $0.90  pace         0
        ");
    }

    #[test]
    fn machines_get_decimal_dollars() {
        let shown = serde_json::to_value(view()).unwrap();

        assert_eq!(
            shown["forecasts"][1],
            serde_json::json!({
                "scope": "team#acme/search", "settled_usd": "0.5", "month_end_usd": "0.9", "method": "pace", "days": 0
            })
        );
    }
}
