//! The ledger's days beside those of AWS.

use tollgate_core::catalogue::Catalogue;
use tollgate_core::ports::{Settings, StoreError};
use tollgate_core::reconcile::{Comparison, Meter, Tokens, meters};
use tollgate_core::settings::Document;
use tollgate_core::spend::Scope;
use tollgate_core::time::Day;

use crate::meters::{MeterError, Meters};
use crate::reports::{DaySum, Reports};
use crate::settings::DynamoSettings;

/// The ledger's rollups, the catalogue that says what they are of, and the meters of Bedrock.
#[derive(Clone, Debug)]
pub struct Comparer {
    reports: Reports,
    settings: DynamoSettings,
    meters: Meters,
}

/// Nothing can be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A table does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `CloudWatch` does not answer.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// Nobody knows what can be called.
    #[error("there is no catalogue: run tollgate config seed")]
    NotSeeded,
    /// The catalogue is none.
    #[error("the stored catalogue cannot be read")]
    Garbled(#[source] serde_json::Error),
}

/// What the ledger has of one meter, calls in tenants' accounts left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Own {
    tokens: Tokens,
    cost_nanos: i64,
}

impl Comparer {
    /// Over these.
    #[must_use]
    pub const fn new(reports: Reports, settings: DynamoSettings, meters: Meters) -> Self {
        Self { reports, settings, meters }
    }

    /// Tokens of a day, by meter.
    pub async fn tokens(&self, day: Day) -> Result<Comparison, CompareError> {
        let owns = self.owns(day).await?;
        let meters: Vec<Meter> = owns.iter().map(|(meter, _)| meter.clone()).collect();
        let theirs = self.meters.tokens(&meters, day).await?;
        let counts = owns.into_iter().zip(theirs).map(|((meter, own), theirs)| (meter, own.tokens, theirs));
        Ok(Comparison::of(day, counts))
    }

    /// Nano-dollars that the ledger charged for calls of Bedrock in our account on a day.
    pub async fn charged(&self, day: Day) -> Result<i64, CompareError> {
        let owns = self.owns(day).await?;
        Ok(owns.iter().map(|(_, own)| own.cost_nanos).fold(0, i64::saturating_add))
    }

    async fn owns(&self, day: Day) -> Result<Vec<(Meter, Own)>, CompareError> {
        let text = self.settings.document(Document::Catalogue).await?.ok_or(CompareError::NotSeeded)?;
        let catalogue: Catalogue = serde_json::from_str(&text).map_err(CompareError::Garbled)?;
        let mut owns = Vec::new();
        for (meter, targets) in meters(&catalogue) {
            let mut own = Own::default();
            for target in targets {
                let all = self.sum(Scope::Model(target.clone()), day).await?;
                let elsewhere = self.sum(Scope::TenantsModel(target), day).await?;
                own.add(all.as_ref(), 1);
                own.add(elsewhere.as_ref(), -1);
            }
            owns.push((meter, own));
        }
        Ok(owns)
    }

    async fn sum(&self, scope: Scope, day: Day) -> Result<Option<DaySum>, StoreError> {
        Ok(self.reports.days(&scope, day, day).await?.pop())
    }
}

impl Own {
    fn add(&mut self, sum: Option<&DaySum>, sign: i64) {
        let Some(sum) = sum else { return };
        self.tokens += Tokens {
            input: sum.tokens_input.saturating_mul(sign),
            output: sum.tokens_output.saturating_mul(sign),
        };
        self.cost_nanos = self.cost_nanos.saturating_add(sum.cost_nanos.saturating_mul(sign));
    }
}
