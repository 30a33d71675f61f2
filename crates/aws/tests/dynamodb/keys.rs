use aws_sdk_dynamodb::types::AttributeValue;
use tollgate_aws::keys::DynamoKeys;
use tollgate_core::caller::{Budget, KeyRecord, KeyStatus, Role};
use tollgate_core::money::Nanos;
use tollgate_core::ports::Keys;
use tollgate_core::rate::RatePolicy;

use crate::table::Table;

#[tokio::test]
async fn a_key_reads_as_it_was_written() {
    let Some(table) = Table::create("keys", "key_hash").await else { return };
    let record = KeyRecord {
        key_id: "777777777777".parse().unwrap(),
        user: "alice".parse().unwrap(),
        team: "search".parse().unwrap(),
        tenant: "acme".parse().unwrap(),
        role: Role::Operator,
        status: KeyStatus::Active,
        rate: RatePolicy { interval_us: 100_000, burst: 20, requests_per_day: Some(1_000) },
        budget: Budget { day: Some(Nanos(5_000_000_000)), month: None },
        models: vec!["gpt-5.5".to_owned()],
        output: tollgate_core::output_policy::OutputPolicy::default(),
        created_at: "2026-11-22T12:00:00Z".to_owned(),
        expires_at: None,
        tags: tollgate_core::key::tag::Tags::new(),
        replaces: None,
        replaced_by: None,
        suspension: None,
    };
    let mut item: crate::table::Item = serde_dynamo::to_item(&record).unwrap();
    item.insert("key_hash".to_owned(), AttributeValue::S("abc".to_owned()));
    table.put(item).await;
    let keys = DynamoKeys::new(table.client.clone(), table.name.clone());

    assert_eq!(keys.find("abc").await.unwrap(), Some(record));
    assert_eq!(keys.find("other").await.unwrap(), None);
    table.drop().await;
}
