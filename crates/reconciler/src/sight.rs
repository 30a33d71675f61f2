//! What the month will have cost, and whether the ledger agrees with AWS.

use serde::Serialize;
use tollgate_aws::bills::{BillError, Bills};
use tollgate_aws::comparison::{CompareError, Comparer};
use tollgate_aws::outlook::{Outlook, Prospect};
use tollgate_core::metrics::Gauge;
use tollgate_core::ports::{PutError, StoreError};
use tollgate_core::reconcile::{Comparison, Line};
use tollgate_core::time::{Day, Timestamp};
use tracing::{info, warn};

use crate::figures::Figures;

/// Cost Explorer's day is complete no sooner.
const BILLED_AFTER_DAYS: i64 = 2;

/// Rollups, meters and bills.
pub struct Sight {
    outlook: Outlook,
    comparer: Comparer,
    /// None where Cost Explorer may not be asked.
    bills: Option<Bills>,
    figures: Figures,
}

/// A figure cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SightError {
    /// Of the rollups.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Of ledger or meters.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// Of the bill.
    #[error(transparent)]
    Bill(#[from] BillError),
    /// Nobody wants it.
    #[error("Cost Explorer is not to be asked: the parameter CostExplorer is false")]
    NotAsked,
    /// It is known, and not in the metrics.
    #[error(transparent)]
    Put(#[from] PutError),
}

/// A day's charges beside its bill, in nano-dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// The UTC day.
    pub day: Day,
    /// What the ledger charged.
    pub ledger_nanos: i64,
    /// What AWS billed.
    pub billed_nanos: i64,
    /// What AWS billed beyond the ledger.
    pub difference_nanos: i64,
}

impl Sight {
    /// Over these.
    pub const fn new(outlook: Outlook, comparer: Comparer, bills: Option<Bills>, figures: Figures) -> Self {
        Self { outlook, comparer, bills, figures }
    }

    /// Forecasts the month of everybody who spends; the organisation's is the metric.
    pub async fn forecast(&self, now: Timestamp) -> Result<usize, SightError> {
        let all = self.outlook.all(now).await?;
        for Prospect { scope, forecast } in &all {
            let (settled, month_end) = (forecast.settled.0, forecast.month_end.0);
            let (method, days) = (forecast.method, forecast.days);
            info!(%scope, settled_nanos = settled, month_end_nanos = month_end, %method, days, "month forecast");
        }
        // The organisation comes first.
        if let Some(organisation) = all.first() {
            let amount = i128::from(organisation.forecast.month_end.0);
            self.figures.put(&[(Gauge::ForecastMonth, amount)], now).await?;
        }
        Ok(all.len())
    }

    /// Compares the tokens of a day, of yesterday where none is named.
    pub async fn reconcile(&self, day: Option<Day>, now: Timestamp) -> Result<Comparison, SightError> {
        let compared = self.comparer.tokens(day.unwrap_or_else(|| now.day().before(1))).await?;
        for Line { meter, ledger, provider, difference } in &compared.lines {
            let (namespace, region, model) = (meter.namespace.as_str(), &meter.region, &meter.model_id);
            info!(
                day = %compared.day, namespace, region, model.id = model,
                ledger.input = ledger.input, ledger.output = ledger.output,
                provider.input = provider.input, provider.output = provider.output,
                difference.input = difference.input, difference.output = difference.output,
                "tokens reconciled"
            );
        }
        if compared.tokens > 0 {
            warn!(day = %compared.day, tokens = compared.tokens, "tokens differ");
        }
        self.figures.put(&[(Gauge::TokensDifference, i128::from(compared.tokens))], now).await?;
        Ok(compared)
    }

    /// Compares the charges of a day with its bill, of the day before yesterday where none is named.
    pub async fn costs(&self, day: Option<Day>, now: Timestamp) -> Result<Bill, SightError> {
        let bills = self.bills.as_ref().ok_or(SightError::NotAsked)?;
        let day = day.unwrap_or_else(|| now.day().before(BILLED_AFTER_DAYS));
        let (ledger_nanos, billed_nanos) = (self.comparer.charged(day).await?, bills.billed(day).await?);
        let difference_nanos = billed_nanos.saturating_sub(ledger_nanos);
        info!(%day, ledger_nanos, billed_nanos, difference_nanos, "costs reconciled");
        self.figures.put(&[(Gauge::CostDifference, i128::from(difference_nanos))], now).await?;
        Ok(Bill { day, ledger_nanos, billed_nanos, difference_nanos })
    }
}
