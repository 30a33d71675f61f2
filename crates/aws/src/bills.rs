//! What AWS bills for models, as Cost Explorer says. Each question costs a cent, so it is asked once a day.
//!
//! Models of others on Bedrock are services of their own, named after the model, so services are chosen here, by their
//! names, and not by a filter that takes whole names only.

use aws_config::SdkConfig;
use aws_sdk_costexplorer::Client;
use aws_sdk_costexplorer::types::{
    DateInterval, Dimension, DimensionValues, Expression, Granularity, Group, GroupDefinition,
    GroupDefinitionType,
};
use tollgate_core::model::Cause;
use tollgate_core::reconcile::{NoAmount, Services, nanos};
use tollgate_core::time::Day;

const METRIC: &str = "UnblendedCost";

/// Cost Explorer, asked of one account.
#[derive(Clone, Debug)]
pub struct Bills {
    client: Client,
    account: String,
    services: Services,
}

/// Nobody knows what was billed.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// Cost Explorer does not answer.
    #[error("Cost Explorer cannot be asked")]
    Unreachable(#[source] Cause),
    /// It answered with what cannot be read.
    #[error("Cost Explorer's amount for {service} cannot be read")]
    Garbled {
        /// Of which service.
        service: String,
        /// Why not.
        #[source]
        cause: NoAmount,
    },
    /// It bills in another currency.
    #[error("Cost Explorer's amount for {service} is in {unit}, and not in dollars")]
    Currency {
        /// Of which service.
        service: String,
        /// In what.
        unit: String,
    },
}

impl Bills {
    /// Of these services in this account.
    #[must_use]
    pub fn new(sdk: &SdkConfig, account: String, services: Services) -> Self {
        Self { client: Client::new(sdk), account, services }
    }

    /// Nano-dollars that were billed for a UTC day; credits count against them.
    pub async fn billed(&self, day: Day) -> Result<i64, BillError> {
        let (mut sum, mut page) = (0_i64, None);
        loop {
            let asked = self.question(day).set_next_page_token(page).send().await;
            let answer = asked.map_err(|error| BillError::Unreachable(Box::new(error)))?;
            for group in answer.results_by_time().iter().flat_map(|result| result.groups()) {
                sum = sum.saturating_add(self.of(group)?);
            }
            page = answer.next_page_token;
            if page.is_none() {
                return Ok(sum);
            }
        }
    }

    fn question(
        &self,
        day: Day,
    ) -> aws_sdk_costexplorer::operation::get_cost_and_usage::builders::GetCostAndUsageFluentBuilder {
        let account = DimensionValues::builder().key(Dimension::LinkedAccount).values(&self.account).build();
        let by_service =
            GroupDefinition::builder().r#type(GroupDefinitionType::Dimension).key("SERVICE").build();
        let days = DateInterval::builder().start(day.to_string()).end(day.next().to_string());
        self.client
            .get_cost_and_usage()
            .set_time_period(days.build().ok())
            .granularity(Granularity::Daily)
            .metrics(METRIC)
            .filter(Expression::builder().dimensions(account).build())
            .group_by(by_service)
    }

    fn of(&self, group: &Group) -> Result<i64, BillError> {
        let service = group.keys().first().map_or("", String::as_str);
        let cost = group.metrics().and_then(|metrics| metrics.get(METRIC));
        let Some(cost) = cost.filter(|_| self.services.contain(service)) else { return Ok(0) };
        let service = || service.to_owned();
        match cost.unit() {
            None | Some("USD") => {
                let amount = nanos(cost.amount().unwrap_or_default());
                amount.map_err(|cause| BillError::Garbled { service: service(), cause })
            }
            Some(unit) => Err(BillError::Currency { service: service(), unit: unit.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_costexplorer::operation::get_cost_and_usage::GetCostAndUsageOutput;
    use aws_sdk_costexplorer::types::{MetricValue, ResultByTime};
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    use super::*;

    fn group(service: &str, amount: &str, unit: &str) -> Group {
        let cost = MetricValue::builder().amount(amount).unit(unit).build();
        Group::builder().keys(service).metrics(METRIC, cost).build()
    }

    fn page(token: Option<&'static str>, groups: Vec<Group>, next: Option<&'static str>) -> Rule {
        mock!(Client::get_cost_and_usage)
            .match_requests(move |request| {
                let days = request.time_period().map(|days| (days.start(), days.end()));
                let account = request.filter().and_then(Expression::dimensions);
                request.next_page_token() == token
                    && days == Some(("2026-11-24", "2026-11-25"))
                    && account.is_some_and(|account| account.values() == ["123456789012"])
            })
            .then_output(move || {
                let result = ResultByTime::builder().set_groups(Some(groups.clone())).build();
                let next = next.map(str::to_owned);
                GetCostAndUsageOutput::builder().results_by_time(result).set_next_page_token(next).build()
            })
    }

    async fn billed(rules: &[&Rule]) -> Result<i64, BillError> {
        let bills = Bills {
            client: mock_client!(aws_sdk_costexplorer, RuleMode::Sequential, rules),
            account: "123456789012".to_owned(),
            services: Services::parse("Amazon Bedrock,*(Amazon Bedrock Edition)").unwrap(),
        };
        bills.billed("2026-11-24".parse().unwrap()).await
    }

    #[tokio::test]
    async fn services_of_models_are_added_up_over_all_pages() {
        let first = page(
            None,
            vec![group("Amazon Bedrock", "1.5", "USD"), group("Amazon DynamoDB", "9", "USD")],
            Some("more"),
        );
        let second = page(
            Some("more"),
            vec![group("OpenAI GPT-5.5 (Amazon Bedrock Edition)", "2.0000000001", "USD")],
            None,
        );

        assert_eq!(billed(&[&first, &second]).await.unwrap(), 3_500_000_000);
    }

    #[tokio::test]
    async fn what_cannot_be_added_is_said() {
        let euros = page(None, vec![group("Amazon Bedrock", "1.5", "EUR")], None);
        let words = page(None, vec![group("Amazon Bedrock", "much", "USD")], None);

        assert!(matches!(billed(&[&euros]).await, Err(BillError::Currency { unit, .. }) if unit == "EUR"));
        assert!(matches!(billed(&[&words]).await, Err(BillError::Garbled { .. })));
    }
}
