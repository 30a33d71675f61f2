//! What Bedrock counts, in the region that counts it.

use std::collections::BTreeMap;

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Builder;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode,
};
use tollgate_core::model::Cause;
use tollgate_core::reconcile::{Meter, Tokens};
use tollgate_core::time::{Day, Timestamp};

const DAY_SECS: i32 = 86_400;

/// A request holds 500 queries, and a meter needs up to four.
const METERS_PER_REQUEST: usize = 100;

/// `CloudWatch` does not say what was counted.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    /// It did not answer.
    #[error("CloudWatch in {region} cannot be asked for what Bedrock counted")]
    Unreachable {
        /// Where.
        region: String,
        /// What the client library said.
        #[source]
        cause: Cause,
    },
    /// It answered with less than all.
    #[error("CloudWatch in {region} has no complete answer for {query}: {status}")]
    Incomplete {
        /// Where.
        region: String,
        /// Of which question.
        query: String,
        /// What it said instead.
        status: String,
    },
    /// It answered with what is no count.
    #[error("CloudWatch says {0}, which is no count of tokens")]
    NoCount(String),
}

/// The meters of all regions.
#[derive(Clone, Debug)]
pub struct Meters {
    sdk: SdkConfig,
}

impl Meters {
    /// With this configuration, but for its region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { sdk: sdk.clone() }
    }

    /// What each meter counted on a UTC day, in the meters' order.
    pub async fn tokens(&self, meters: &[Meter], day: Day) -> Result<Vec<Tokens>, MeterError> {
        let mut regions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, meter) in meters.iter().enumerate() {
            regions.entry(&meter.region).or_default().push(place);
        }
        let mut all = vec![Tokens::default(); meters.len()];
        for (region, places) in regions {
            let client = self.client(region);
            for some in places.chunks(METERS_PER_REQUEST) {
                let wanted: Vec<&Meter> = some.iter().map(|place| &meters[*place]).collect();
                let counted = read(&client, region, &wanted, day).await?;
                for (place, tokens) in some.iter().zip(counted) {
                    all[*place] = tokens;
                }
            }
        }
        Ok(all)
    }

    fn client(&self, region: &str) -> Client {
        Client::from_conf(Builder::from(&self.sdk).region(Region::new(region.to_owned())).build())
    }
}

/// Of meters of one region.
async fn read(client: &Client, region: &str, meters: &[&Meter], day: Day) -> Result<Vec<Tokens>, MeterError> {
    let unreachable = |cause: Cause| MeterError::Unreachable { region: region.to_owned(), cause };
    let queries = meters.iter().enumerate().flat_map(|(place, meter)| queries(place, meter)).collect();
    let mut pages = client
        .get_metric_data()
        .start_time(date_time(day.begin()))
        .end_time(date_time(day.end()))
        .set_metric_data_queries(Some(queries))
        .into_paginator()
        .send();
    let mut tokens = vec![Tokens::default(); meters.len()];
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| unreachable(Box::new(error)))?;
        for result in page.metric_data_results() {
            let (place, counted) = tokens_of(result, region)?;
            if let Some(sum) = tokens.get_mut(place) {
                *sum += counted;
            }
        }
    }
    Ok(tokens)
}

/// What is asked of one meter. Each question's id says what it is of: `i` or `o`, the meter's place, and a number.
fn queries(place: usize, meter: &Meter) -> impl Iterator<Item = MetricDataQuery> {
    let namespace = meter.namespace;
    let model = Dimension::builder().name(namespace.dimension()).value(&meter.model_id).build();
    let input =
        namespace.input().iter().enumerate().map(move |(number, name)| (format!("i{place}_{number}"), *name));
    input.chain([(format!("o{place}_0"), namespace.output())]).map(move |(id, name)| {
        let metric =
            Metric::builder().namespace(namespace.as_str()).metric_name(name).dimensions(model.clone());
        let sum = MetricStat::builder().metric(metric.build()).period(DAY_SECS).stat("Sum").build();
        MetricDataQuery::builder().id(id).metric_stat(sum).build()
    })
}

/// The place of a result's meter, and what it adds to it.
fn tokens_of(result: &MetricDataResult, region: &str) -> Result<(usize, Tokens), MeterError> {
    let id = result.id().unwrap_or_default();
    let incomplete = |status: &str| MeterError::Incomplete {
        region: region.to_owned(),
        query: id.to_owned(),
        status: status.to_owned(),
    };
    match result.status_code() {
        None | Some(StatusCode::Complete | StatusCode::PartialData) => {}
        Some(status) => return Err(incomplete(status.as_str())),
    }
    let (is_output, place) = place_of(id).ok_or_else(|| incomplete("no question of ours"))?;
    let mut sum = 0_i64;
    for value in result.values() {
        sum = sum.saturating_add(count(*value)?);
    }
    Ok((place, if is_output { Tokens { output: sum, input: 0 } } else { Tokens { input: sum, output: 0 } }))
}

