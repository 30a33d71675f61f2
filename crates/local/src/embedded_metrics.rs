//! CloudWatch Logs' extraction of metrics that functions embed in their log lines, which the emulator lacks.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Region};
use aws_sdk_cloudwatch::error::DisplayErrorContext;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::credentials;

/// How often logs are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Whoever writes a line that embeds metrics writes this.
const MARK: &[u8] = b"\"_aws\"";

/// The extraction at work.
pub struct EmbeddedMetrics {
    client: Client,
    logs: Vec<Log>,
}

/// A function's log, as far as it was read.
struct Log {
    path: PathBuf,
    read: u64,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "_aws")]
    metadata: Metadata,
    #[serde(flatten)]
    members: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: String,
    dimensions: Vec<Vec<String>>,
    metrics: Vec<Definition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: String,
    unit: Option<String>,
}

impl EmbeddedMetrics {
    /// Of these logs, into the emulator.
    pub fn new(endpoint: &str, region: &str, logs: Vec<PathBuf>) -> Self {
        let config = aws_sdk_cloudwatch::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(endpoint)
            .credentials_provider(credentials::root())
            .build();
        let logs = logs.into_iter().map(|path| Log { path, read: 0 }).collect();
        Self { client: Client::from_conf(config), logs }
    }

    /// Extracts until it is dropped.
    pub async fn run(mut self) -> Infallible {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let mut found: BTreeMap<String, Vec<MetricDatum>> = BTreeMap::new();
            for log in &mut self.logs {
                match log.new_lines().await {
                    Ok(text) => extract(&text, &mut found),
                    Err(error) => tracing::warn!(path = %log.path.display(), %error, "a log cannot be read"),
                }
            }
            for (namespace, data) in found {
                self.put(&namespace, data).await;
            }
        }
    }

    async fn put(&self, namespace: &str, data: Vec<MetricDatum>) {
        // As many as a request holds.
        for data in data.chunks(1_000) {
            let put = self.client.put_metric_data().namespace(namespace);
            if let Err(error) = put.set_metric_data(Some(data.to_vec())).send().await {
                tracing::error!(namespace, error = %DisplayErrorContext(&error), "embedded metrics are lost");
            }
        }
    }
}

impl Log {
    /// The whole lines that were written since the last call.
    async fn new_lines(&mut self) -> io::Result<Vec<u8>> {
        let mut file = match tokio::fs::File::open(&self.path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        file.seek(SeekFrom::Start(self.read)).await?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).await?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        text.truncate(whole);
        self.read += whole as u64;
        Ok(text)
    }
}

/// Adds what the lines embed, by namespace. A line that is not as the format says embeds nothing, as on AWS.
fn extract(text: &[u8], found: &mut BTreeMap<String, Vec<MetricDatum>>) {
    let is_marked = |line: &&[u8]| line.windows(MARK.len()).any(|part| part == MARK);
    for line in text.split(|byte| *byte == b'\n').filter(is_marked) {
        match serde_json::from_slice::<Line>(line) {
            Ok(line) => {
                for directive in &line.metadata.cloud_watch_metrics {
                    found.entry(directive.namespace.clone()).or_default().extend(line.data(directive));
                }
            }
            Err(error) => tracing::warn!(%error, "a line embeds no metrics that can be read"),
        }
    }
}

impl Line {
    fn data(&self, directive: &Directive) -> Vec<MetricDatum> {
        let mut data = Vec::new();
        for metric in &directive.metrics {
            let Some(value) = self.members.get(&metric.name).and_then(Value::as_f64) else { continue };
            for names in &directive.dimensions {
                let Some(dimensions) = names.iter().map(|name| self.dimension(name)).collect() else {
                    continue;
                };
                let datum = MetricDatum::builder()
                    .metric_name(&metric.name)
                    .set_dimensions(Some(dimensions))
                    .timestamp(DateTime::from_millis(self.metadata.timestamp))
                    .unit(metric.unit.as_deref().map_or(StandardUnit::None, StandardUnit::from))
                    .value(value);
                data.push(datum.build());
            }
        }
        data
    }

    fn dimension(&self, name: &str) -> Option<Dimension> {
        let value = self.members.get(name)?.as_str()?;
        Some(Dimension::builder().name(name).value(value).build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_datum_for_each_metric_and_set_of_dimensions() {
        let text = br#"{"message":"something else"}
{"_aws":{"Timestamp":1795348859000,"CloudWatchMetrics":[{"Namespace":"Tollgate","Dimensions":[["Environment"],["Team"],["Nobody"]],"Metrics":[{"Name":"RateLimited.Count","Unit":"Count"},{"Name":"Absent"}]}]},"Environment":"dev","Team":"search","RateLimited.Count":1}
{"_aws":"broken"}
"#;
        let mut found = BTreeMap::new();

        extract(text, &mut found);

        let data = &found["Tollgate"];
        let shown: Vec<_> = data
            .iter()
            .map(|datum| {
                let dimension = &datum.dimensions()[0];
                (
                    datum.metric_name().unwrap(),
                    dimension.name().unwrap(),
                    dimension.value().unwrap(),
                    datum.value(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("RateLimited.Count", "Environment", "dev", Some(1.0)),
                ("RateLimited.Count", "Team", "search", Some(1.0))
            ]
        );
        assert_eq!(data[0].unit(), Some(&StandardUnit::Count));
        assert_eq!(data[0].timestamp(), Some(&DateTime::from_secs(1_795_348_859)));
    }

    #[tokio::test]
    async fn a_line_is_read_once_and_only_when_it_is_whole() {
        let folder = std::env::temp_dir().join(format!("tollgate-{}", uuid::Uuid::now_v7()));
        let mut log = Log { path: folder.clone(), read: 0 };
        assert_eq!(log.new_lines().await.unwrap(), b"");

        std::fs::write(&folder, "one\ntw").unwrap();
        assert_eq!(log.new_lines().await.unwrap(), b"one\n");
        std::fs::write(&folder, "one\ntwo\n").unwrap();
        assert_eq!(log.new_lines().await.unwrap(), b"two\n");
        assert_eq!(log.new_lines().await.unwrap(), b"");

        std::fs::remove_file(&folder).unwrap();
    }
}
