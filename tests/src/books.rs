//! The places in which a call is counted: ledger, counters of users, lanes, organisation, rollups, CloudWatch.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_core::money::Nanos;

use crate::stack::{Stack, eventually};

/// Settlement follows the answer, the stream follows settlement: seconds, on a busy machine.
const CATCH_UP: Duration = Duration::from_secs(60);

/// What these places say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    /// Charges of the ledger's records.
    pub ledger: Nanos,
    /// Charges of those records that took from a lane: a record of a release without lanes did not.
    pub ledger_of_lanes: Nanos,
    /// Months of the users' spend items.
    pub counters: Nanos,
    /// What lanes hold for calls.
    pub lanes: Nanos,
    /// What the organisation counts, without the room that lies in lanes.
    pub organisation: Nanos,
    /// The organisation's rollups.
    pub rollups: Nanos,
    /// The sum of `Cost.Estimate.Total`.
    pub metrics: Nanos,
    /// Records of the ledger.
    pub calls: u64,
    /// The sum of `Requests.Count`.
    pub requests: u64,
}

impl Books {
    /// Whether all of them agree.
    #[must_use]
    pub fn agree(&self) -> bool {
        self.ledger == self.counters
            && self.ledger_of_lanes == self.lanes
            && self.ledger_of_lanes == self.organisation
            && self.ledger == self.rollups
            && self.ledger == self.metrics
            && self.calls == self.requests
    }
}

/// Waits until every record is closed and all places agree.
///
/// # Panics
/// If they do not.
pub async fn balance(stack: &Stack) -> Books {
    let mut last = None;
    let balanced = eventually(CATCH_UP, async || {
        let records = items(stack, "LedgerTable").await;
        if records.iter().any(|record| record.get("open").is_some()) {
            return None;
        }
        let books = read(stack, &records).await;
        last = Some(books.clone());
        books.agree().then_some(books)
    });
    let books = balanced.await;
    books.unwrap_or_else(|| panic!("the books do not balance: {last:?}\n{}", stack.log("emitter")))
}

async fn read(stack: &Stack, records: &[Value]) -> Books {
    let spend = items(stack, "LimitsTable").await;
    let rollups = items(stack, "RollupsTable").await;
    let charged = |record: &Value| number(&record["charged_nanos"]);
    let organisation = || rollups.iter().filter(|item| item["scope"]["S"] == "org");
    Books {
        ledger: Nanos(records.iter().map(charged).sum()),
        ledger_of_lanes: Nanos(
            records.iter().filter(|record| record.get("lane").is_some()).map(charged).sum(),
        ),
        counters: Nanos(sum(&spend, "spend#user#", "month")),
        lanes: Nanos(sum(&spend, "lane#", "held")),
        organisation: Nanos(sum(&spend, "spend#org#", "month")).minus(Nanos(sum(&spend, "lane#", "room"))),
        rollups: Nanos(organisation().map(|item| number(&item["cost_nanos"])).sum()),
        metrics: dollars(&metric(stack, "Cost.Estimate.Total", "Sum").await),
        calls: u64::try_from(records.len()).unwrap_or(u64::MAX),
        requests: whole(&metric(stack, "Requests.Count", "Sum").await),
    }
}

/// All items of a table, by the name of the stack's output.
///
/// # Panics
/// If the table cannot be read.
pub async fn items(stack: &Stack, output: &str) -> Vec<Value> {
    let table = stack.stack_output(output).await;
    let answer = stack.aws("dynamodb", "scan", &json!({"TableName": table, "ConsistentRead": true})).await;
    answer["Items"].as_array().expect("a scan has items").clone()
}

/// A statistic of a metric of the whole environment, over the last and the next hours; nothing where it has no data.
///
/// # Panics
/// If CloudWatch cannot be read.
pub async fn metric(stack: &Stack, name: &str, statistic: &str) -> Vec<Value> {
    metric_of(stack, ("Environment", "dev"), name, statistic).await
}

/// The same of one dimension.
///
/// # Panics
/// If CloudWatch cannot be read.
pub async fn metric_of(
    stack: &Stack,
    (dimension, value): (&str, &str),
    name: &str,
    statistic: &str,
) -> Vec<Value> {
    let query = json!({
        "MetricDataQueries": [{
            "Id": "m",
            "MetricStat": {
                "Metric": {
                    "Namespace": "Tollgate",
                    "MetricName": name,
                    "Dimensions": [{"Name": dimension, "Value": value}],
                },
                "Period": 86_400,
                "Stat": statistic,
            },
        }],
        "StartTime": "2020-01-01T00:00:00Z",
        "EndTime": "2100-01-01T00:00:00Z",
    });
    let answer = stack.aws("cloudwatch", "get_metric_data", &query).await;
    answer["MetricDataResults"][0]["Values"].as_array().expect("a result has values").clone()
}

/// The sum of an attribute over the items whose keys begin so.
fn sum(items: &[Value], start: &str, attribute: &str) -> u64 {
    let is_meant = |item: &&Value| item["scope"]["S"].as_str().is_some_and(|scope| scope.starts_with(start));
    items.iter().filter(is_meant).map(|item| number(&item[attribute])).sum()
}

fn number(attribute: &Value) -> u64 {
    attribute["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Sums of dollars, to the nano-dollar.
fn dollars(values: &[Value]) -> Nanos {
    let nanos = values.iter().filter_map(Value::as_f64).map(|value| format!("{value:.9}").parse::<Nanos>());
    nanos.map(Result::unwrap_or_default).fold(Nanos::ZERO, Nanos::plus)
}

fn whole(values: &[Value]) -> u64 {
    let counts = values.iter().filter_map(Value::as_f64).map(|value| format!("{value:.0}").parse::<u64>());
    counts.map(Result::unwrap_or_default).sum()
}
