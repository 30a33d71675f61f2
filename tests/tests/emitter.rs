//! The emitter over the emulator's DynamoDB, S3 and CloudWatch, with a CloudWatch that fails: metrics and rollups equal
//! the ledger, percentiles are those of the calls, and what nobody can read is kept.

#[path = "emitter/stream.rs"]
mod stream;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use serde_json::{Value, json};
use tollgate_aws::cloudwatch::CloudWatch;
use tollgate_aws::failed_records::FailedRecords;
use tollgate_aws::rollups::DynamoRollups;
use tollgate_aws::sdk::SdkConfig;
use tollgate_aws::{DynamoClient, clock};
use tollgate_core::metrics::POSTINGS_PER_PUT;
use tollgate_core::record::Record;
use tollgate_core::time::Timestamp;
use tollgate_emitter::Handler;
use tollgate_emitter::event::StreamEvent;
use tollgate_local::emulator::{Emulator, EmulatorSpec, Iam};
use tollgate_tests::fault_proxy::{Fault, FaultProxy};
use tollgate_tests::stack::root;

const TABLE: &str = "rollups";
const BUCKET: &str = "failed-records";

/// As the template's mapping.
const BATCH: usize = 100;

/// An emulator, and CloudWatch behind a proxy.
struct World {
    _emulator: Emulator,
    config: SdkConfig,
    proxy: FaultProxy,
}

#[tokio::test]
async fn ten_thousand_records_are_counted_once_although_cloudwatch_fails() {
    let world = World::start("emitter-definite").await;
    let calls = calls(10_000);
    let entries = stream::entries(&calls, 2_500);
    drop(world.proxy.follow(|arrived| match arrived.number % 7 {
        2 => Fault::throttled(),
        5 => Fault::internal(),
        _ => Fault::None,
    }));

    let begun = clock::now();
    let again = pump(&world.handler("definite"), &entries).await;
    let took = clock::now().since(begun);

    let sums = world.sums("definite", &stream::ledger(&calls)).await;
    assert_eq!(sums, stream::ledger(&calls));
    assert_eq!(world.rollups().await, sums["Cost.Estimate.Total"]);
    assert!(again > 50, "only {again} batches were handed back");
    let latencies = stream::latencies(&calls);
    for (statistic, percent) in [("p50", 50), ("p95", 95), ("p99", 99)] {
        let told = world.value("definite", "Latency", statistic).await;
        let told = in_last_decimals(&told, 3);
        // The bucket of a percentile: the two calls between whose ranks it lies.
        let rank = (latencies.len() - 1) * percent;
        let (low, high) = (latencies[rank / 100], latencies[rank.div_ceil(100)]);
        assert!(
            (i128::from(low)..=i128::from(high)).contains(&told),
            "{statistic}: {told}, not {low}..={high}"
        );
        eprintln!("{statistic} of Latency: {told} µs; the calls of these ranks took {low} and {high} µs");
    }
    assert_eq!(world.value("definite", "Emitter.SetAside.Count", "Sum").await, "4.000000000");
    assert_eq!(world.value("definite", "Emitter.Ambiguous.Count", "Sum").await, "");
    world.every_unreadable_entry_is_whole(&entries).await;
    let per_second = 10_000 * 1_000 / took.as_millis().max(1);
    eprintln!("10,000 records in {took:?}: {per_second} a second; {again} batches were handed back");
}

#[tokio::test]
async fn a_lost_reply_doubles_at_most_its_request_and_is_counted() {
    let world = World::start("emitter-ambiguous").await;
    let calls = calls(600);
    drop(world.proxy.follow(|arrived| if arrived.number % 9 == 4 { Fault::LoseReply } else { Fault::None }));

    pump(&world.handler("ambiguous"), &stream::entries(&calls, 10_000)).await;

    let lost = in_last_decimals(&world.value("ambiguous", "Emitter.Ambiguous.Count", "Sum").await, 0);
    let requests = in_last_decimals(&world.value("ambiguous", "Requests.Count", "Sum").await, 0);
    assert!(lost > 0);
    let most = 600 + lost * i128::try_from(POSTINGS_PER_PUT).expect("a small number");
    assert!((601..=most).contains(&requests), "{requests} calls, {lost} lost replies");
    assert_eq!(world.rollups().await, stream::ledger(&calls)["Cost.Estimate.Total"]);
}

/// Hands the stream over as Lambda does, again from the first entry that is named as failed; how often that was.
async fn pump(handler: &Handler, entries: &[Value]) -> usize {
    let (mut done, mut again) = (0, 0);
    while done < entries.len() {
        let batch = &entries[done..entries.len().min(done + BATCH)];
        let event: StreamEvent =
            serde_json::from_value(json!({"Records": batch})).expect("a batch of the stream");
        let deadline = clock::now().plus(Duration::from_secs(60));
        let response = handler.handle(&event, deadline).await.expect("every entry has a number");
        done = match response.batch_item_failures.first() {
            None => done + batch.len(),
            Some(failure) => {
                again += 1;
                failure.item_identifier.parse::<usize>().expect("our number") - stream::FIRST
            }
        };
    }
    again
}

fn calls(number: usize) -> Vec<Vec<Record>> {
    // A day of its own, so that no period of the statistics cuts it.
    let noon = Timestamp::from_secs(clock::now().as_secs() / 86_400 * 86_400 - 43_200);
    (0..number).map(|number| stream::history(number, noon)).collect()
}

