//! An emulator with one table, its stream and a bucket, and a function that does what the test says.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use aws_sdk_dynamodbstreams::config::{BehaviorVersion, Region};
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tollgate_local::credentials::root;
use tollgate_local::emulator::{Emulator, EmulatorSpec, Iam};
use tollgate_local::pump::{Bucket, Limits, Mapping, Outcome, Policy, Pump, Responses, Target};

const TABLE: &str = "ledger";
const BUCKET: &str = "failed-records";
const REGION: &str = "us-east-1";
/// Far more than a batch window and the pauses between retries.
const PATIENCE: Duration = Duration::from_secs(20);

type Invocation = (Value, oneshot::Sender<Outcome>);

pub(crate) struct World {
    emulator: Emulator,
    tables: aws_sdk_dynamodb::Client,
    stream_arn: String,
    invocations: mpsc::Receiver<Invocation>,
    function: Option<Function>,
    pumps: JoinSet<()>,
    folder: PathBuf,
}

/// Hands each event to the test and waits for what the test makes of it.
struct Function(mpsc::Sender<Invocation>);

impl Target for Function {
    async fn invoke(&self, event: Bytes) -> Outcome {
        let event = serde_json::from_slice(&event).unwrap();
        let (reply, outcome) = oneshot::channel();
        self.0.send((event, reply)).await.unwrap();
        outcome.await.unwrap()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("tollgate-pump-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let emulator = start_emulator(&folder).await;
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(emulator.endpoint())
            .credentials_provider(root())
            .build();
        let tables = aws_sdk_dynamodb::Client::from_conf(config);
        let stream_arn = create_table(&tables).await;
        let bucket = format!("{}/{BUCKET}", emulator.endpoint());
        reqwest::Client::new().put(bucket).send().await.unwrap().error_for_status().unwrap();
        let (sender, invocations) = mpsc::channel(1);
        let function = Some(Function(sender));
        let pumps = JoinSet::new();
        Self { emulator, tables, stream_arn, invocations, function, pumps, folder }
    }

    pub(crate) fn stream_arn(&self) -> &str {
        &self.stream_arn
    }

    pub(crate) async fn put(&self, id: &str, n: u32) {
        let request = self.tables.put_item().table_name(TABLE);
        let request = request.item("id", AttributeValue::S(id.to_owned()));
        request.item("n", AttributeValue::N(n.to_string())).send().await.unwrap();
    }

    pub(crate) async fn delete(&self, id: &str) {
        let request = self.tables.delete_item().table_name(TABLE);
        request.key("id", AttributeValue::S(id.to_owned())).send().await.unwrap();
    }

    /// Starts the pump into the function.
    pub(crate) fn pump(&mut self, limits: Limits, responses: Responses, policy: Policy) {
        let endpoint = self.emulator.endpoint().to_owned();
        let config = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(&endpoint)
            .credentials_provider(root())
            .build();
        let bucket = Bucket {
            endpoint,
            region: REGION.to_owned(),
            name: BUCKET.to_owned(),
            credentials: SharedCredentialsProvider::new(root()),
        };
        let mapping = Mapping {
            id: "mapping-1".to_owned(),
            stream_arn: self.stream_arn.clone(),
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:emitter".to_owned(),
            starting_position: ShardIteratorType::TrimHorizon,
            limits,
            responses,
            policy,
            on_failure: Some(bucket),
        };
        let function = self.function.take().expect("a world has one pump");
        let pump = Pump::new(mapping, aws_sdk_dynamodbstreams::Client::from_conf(config), function);
        self.pumps.spawn(async { panic!("the pump has ended: {}", pump.run().await) });
    }

    /// Waits for the next invocation, lets it end so, and gives its event.
    pub(crate) async fn expect(&mut self, outcome: Outcome) -> Value {
        self.expect_with(|_| outcome).await
    }

    pub(crate) async fn expect_with(&mut self, decide: impl FnOnce(&Value) -> Outcome) -> Value {
        let invocation = tokio::time::timeout(PATIENCE, self.invocations.recv()).await;
        let (event, reply) = invocation.expect("the function should have been invoked").unwrap();
        reply.send(decide(&event)).unwrap();
        event
    }

    /// Keys and bodies of what is in the bucket.
    pub(crate) async fn objects(&self) -> Vec<(String, String)> {
        let bucket = format!("{}/{BUCKET}", self.emulator.endpoint());
        let listing = reqwest::get(format!("{bucket}?list-type=2")).await.unwrap().text().await.unwrap();
        let keys = listing.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        let mut objects = Vec::new();
        for key in keys {
            let body = reqwest::get(format!("{bucket}/{key}")).await.unwrap().text().await.unwrap();
            objects.push((key.to_owned(), body));
        }
        objects
    }
}

impl Drop for World {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// The ids of the records of an event, in order.
pub(crate) fn ids(event: &Value) -> Vec<String> {
    let records = event["Records"].as_array().unwrap();
    records.iter().map(|record| record["dynamodb"]["Keys"]["id"]["S"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn answer(payload: &'static str) -> Outcome {
    Outcome::Answered(Bytes::from_static(payload.as_bytes()))
}

/// A report that the records at these places of the event have failed.
pub(crate) fn report(event: &Value, places: &[usize]) -> Outcome {
    let failures: Vec<Value> = places
        .iter()
        .map(|place| json!({ "itemIdentifier": event["Records"][place]["dynamodb"]["SequenceNumber"] }))
        .collect();
    Outcome::Answered(json!({ "batchItemFailures": failures }).to_string().into())
}

async fn start_emulator(folder: &Path) -> Emulator {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = checkout.join("target/tools/stack/bin/python");
    assert!(python.exists(), "{} is missing: `make test` installs the emulator", python.display());
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = probe.local_addr().unwrap().port();
    drop(probe);
    let spec = EmulatorSpec {
        python,
        launcher: checkout.join("crates/local/emulator/launch.py"),
        port,
        iam: Iam::Ignored,
        log_file: folder.join("emulator.log"),
        temp_dir: folder.join("tmp"),
        vectors_url: String::new(),
    };
    Emulator::start(&spec).await.unwrap()
}

async fn create_table(tables: &aws_sdk_dynamodb::Client) -> String {
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let attribute =
        AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()
        .unwrap();
    let request = tables.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    let request = request.key_schema(key).attribute_definitions(attribute.build().unwrap());
    let created = request.stream_specification(stream).send().await.unwrap();
    created.table_description.unwrap().latest_stream_arn.unwrap()
}
