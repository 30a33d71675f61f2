//! The books and the overdue records against a real DynamoDB: every expression runs as it is.
//!
//! Set `TOLLGATE_DYNAMODB_URL` to the URL of DynamoDB Local or of the emulator; without it these tests say that they
//! were skipped.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test itself")]

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType,
};
use futures_util::future::join_all;
use tollgate_aws::overdue::DynamoOverdue;
use tollgate_aws::rollups::DynamoRollups;
use tollgate_core::ports::{Overdue, Rollups};
use tollgate_core::record::Record;
use tollgate_core::rollup::{POSTINGS_PER_TRANSACTION, Posting};
use tollgate_core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

/// A client; `None` where there is no DynamoDB to try.
fn client() -> Option<Client> {
    let Some(url) = tollgate_aws::vars::read("TOLLGATE_DYNAMODB_URL") else {
        eprintln!("SKIPPED: set TOLLGATE_DYNAMODB_URL to run this test against a DynamoDB");
        return None;
    };
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url(url)
        .build();
    Some(Client::from_conf(config))
}

fn schema(keys: &[&str]) -> Vec<KeySchemaElement> {
    let types = [KeyType::Hash, KeyType::Range];
    keys.iter()
        .zip(types)
        .map(|(key, kind)| KeySchemaElement::builder().attribute_name(*key).key_type(kind).build().unwrap())
        .collect()
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

fn name(purpose: &str) -> String {
    format!("books-{purpose}-{}", tollgate_aws::clock::now().as_micros())
}

async fn rollups_table(client: &Client, purpose: &str) -> String {
    let name = name(purpose);
    let create = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
    create
        .set_key_schema(Some(schema(&["scope", "day"])))
        .attribute_definitions(attribute("scope", ScalarAttributeType::S))
        .attribute_definitions(attribute("day", ScalarAttributeType::S))
        .send()
        .await
        .unwrap();
    name
}

async fn ledger_table(client: &Client) -> String {
    let name = name("ledger");
    let index = GlobalSecondaryIndex::builder()
        .index_name("open")
        .set_key_schema(Some(schema(&["open", "deadline_us"])))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap();
    let create = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
    create
        .set_key_schema(Some(schema(&["request_id"])))
        .attribute_definitions(attribute("request_id", ScalarAttributeType::S))
        .attribute_definitions(attribute("open", ScalarAttributeType::S))
        .attribute_definitions(attribute("deadline_us", ScalarAttributeType::N))
        .global_secondary_indexes(index)
        .send()
        .await
        .unwrap();
    name
}

fn record(id: &str, changes: &serde_json::Value) -> Record {
    let mut record = serde_json::json!({
        "request_id": id, "state": "sent", "open": "open#07", "deadline_us": 5, "created_us": 1, "expires_at": 9,
        "key_id": "k", "user": "alice", "team": "search", "tenant": "default", "model": "gpt-5.5", "stream": false,
        "day": "2026-11-22", "reserved_nanos": 100, "charged_nanos": 100, "attempts": 1, "target": "t", "cache": "miss"
    });
    record.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::from_value(record).unwrap()
}

fn settled(id: &str, user: &str, cost: u64) -> Record {
    record(
        id,
        &serde_json::json!({
            "state": "settled", "open": null, "user": user, "charged_nanos": cost, "ended_us": 4, "outcome": "ok",
            "latency_us": 3, "usage": {"input": 3, "cached": 1, "cache_write": 0, "output": 2, "reasoning": 0}
        }),
    )
}

fn call(id: &str, user: &str, cost: u64) -> Posting {
    Posting::of(None, settled(id, user, cost)).unwrap().unwrap()
}

async fn item(client: &Client, table: &str, scope: &str, day: &str) -> HashMap<String, AttributeValue> {
    let get = client.get_item().table_name(table).consistent_read(true);
    let get =
        get.key("scope", AttributeValue::S(scope.to_owned())).key("day", AttributeValue::S(day.to_owned()));
    get.send().await.unwrap().item.unwrap_or_default()
}

async fn numbers(client: &Client, table: &str, scope: &str, names: &[&str]) -> Vec<String> {
    let item = item(client, table, scope, "2026-11-22").await;
    names.iter().map(|name| item[*name].as_n().unwrap().clone()).collect()
}

#[tokio::test]
async fn postings_are_added_once_however_often_they_come() {
    let Some(client) = client() else { return };
    let table = rollups_table(&client, "once").await;
    let rollups = DynamoRollups::new(client.clone(), table.clone());
    let postings = [call("a", "alice", 10), call("b", "bob", 20), call("c", "alice", 30)];

    rollups.add(&postings[..2], NOW).await.unwrap();
    rollups.add(&postings[1..], NOW).await.unwrap();
    rollups.add(&postings, NOW).await.unwrap();

    let names = [
        "calls",
        "cost_nanos",
        "tokens_input",
        "tokens_output",
        "tokens_cached",
        "hits",
        "saved_nanos",
        "saved_tokens",
        "errors",
    ];
    assert_eq!(numbers(&client, &table, "org", &names).await, ["3", "60", "9", "6", "3", "0", "0", "0", "0"]);
    assert_eq!(numbers(&client, &table, "user#default/alice", &names[..2]).await, ["2", "40"]);
    assert_eq!(numbers(&client, &table, "user#default/bob", &names[..2]).await, ["1", "20"]);
    assert_eq!(numbers(&client, &table, "model#t", &names[..2]).await, ["3", "60"]);
    let marker = item(&client, &table, "seen#a", "settled").await;
    assert_eq!(marker["expires_at"].as_n().unwrap(), &(NOW.as_secs() + 14 * 86_400).to_string());
}

#[tokio::test]
async fn a_late_settlement_takes_back_what_the_expiry_charged() {
    let Some(client) = client() else { return };
    let table = rollups_table(&client, "late").await;
    let rollups = DynamoRollups::new(client.clone(), table.clone());
    let sent = record("a", &serde_json::json!({}));
    let expired = sent.expired(NOW);
    let late = settled("a", "alice", 40);
    let expiry = Posting::of(Some(&sent), expired.clone()).unwrap().unwrap();
    let correction = Posting::of(Some(&expired), late).unwrap().unwrap();

    rollups.add(&[expiry.clone(), correction.clone()], NOW).await.unwrap();
    rollups.add(&[correction, expiry], NOW).await.unwrap();

    let names = ["calls", "cost_nanos", "tokens_input", "errors"];
    assert_eq!(numbers(&client, &table, "org", &names).await, ["1", "40", "3", "0"]);
}

#[tokio::test]
async fn the_largest_group_is_one_transaction_and_racing_groups_lose_nothing() {
    let Some(client) = client() else { return };
    let table = rollups_table(&client, "race").await;
    let groups: Vec<Vec<Posting>> = (0..12)
        .map(|group| {
            let id = |index| format!("r-{}", group / 2 * POSTINGS_PER_TRANSACTION + index);
            (0..POSTINGS_PER_TRANSACTION).map(|index| call(&id(index), &format!("user-{index}"), 7)).collect()
        })
        .collect();

    let rollups = DynamoRollups::new(client.clone(), table.clone());
    let added = join_all(groups.iter().map(|group| rollups.add(group, NOW))).await;

    // Each group came twice at the same time; whichever of the two was late must have found it done.
    for (pair, results) in added.chunks(2).enumerate() {
        if results.iter().all(Result::is_err) {
            rollups.add(&groups[pair * 2], NOW).await.unwrap();
        }
    }
    let calls = (6 * POSTINGS_PER_TRANSACTION).to_string();
    let cost = (6 * POSTINGS_PER_TRANSACTION * 7).to_string();
    assert_eq!(numbers(&client, &table, "org", &["calls", "cost_nanos"]).await, [calls, cost]);
}

#[tokio::test]
async fn pages_hold_what_is_overdue_in_one_partition() {
    let Some(client) = client() else { return };
    let table = ledger_table(&client).await;
    for index in 0..120 {
        let changes = serde_json::json!({"deadline_us": 1_000 + index});
        put(&client, &table, &record(&format!("r-{index:03}"), &changes)).await;
    }
    put(&client, &table, &record("not-yet", &serde_json::json!({"deadline_us": 5_000}))).await;
    put(&client, &table, &record("elsewhere", &serde_json::json!({"open": "open#08"}))).await;
    put(&client, &table, &settled("closed", "alice", 1)).await;
    let overdue = DynamoOverdue::new(client, table);

    let (mut found, mut pages, mut start) = (Vec::new(), 0, None);
    loop {
        let page = overdue.page("open#07", Timestamp::from_micros(1_119), start).await.unwrap();
        found.extend(page.records.into_iter().map(|record| record.request_id));
        pages += 1;
        start = page.next;
        if start.is_none() {
            break;
        }
    }

    let expected: Vec<String> = (0..119).map(|index| format!("r-{index:03}")).collect();
    assert_eq!((found, pages), (expected, 3));
}

async fn put(client: &Client, table: &str, record: &Record) {
    let item = serde_dynamo::to_item(record).unwrap();
    client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}
