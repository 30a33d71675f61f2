//! The tables of one test in DynamoDB Local, and the one place of these tests that knows which items hold the money.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_aws::ledger::DynamoLedger;
use tollgate_aws::overdue::DynamoOverdue;
use tollgate_core::record::Record;
use tollgate_core::spend::MONTH_ATTRIBUTE;

use crate::tables::{Tables, drop_tables, make_tables};

type Item = std::collections::HashMap<String, AttributeValue>;

/// Ledger, limits, config and cache of a test.
pub struct Accounts {
    /// DynamoDB Local itself.
    pub url: String,
    /// Past all faults.
    pub client: Client,
    /// The tables' names.
    pub tables: Tables,
}

/// What ledger and counters say, where they agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Every record, by its id.
    pub records: BTreeMap<String, Record>,
    /// Every counter that is not zero: item and attribute.
    pub counters: BTreeMap<(String, String), i128>,
}

impl Accounts {
    /// Empty tables; `None` where there is no DynamoDB Local, which is said on stderr.
    pub async fn open(test: &str) -> Option<Self> {
        let Some(url) = tollgate_aws::vars::read("TOLLGATE_DYNAMODB_URL") else {
            skip(test);
            return None;
        };
        let client = client_at(&url);
        let tables = Tables::named(&format!("{test}-{:08x}", fastrand::u32(..)));
        make_tables(&client, &tables).await;
        Some(Self { url, client, tables })
    }

    /// A ledger with connections of its own, at this address: DynamoDB Local's or a proxy's.
    #[must_use]
    pub fn ledger_at(&self, url: &str) -> DynamoLedger {
        DynamoLedger::new(client_at(url), self.tables.ledger.clone(), self.tables.limits.clone())
    }

    /// The index of open records.
    #[must_use]
    pub fn overdue(&self) -> DynamoOverdue {
        DynamoOverdue::new(self.client.clone(), self.tables.ledger.clone())
    }

    /// How the ledger says that this call stands.
    ///
    /// # Panics
    /// If the table cannot be read.
    pub async fn record(&self, id: &str) -> Option<Record> {
        let key = AttributeValue::S(id.to_owned());
        let get = self.client.get_item().table_name(&self.tables.ledger).key("request_id", key);
        let item = get.consistent_read(true).send().await.expect("the ledger is there").item?;
        Some(serde_dynamo::from_item(item).expect("an item of the ledger is a record"))
    }

    /// What the counters hold at this moment for this record's user and day.
    ///
    /// # Panics
    /// If the table cannot be read.
    pub async fn spent_today(&self, record: &Record) -> i128 {
        let spend = record.spend_item();
        let key = AttributeValue::S(spend.key);
        let get = self.client.get_item().table_name(&self.tables.limits).key("scope", key);
        let item = get.consistent_read(true).send().await.expect("the limits are there").item;
        item.map_or(0, |item| whole(&item, &spend.day_attribute))
    }

    /// Compares every counter with the records that are counted in it, to the nano-dollar.
    ///
    /// # Panics
    /// If they differ; the message says where.
    pub async fn balance(&self) -> Balance {
        let records = self.records().await;
        let mut said: BTreeMap<(String, String), i128> = BTreeMap::new();
        for record in records.values() {
            for (item, attribute) in counters_of(record) {
                *said.entry((item, attribute)).or_default() += i128::from(record.charged_nanos.0);
            }
        }
        said.retain(|_, nanos| *nanos != 0);
        let counters = self.counters().await;
        assert_eq!(counters, said, "the counters (left) are not the sums of the records (right)");
        Balance { records, counters }
    }

    /// Deletes the tables.
    pub async fn close(self) {
        drop_tables(&self.client, &self.tables).await;
    }

    async fn records(&self) -> BTreeMap<String, Record> {
        let items = self.scan(&self.tables.ledger).await;
        let read = |item| serde_dynamo::from_item(item).expect("an item of the ledger is a record");
        let records = items.into_iter().map(read);
        records.map(|record: Record| (record.request_id.clone(), record)).collect()
    }

    /// What the limits table counts in money.
    async fn counters(&self) -> BTreeMap<(String, String), i128> {
        let mut counters = BTreeMap::new();
        for item in self.scan(&self.tables.limits).await {
            let key = item["scope"].as_s().expect("the key is text").clone();
            for attribute in item.keys().filter(|name| is_money(name)) {
                counters.insert((key.clone(), attribute.clone()), whole(&item, attribute));
            }
        }
        counters.retain(|_, nanos| *nanos != 0);
        counters
    }

    async fn scan(&self, table: &str) -> Vec<Item> {
        let scan = self.client.scan().table_name(table).consistent_read(true);
        let items = scan.into_paginator().items().send().try_collect().await;
        items.expect("the table can be read")
    }
}

/// The counters that a record's charge is in.
fn counters_of(record: &Record) -> Vec<(String, String)> {
    let spend = record.spend_item();
    [spend.day_attribute, MONTH_ATTRIBUTE.to_owned()].map(|name| (spend.key.clone(), name)).into()
}

/// A month or one of its days.
fn is_money(attribute: &str) -> bool {
    let day = attribute.strip_prefix('d').unwrap_or_default();
    attribute == MONTH_ATTRIBUTE || (day.len() == 2 && day.bytes().all(|byte| byte.is_ascii_digit()))
}

fn whole(item: &Item, attribute: &str) -> i128 {
    let text = item.get(attribute).and_then(|value| value.as_n().ok());
    text.map_or(0, |text| text.parse().expect("money is a whole number"))
}

/// A client as patient as the functions' own, so that what is lost is lost soon.
#[must_use]
pub fn client_at(url: &str) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(15))
        .build();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(ACCESS_KEY, ACCESS_KEY, None, None, "tests"))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(BACKOFF))
        .build();
    Client::from_conf(config)
}

/// The access key of everybody here: DynamoDB Local keeps the tables of each key apart.
pub const ACCESS_KEY: &str = "test";

/// The SDK's own first pause is a second: too long where one request in four fails.
const BACKOFF: Duration = Duration::from_millis(20);

/// Past the test harness, which hides what `eprintln!` says in a test that passes.
fn skip(test: &str) {
    use std::io::Write;
    let why = format!("skipped {test}: TOLLGATE_DYNAMODB_URL names no DynamoDB Local\n");
    drop(std::io::stderr().write_all(why.as_bytes()));
}
