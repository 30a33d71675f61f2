//! Where functions run without the stack: their tables, their settings, and the stream that moves the breakers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType,
};
use aws_sdk_dynamodbstreams::config::{BehaviorVersion, Credentials as AwsCredentials, Region};
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use tollgate_aws::clock;
use tollgate_aws::config_store::{ConfigStore, Seed};
use tollgate_core::settings::{Document, Flag};
use tollgate_local::function::{Credentials, Function, FunctionSpec, StaticCredentials};
use tollgate_local::pump::{Limits, Mapping, Policy, Pump, Responses};
use tollgate_tests::accounts::{ACCESS_KEY, Accounts};
use tollgate_tests::stack::root;

pub(crate) struct Site<'a> {
    pub(crate) accounts: &'a Accounts,
    /// Its table of rollups.
    pub(crate) rollups: &'a str,
    /// Whose logs they are.
    pub(crate) name: &'a str,
}

impl Site<'_> {
    /// Makes what the accounts lack: the rollups, and the ledger's stream, whose ARN it says.
    pub(crate) async fn open(&self) -> String {
        make_rollups(self.accounts, self.rollups).await;
        open_stream(self.accounts).await
    }

    pub(crate) async fn seed(&self, texts: &BTreeMap<Document, String>) {
        let (who, why) = ("tests".to_owned(), self.name.to_owned());
        let flag = Flag { enabled: true, who, why, since_us: clock::now(), until_us: None };
        let store = ConfigStore::new(&self.accounts.client, &self.accounts.tables.config);
        let seeded = store.seed(texts, &flag).await.expect("the config table is there");
        assert!(matches!(seeded, Seed::Done(_)), "{seeded:?}");
    }

    /// Hands the ledger's stream to health, for as long as somebody polls it.
    pub(crate) fn follow(
        &self,
        stream_arn: String,
        health: &Arc<Function>,
    ) -> impl Future<Output = ()> + use<> {
        let pump = Pump::new(mapping(stream_arn, health), streams(&self.accounts.url), health.clone());
        async move { panic!("the pump ended: {}", pump.run().await) }
    }

    pub(crate) fn function(
        &self,
        binary: &str,
        suffix: &str,
        concurrency: usize,
        more: &[(&str, &str)],
    ) -> Function {
        let tables = &self.accounts.tables;
        let environment = [
            ("CONFIG_TABLE", tables.config.as_str()),
            ("LIMITS_TABLE", &tables.limits),
            ("CACHE_TABLE", &tables.cache),
            ("LEDGER_TABLE", &tables.ledger),
            ("ROLLUPS_TABLE", self.rollups),
            ("METRIC_NAMESPACE", "Tollgate"),
            ("TOLLGATE_ENVIRONMENT", "dev"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.accounts.url),
            // Nobody is there: breakers must not need CloudWatch.
            ("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9"),
        ];
        let all = environment.iter().chain(more);
        let name = format!("tollgate-{binary}{suffix}");
        let executable = root().join(format!("target/debug/{binary}"));
        assert!(executable.exists(), "{} is not there: `make bins` builds it", executable.display());
        let spec = FunctionSpec {
            arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{name}"),
            name,
            binary: executable,
            environment: all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            timeout: Duration::from_secs(60),
            memory_mb: 1_024,
            concurrency: Some(concurrency),
            log_file: self.log_file(&format!("{binary}{suffix}")),
        };
        let credentials = Credentials {
            access_key_id: ACCESS_KEY.to_owned(),
            secret_access_key: ACCESS_KEY.to_owned(),
            session_token: None,
            expires_at: None,
        };
        Function::new(spec, Arc::new(StaticCredentials(credentials)))
    }

    fn log_file(&self, name: &str) -> PathBuf {
        let folder = root().join("target/end-to-end").join(self.name);
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        folder.join(format!("{name}.log"))
    }
}

fn streams(url: &str) -> aws_sdk_dynamodbstreams::Client {
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(AwsCredentials::new(ACCESS_KEY, ACCESS_KEY, None, None, "tests"))
        .build();
    aws_sdk_dynamodbstreams::Client::from_conf(config)
}

/// As the template has it.
fn mapping(stream_arn: String, health: &Function) -> Mapping {
    Mapping {
        id: "health".to_owned(),
        stream_arn,
        function_arn: health.spec().arn.clone(),
        starting_position: ShardIteratorType::TrimHorizon,
        limits: Limits { records: 100, window: Duration::ZERO },
        responses: Responses::Partial,
        policy: Policy { bisect: false, max_retries: Some(5) },
        on_failure: None,
    }
}

async fn open_stream(accounts: &Accounts) -> String {
    let images = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()
        .expect("a stream that is enabled");
    let update = accounts.client.update_table().table_name(&accounts.tables.ledger);
    let updated = update.stream_specification(images).send().await.expect("the ledger can have a stream");
    let table = updated.table_description.expect("a table is described");
    table.latest_stream_arn.expect("it has a stream now")
}

async fn make_rollups(accounts: &Accounts, name: &str) {
    let attribute = |name: &str| {
        let attribute =
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        attribute.build().expect("an attribute with a name and a type")
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key with a name")
    };
    let table = accounts
        .client
        .create_table()
        .table_name(name)
        .attribute_definitions(attribute("scope"))
        .attribute_definitions(attribute("day"))
        .key_schema(key("scope", KeyType::Hash))
        .key_schema(key("day", KeyType::Range))
        .billing_mode(BillingMode::PayPerRequest);
    table.send().await.expect("a table can be made");
}
