//! Forecasts of whoever spends, from the rollups.

use std::collections::BTreeMap;

use tollgate_core::forecast::{Forecast, first_day, forecast};
use tollgate_core::name::Name;
use tollgate_core::ports::StoreError;
use tollgate_core::spend::Scope;
use tollgate_core::time::{Day, Timestamp};

use crate::lanes::Lanes;
use crate::reports::Reports;

/// Rollups, and who spends.
#[derive(Clone, Debug)]
pub struct Outlook {
    reports: Reports,
    lanes: Lanes,
}

/// What a scope will have spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// Whose.
    pub scope: Scope,
    /// How much.
    pub forecast: Forecast,
}

/// Nano-dollars by day.
type Sums = BTreeMap<Day, i64>;

impl Outlook {
    /// Over these.
    #[must_use]
    pub const fn new(reports: Reports, lanes: Lanes) -> Self {
        Self { reports, lanes }
    }

    /// Of one scope that has rollups of its own.
    pub async fn of(&self, scope: Scope, now: Timestamp) -> Result<Prospect, StoreError> {
        let sums = self.sums(&scope, now).await?;
        Ok(Prospect { scope, forecast: forecast(&sums, now) })
    }

    /// Of a tenant: of all its teams together that spent anything this month.
    pub async fn of_tenant(&self, tenant: Name, now: Timestamp) -> Result<Prospect, StoreError> {
        let mut sums = Sums::new();
        for (owner, team) in self.lanes.spenders(now.day()).await? {
            if owner == tenant {
                add(&mut sums, &self.sums(&Scope::Team(owner, team), now).await?);
            }
        }
        Ok(Prospect { scope: Scope::Tenant(tenant), forecast: forecast(&sums, now) })
    }

    /// Of the organisation, and of all tenants and teams that spent anything this month.
    pub async fn all(&self, now: Timestamp) -> Result<Vec<Prospect>, StoreError> {
        let (mut tenants, mut teams) = (BTreeMap::<Name, Sums>::new(), Vec::new());
        for (tenant, team) in self.lanes.spenders(now.day()).await? {
            let scope = Scope::Team(tenant.clone(), team);
            let sums = self.sums(&scope, now).await?;
            add(tenants.entry(tenant).or_default(), &sums);
            teams.push((scope, sums));
        }
        teams.sort_by(|one, other| one.0.cmp(&other.0));
        let tenants = tenants.into_iter().map(|(tenant, sums)| (Scope::Tenant(tenant), sums));
        let below =
            tenants.chain(teams).map(|(scope, sums)| Prospect { scope, forecast: forecast(&sums, now) });
        let organisation = self.of(Scope::Organisation, now).await?;
        Ok([organisation].into_iter().chain(below).collect())
    }

    async fn sums(&self, scope: &Scope, now: Timestamp) -> Result<Sums, StoreError> {
        let today = now.day();
        let days = self.reports.days(scope, first_day(today), today).await?;
        Ok(days.into_iter().map(|sum| (sum.day, sum.cost_nanos)).collect())
    }
}

fn add(all: &mut Sums, some: &Sums) {
    for (day, nanos) in some {
        let sum = all.entry(*day).or_default();
        *sum = sum.saturating_add(*nanos);
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
    use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
    use tollgate_core::money::Nanos;

    use super::*;

    /// Midnight after 29 November 2026.
    const NOW: Timestamp = Timestamp::from_secs(1_795_996_800);

    fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    /// The members of a scope's spend item.
    fn members(key: &'static str, members: &'static [&'static str]) -> Rule {
        mock!(Client::batch_get_item)
            .match_requests(move |request| {
                let keys = request.request_items().and_then(|tables| tables.get("limits")).unwrap().keys();
                keys[0]["scope"] == text(key)
            })
            .then_output(move || {
                let members = members.iter().map(|name| (*name).to_owned()).collect();
                let item = [("scope", text(key)), ("members", AttributeValue::Ss(members))];
                let item = item.map(|(name, value)| (name.to_owned(), value)).into();
                BatchGetItemOutput::builder().responses("limits", vec![item]).build()
            })
    }

    fn spent(scope: &'static str, nanos: &'static str) -> Rule {
        mock!(Client::query)
            .match_requests(move |request: &QueryInput| {
                let values = request.expression_attribute_values().unwrap();
                values[":scope"] == text(scope)
                    && values[":first"] == text("2026-11-01")
                    && values[":last"] == text("2026-11-30")
            })
            .then_output(move || {
                QueryOutput::builder()
                    .items(
                        [
                            ("day".to_owned(), text("2026-11-29")),
                            ("cost_nanos".to_owned(), AttributeValue::N(nanos.to_owned())),
                        ]
                        .into(),
                    )
                    .build()
            })
    }

    #[tokio::test]
    async fn whoever_spent_this_month_has_a_forecast() {
        let rules = [
            members("spend#org#2026-11", &["acme"]),
            members("spend#tenant#acme#2026-11", &["search", "lab"]),
            spent("team#acme/search", "70"),
            spent("team#acme/lab", "30"),
            spent("org", "100"),
        ];
        let rules: Vec<&Rule> = rules.iter().collect();
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, rules.as_slice());
        let reports = Reports::new(&client, "ledger", "rollups");
        let outlook = Outlook::new(reports, Lanes::new(client, "limits".to_owned()));

        let all = outlook.all(NOW).await.unwrap();

        let shown: Vec<_> = all.iter().map(|one| (one.scope.to_string(), one.forecast.month_end)).collect();
        assert_eq!(
            shown,
            [
                ("org".to_owned(), Nanos(200)),
                ("tenant#acme".to_owned(), Nanos(200)),
                ("team#acme/lab".to_owned(), Nanos(60)),
                ("team#acme/search".to_owned(), Nanos(140)),
            ]
        );
        let tenant = outlook.of_tenant("acme".parse().unwrap(), NOW).await.unwrap();
        assert_eq!(tenant, all[1]);
    }
}
