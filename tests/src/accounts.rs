//! The tables of one test in DynamoDB Local, and the one place of these tests that knows which items hold the money.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_aws::lanes::Lanes;
use tollgate_aws::ledger::DynamoLedger;
use tollgate_aws::overdue::DynamoOverdue;
use tollgate_aws::records::DynamoRecords;
use tollgate_aws::writes;
use tollgate_core::budget::Delta;
use tollgate_core::escrow::{self, Lane};
use tollgate_core::money::Nanos;
use tollgate_core::record::Record;
use tollgate_core::spend::{MONTH_ATTRIBUTE, SpendItem};
use tollgate_core::write::{self, number};

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
    pub counters: BTreeMap<(String, String), Delta>,
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
        let Tables { ledger, limits, cache, .. } = self.tables.clone();
        DynamoLedger::new(client_at(url), writes::Tables { ledger, limits, cache })
    }

    /// The lanes at this address.
    #[must_use]
    pub fn lanes_at(&self, url: &str) -> Lanes {
        Lanes::new(client_at(url), self.tables.limits.clone())
    }

    /// The ledger, read.
    #[must_use]
    pub fn reader(&self) -> DynamoRecords {
        DynamoRecords::new(self.client.clone(), self.tables.ledger.clone())
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

    /// What the records say at this moment is charged.
    ///
    /// # Panics
    /// If the table cannot be read.
    pub async fn charged(&self) -> Nanos {
        self.records().await.values().map(|record| record.charged_nanos).fold(Nanos::ZERO, Nanos::plus)
    }

    /// Compares every counter with the records that are counted in it, to the nano-dollar and the token: those of users
    /// and lanes with the records, those of teams, tenants and the organisation with the lanes.
    ///
    /// # Panics
    /// If they differ; the message says where.
    pub async fn balance(&self) -> Balance {
        let records = self.records().await;
        let (mut users, mut lanes) = (Sums::new(), Sums::new());
        for record in records.values() {
            count(&mut users, &record.spend_item(), record.charged().into());
            if let Some(lane) = record.lane() {
                add(&mut lanes, (lane.key(), String::new()), record.charged().into());
            }
        }
        let items = self.limits().await;
        let (mut parents, mut held) = (Sums::new(), Sums::new());
        for (key, item) in items.iter().filter(|(key, _)| key.starts_with("lane#")) {
            let room = escrow::room(item);
            assert!(room.nanos >= 0 && room.tokens >= 0, "{key} is overdrawn: {room:?}");
            add(&mut held, (key.clone(), String::new()), escrow::held(item));
            for parent in escrow::parent_items(&lane_at(key)) {
                count(&mut parents, &parent, escrow::held(item));
                count(&mut parents, &parent, room);
            }
        }
        let mut counters = Sums::new();
        for (key, item) in items.iter().filter(|(key, _)| key.starts_with("spend#")) {
            for attribute in item.keys().filter(|name| is_counter(name)) {
                let name = attribute.trim_end_matches("_tokens");
                let amount = number(item, attribute);
                let is_tokens = attribute.ends_with("_tokens");
                let delta = if is_tokens {
                    Delta { nanos: 0, tokens: amount }
                } else {
                    Delta { nanos: amount, tokens: 0 }
                };
                add(&mut counters, (key.clone(), name.to_owned()), delta);
            }
        }
        let mut said = users;
        said.extend(parents);
        for sums in [&mut counters, &mut said, &mut held, &mut lanes] {
            sums.retain(|_, delta| *delta != Delta::default());
        }
        assert_eq!(held, lanes, "the lanes (left) do not hold the sums of their records (right)");
        assert_eq!(counters, said, "the counters (left) are not the sums of what is counted in them (right)");
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

    /// The items of the limits table, by their keys.
    async fn limits(&self) -> BTreeMap<String, write::Item> {
        let read = |item: Item| {
            let item: write::Item = serde_dynamo::from_item(item).expect("an item is plain");
            (item["scope"].as_str().expect("the key is text").to_owned(), item)
        };
        self.scan(&self.tables.limits).await.into_iter().map(read).collect()
    }

    async fn scan(&self, table: &str) -> Vec<Item> {
        let scan = self.client.scan().table_name(table).consistent_read(true);
        let items = scan.into_paginator().items().send().try_collect().await;
        items.expect("the table can be read")
    }
}

/// Sums by item and attribute.
type Sums = BTreeMap<(String, String), Delta>;

fn add(sums: &mut Sums, at: (String, String), delta: Delta) {
    let sum = sums.entry(at).or_default();
    *sum = Delta { nanos: sum.nanos + delta.nanos, tokens: sum.tokens + delta.tokens };
}

/// Counts in both windows of an item.
fn count(sums: &mut Sums, item: &SpendItem, delta: Delta) {
    for attribute in [item.day_attribute.as_str(), MONTH_ATTRIBUTE] {
        add(sums, (item.key.clone(), attribute.to_owned()), delta);
    }
}

/// The lane whose item has this key.
fn lane_at(key: &str) -> Lane {
    let parts: Vec<&str> = key.split(['#', '/']).collect();
    let [_, tenant, team, number, day] = parts[..] else { panic!("no lane's key: {key}") };
    let name = |text: &str| text.parse().expect("a name");
    Lane {
        tenant: name(tenant),
        team: name(team),
        number: number.parse().expect("a number"),
        day: day.parse().expect("a day"),
    }
}

/// A month or one of its days, in money or tokens.
fn is_counter(attribute: &str) -> bool {
    let name = attribute.trim_end_matches("_tokens");
    let day = name.strip_prefix('d').unwrap_or_default();
    name == MONTH_ATTRIBUTE || (day.len() == 2 && day.bytes().all(|byte| byte.is_ascii_digit()))
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