/// Whether a question is of output, and the place of its meter.
fn place_of(id: &str) -> Option<(bool, usize)> {
    let (kind, rest) = id.split_at_checked(1)?;
    Some((kind == "o", rest.split('_').next()?.parse().ok()?))
}

/// Tokens come as doubles, and are whole numbers all the same.
fn count(value: f64) -> Result<i64, MeterError> {
    format!("{value:.0}").parse().map_err(|_| MeterError::NoCount(value.to_string()))
}

fn date_time(instant: Timestamp) -> DateTime {
    DateTime::from_secs(i64::try_from(instant.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
    use aws_smithy_mocks::{Rule, mock, mock_client};
    use tollgate_core::reconcile::Namespace;

    use super::*;

    fn meter(namespace: Namespace, model_id: &str) -> Meter {
        Meter { namespace, region: "us-east-1".to_owned(), model_id: model_id.to_owned() }
    }

    fn result(id: &str, values: &[f64], status: StatusCode) -> MetricDataResult {
        MetricDataResult::builder().id(id).set_values(Some(values.to_vec())).status_code(status).build()
    }

    fn answer(results: fn() -> Vec<MetricDataResult>) -> Rule {
        mock!(Client::get_metric_data)
            .match_requests(|request| {
                let stats = request.metric_data_queries().iter().filter_map(MetricDataQuery::metric_stat);
                let asked: Vec<_> = stats
                    .filter_map(MetricStat::metric)
                    .map(|metric| {
                        let dimension = &metric.dimensions()[0];
                        [metric.namespace(), metric.metric_name(), dimension.name(), dimension.value()]
                            .map(Option::unwrap_or_default)
                            .join(" ")
                    })
                    .collect();
                request.start_time() == Some(&DateTime::from_secs(1_795_651_200))
                    && request.end_time() == Some(&DateTime::from_secs(1_795_737_600))
                    && asked
                        == [
                            "AWS/BedrockMantle TotalInputTokens Model a",
                            "AWS/BedrockMantle TotalOutputTokens Model a",
                            "AWS/Bedrock InputTokenCount ModelId b",
                            "AWS/Bedrock CacheReadInputTokenCount ModelId b",
                            "AWS/Bedrock CacheWriteInputTokenCount ModelId b",
                            "AWS/Bedrock OutputTokenCount ModelId b",
                        ]
            })
            .then_output(move || {
                GetMetricDataOutput::builder().set_metric_data_results(Some(results())).build()
            })
    }

    async fn read_with(rule: &Rule) -> Result<Vec<Tokens>, MeterError> {
        let client = mock_client!(aws_sdk_cloudwatch, [rule]);
        let (one, other) = (meter(Namespace::Mantle, "a"), meter(Namespace::Runtime, "b"));
        read(&client, "us-east-1", &[&one, &other], "2026-11-26".parse().unwrap()).await
    }

    #[tokio::test]
    async fn a_day_of_each_meter_is_asked_for_and_added_up() {
        let rule = answer(|| {
            vec![
                result("i0_0", &[100.0, 1.0], StatusCode::Complete),
                result("o1_0", &[7.0], StatusCode::Complete),
                result("i1_0", &[40.0], StatusCode::Complete),
                result("i1_1", &[2.0], StatusCode::Complete),
                result("i1_2", &[], StatusCode::Complete),
            ]
        });

        let tokens = read_with(&rule).await.unwrap();

        assert_eq!(tokens, [Tokens { input: 101, output: 0 }, Tokens { input: 42, output: 7 }]);
    }

    #[tokio::test]
    async fn half_an_answer_is_none() {
        let rule = answer(|| vec![result("i0_0", &[100.0], StatusCode::InternalError)]);

        let error = read_with(&rule).await.unwrap_err();

        assert_eq!(
            error.to_string(),
            "CloudWatch in us-east-1 has no complete answer for i0_0: InternalError"
        );
    }

    #[tokio::test]
    async fn what_is_no_count_is_said() {
        let rule = answer(|| vec![result("i0_0", &[f64::NAN], StatusCode::Complete)]);

        assert!(matches!(read_with(&rule).await, Err(MeterError::NoCount(_))));
    }
}