impl World {
    async fn start(name: &str) -> Self {
        let folder = root().join("target/end-to-end").join(name);
        std::fs::create_dir_all(folder.join("temp")).expect("the target folder can be written");
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let spec = EmulatorSpec {
            python: root().join("target/tools/stack/bin/python"),
            launcher: root().join("crates/local/emulator/launch.py"),
            port: port.expect("a free port").port(),
            iam: Iam::Ignored,
            log_file: folder.join("emulator.log"),
            temp_dir: folder.join("temp"),
            vectors_url: String::new(),
        };
        let emulator = Emulator::start(&spec).await.expect("`make tools` has installed the emulator");
        let proxy = FaultProxy::start(emulator.endpoint()).await.expect("a free port");
        let config = config(emulator.endpoint());
        make_table(&config).await;
        let buckets = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        let made = aws_sdk_s3::Client::from_conf(buckets).create_bucket().bucket(BUCKET).send().await;
        made.expect("a bucket can be made");
        Self { _emulator: emulator, config, proxy }
    }

    fn handler(&self, environment: &str) -> Handler {
        Handler::new(
            Arc::new(DynamoRollups::new(DynamoClient::new(&self.config), TABLE.to_owned())),
            Arc::new(CloudWatch::new(&config(self.proxy.url()), "Tollgate".to_owned())),
            Arc::new(FailedRecords::new(&self.config, BUCKET.to_owned())),
            environment.to_owned(),
            clock::now,
        )
    }

    /// A statistic over all of the environment's data, with nine decimals; nothing where there are none.
    async fn value(&self, environment: &str, metric: &str, statistic: &str) -> String {
        let dimension = Dimension::builder().name("Environment").value(environment).build();
        let metric =
            Metric::builder().namespace("Tollgate").metric_name(metric).dimensions(dimension).build();
        let stat = MetricStat::builder().metric(metric).period(86_400).stat(statistic).build();
        let query = MetricDataQuery::builder().id("m").metric_stat(stat).build();
        let now = i64::try_from(clock::now().as_secs()).expect("a time of ours");
        let client = aws_sdk_cloudwatch::Client::new(&self.config);
        let reply = client
            .get_metric_data()
            .start_time(DateTime::from_secs(now - 3 * 86_400))
            .end_time(DateTime::from_secs(now + 86_400))
            .metric_data_queries(query)
            .send()
            .await
            .expect("the emulator answers");
        let values = reply.metric_data_results()[0].values();
        assert!(values.len() < 2, "all data are of one day: {values:?}");
        values.first().map(|value| format!("{value:.9}")).unwrap_or_default()
    }

    /// What CloudWatch says of these metrics.
    async fn sums(
        &self,
        environment: &str,
        names: &BTreeMap<&'static str, i128>,
    ) -> BTreeMap<&'static str, i128> {
        let mut sums = BTreeMap::new();
        for name in names.keys() {
            let decimals = if matches!(*name, "Cost.Estimate.Total" | "Cache.Saved.Total") { 9 } else { 0 };
            sums.insert(*name, in_last_decimals(&self.value(environment, name, "Sum").await, decimals));
        }
        sums
    }

    /// What the organisation's rollups charge, in nano-dollars.
    async fn rollups(&self) -> i128 {
        let found = DynamoClient::new(&self.config).query().table_name(TABLE);
        let found = found
            .key_condition_expression("#scope = :org")
            .expression_attribute_names("#scope", "scope")
            .expression_attribute_values(":org", aws_sdk_dynamodb::types::AttributeValue::S("org".to_owned()))
            .send()
            .await
            .expect("the table can be read");
        let costs = found.items().iter().map(|item| item["cost_nanos"].as_n().expect("a number").as_str());
        costs.map(|cost| cost.parse::<i128>().expect("an integer")).sum()
    }

    async fn every_unreadable_entry_is_whole(&self, entries: &[Value]) {
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(true).build();
        let client = aws_sdk_s3::Client::from_conf(config);
        let is_unreadable =
            |entry: &&Value| entry["dynamodb"]["NewImage"]["state"]["S"] == "from a later release";
        for entry in entries.iter().filter(is_unreadable) {
            let number = entry["dynamodb"]["SequenceNumber"].as_str().expect("every entry has a number");
            let found = client.get_object().bucket(BUCKET).key(format!("unreadable/{number}.json")).send();
            let body = found.await.expect("it was set aside").body.collect().await.expect("it can be read");
            let kept: Value = serde_json::from_slice(&body.into_bytes()).expect("it is JSON");
            assert_eq!(&kept["entry"], entry);
            assert!(kept["reason"].as_str().is_some_and(|reason| reason.contains("later release")), "{kept}");
        }
    }
}

/// The decimal number, of so many decimals, as an integer of its last one.
fn in_last_decimals(text: &str, decimals: usize) -> i128 {
    let (whole, fraction) = text.split_once('.').expect("a number with decimals");
    let (kept, rest) = fraction.split_at(decimals);
    let is_whole = rest.bytes().all(|digit| digit == b'0') || decimals == 3;
    assert!(is_whole, "{text} has more than {decimals} decimals");
    format!("{whole}{kept}").parse().expect("digits")
}

fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}

async fn make_table(config: &SdkConfig) {
    let attribute = |name: &str| {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(ScalarAttributeType::S).build().expect("a name and a type")
    };
    let key = |name: &str, kind: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a name and a type")
    };
    let made = DynamoClient::new(config)
        .create_table()
        .table_name(TABLE)
        .attribute_definitions(attribute("scope"))
        .attribute_definitions(attribute("day"))
        .key_schema(key("scope", KeyType::Hash))
        .key_schema(key("day", KeyType::Range))
        .billing_mode(BillingMode::PayPerRequest);
    made.send().await.expect("a table can be made");
}
