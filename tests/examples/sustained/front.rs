//! A second front door beside the stack's own, with the same template, authorizer and gateway, whose tables are in DynamoDB
//! Local: the emulator of the local stack answers a few hundred requests a second, which is too few for 50 calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{BillingMode, GlobalSecondaryIndex, TableDescription};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tollgate_local::front_door::{FrontDoor, Stage};
use tollgate_local::function::{Credentials, Function, FunctionSpec, StaticCredentials};
use tollgate_local::stack::{DeployedFunction, Stack as Description};
use tollgate_tests::accounts::{ACCESS_KEY, Accounts, client_at};
use tollgate_tests::stack::{Stack, root};
use tollgate_tests::tables::Tables;

/// The door, and what is behind it. It closes when it is dropped.
pub(crate) struct Front {
    pub(crate) accounts: Accounts,
    functions: BTreeMap<String, Arc<Function>>,
    _door: JoinSet<()>,
}

impl Front {
    /// Opens it, and points the stack's variables at it.
    pub(crate) async fn open(stack: &mut Stack, binaries: &Path) -> Self {
        let url = tollgate_aws::vars::read("TOLLGATE_DYNAMODB_URL").expect("tools/with_oracle.py sets it");
        let description = Description::read(&stack.path("stack.json")).expect("a running stack is described");
        let accounts = copy_tables(&description, url).await;
        stack.environment.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), accounts.url.clone());
        let (said, is_seeded) = stack.tollgate(&["config", "seed"]).await;
        assert!(is_seeded, "{said}");
        let build = |(id, deployed): (&String, &DeployedFunction)| {
            (id.clone(), Arc::new(function(deployed, stack, &accounts, binaries)))
        };
        let functions: BTreeMap<_, _> = description.functions.iter().map(build).collect();
        let output = |name| description.output(name).expect("the template has this output").to_owned();
        let (api_id, name) = (output("ApiId"), output("StageName"));
        let stage = Stage {
            api_id,
            name,
            region: description.region.clone(),
            account_id: "000000000000".to_owned(),
            api_keys: description.api_keys.clone(),
        };
        let door =
            FrontDoor::new(&description.openapi, stage, functions.clone()).expect("the API can be served");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        stack.environment.insert("OPENAI_BASE_URL".to_owned(), format!("http://{address}/v1"));
        let mut serving = JoinSet::new();
        serving.spawn(Arc::new(door).serve(listener));
        Self { accounts, functions, _door: serving }
    }

    /// Waits until every answer is settled.
    pub(crate) async fn settled(&self) {
        for function in self.functions.values() {
            function.all_free().await;
        }
    }

    pub(crate) async fn close(self) {
        for function in self.functions.values() {
            function.shut_down().await;
        }
    }
}

fn function(deployed: &DeployedFunction, stack: &Stack, accounts: &Accounts, binaries: &Path) -> Function {
    let standin = stack.variable("TOLLGATE_STANDIN_URL");
    let mut environment = deployed.environment.clone();
    let endpoints = [
        ("AWS_ENDPOINT_URL", stack.variable("AWS_ENDPOINT_URL")),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", standin),
        ("PROVIDER_ENDPOINT", standin),
        ("AWS_ENDPOINT_URL_DYNAMODB", &accounts.url),
    ];
    environment.extend(endpoints.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let spec = FunctionSpec {
        name: deployed.name.clone(),
        arn: deployed.arn.clone(),
        binary: root().join(binaries).join(&deployed.binary),
        environment,
        timeout: Duration::from_secs(deployed.timeout_secs),
        memory_mb: deployed.memory_mb,
        concurrency: deployed.reserved_concurrency,
        log_file: log_file(&deployed.binary),
    };
    let key = ACCESS_KEY.to_owned();
    let credentials = Credentials {
        access_key_id: key.clone(),
        secret_access_key: key,
        session_token: None,
        expires_at: None,
    };
    Function::new(spec, Arc::new(StaticCredentials(credentials)))
}

fn log_file(name: &str) -> PathBuf {
    let folder = root().join("target/local/sustained");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder.join(format!("{name}.log"))
}

/// The tables of the deployed template, empty, in DynamoDB Local.
async fn copy_tables(description: &Description, url: String) -> Accounts {
    let (from, client) = (client_at(&description.endpoint), client_at(&url));
    let output = |name| description.output(name).expect("the template has this output").to_owned();
    for name in ["ConfigTable", "KeysTable", "LimitsTable", "CacheTable", "LedgerTable"] {
        let described = from.describe_table().table_name(output(name)).send().await;
        let table = described.expect("the stack has the table").table.expect("a table is described");
        copy_table(&client, table).await;
    }
    let tables = Tables {
        ledger: output("LedgerTable"),
        limits: output("LimitsTable"),
        config: output("ConfigTable"),
        cache: output("CacheTable"),
    };
    Accounts { url, client, tables }
}

async fn copy_table(client: &Client, table: TableDescription) {
    let index = |index: aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription| {
        GlobalSecondaryIndex::builder()
            .set_index_name(index.index_name)
            .set_key_schema(index.key_schema)
            .set_projection(index.projection)
            .build()
            .expect("an index that is there is whole")
    };
    let indexes: Vec<_> = table.global_secondary_indexes.unwrap_or_default().into_iter().map(index).collect();
    let create = client
        .create_table()
        .set_table_name(table.table_name)
        .set_attribute_definitions(table.attribute_definitions)
        .set_key_schema(table.key_schema)
        .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()))
        .billing_mode(BillingMode::PayPerRequest);
    create.send().await.expect("an empty DynamoDB Local takes the table");
}
