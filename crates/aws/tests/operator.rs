//! What operators write and read, against a real DynamoDB: every expression runs as it is.
//!
//! Set `TOLLGATE_DYNAMODB_URL` to the URL of DynamoDB Local or of the emulator; without it these tests say that they
//! were skipped.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test itself")]

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType,
};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use tollgate_aws::config_store::{Change, ConfigStore, Seed};
use tollgate_aws::key_register::{KeyRegister, Revocation};
use tollgate_aws::reports::Reports;
use tollgate_aws::settings::DynamoSettings;
use tollgate_aws::tenants::Tenants;
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::caller::{Caller, KeyRecord, KeyStatus, Role};
use tollgate_core::enforcement::Standing;
use tollgate_core::money::Nanos;
use tollgate_core::ports::Settings;
use tollgate_core::rate::RatePolicy;
use tollgate_core::record::{CacheOutcome, Opening, Record};
use tollgate_core::settings::{Document, FLAG_ID, Flag, HEAD_COPIES, Head, Tenant, head_id};
use tollgate_core::spend::Scope;
use tollgate_core::time::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

/// A table of its own for one test; `None` where there is no DynamoDB to try.
async fn table(purpose: &str, keys: &[&str], index: Option<(&str, &str)>) -> Option<(Client, String)> {
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
    let client = Client::from_conf(config);
    let name = format!("operator-{purpose}-{}", tollgate_aws::clock::now().as_micros());
    let create = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
    let create = create.set_key_schema(Some(schema(keys)));
    let create = match index {
        None => create.set_attribute_definitions(Some(attributes(keys))),
        Some((index, key)) => create
            .set_attribute_definitions(Some(attributes(&[keys, &[key]].concat())))
            .global_secondary_indexes(
                GlobalSecondaryIndex::builder()
                    .index_name(index)
                    .set_key_schema(Some(schema(&[key])))
                    .projection(Projection::builder().projection_type(ProjectionType::All).build())
                    .build()
                    .unwrap(),
            ),
    };
    create.send().await.unwrap();
    Some((client, name))
}

fn schema(keys: &[&str]) -> Vec<KeySchemaElement> {
    let types = [KeyType::Hash, KeyType::Range];
    keys.iter()
        .zip(types)
        .map(|(key, kind)| KeySchemaElement::builder().attribute_name(*key).key_type(kind).build().unwrap())
        .collect()
}

fn attributes(names: &[&str]) -> Vec<AttributeDefinition> {
    let text = |name: &&str| {
        let definition = AttributeDefinition::builder().attribute_name(*name);
        definition.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    names.iter().map(text).collect()
}

fn flag(enabled: bool, who: &str) -> Flag {
    Flag { enabled, who: who.to_owned(), why: "a test".to_owned(), since_us: NOW, until_us: None }
}

fn texts(routing: &str) -> BTreeMap<Document, String> {
    [(Document::Catalogue, "{}"), (Document::Prices, "{}"), (Document::Routing, routing)]
        .map(|(document, text)| (document, text.to_owned()))
        .into()
}

async fn heads(client: &Client, table: &str) -> Vec<Head> {
    let mut heads = Vec::new();
    for copy in 0..HEAD_COPIES {
        let get = client.get_item().table_name(table).key("id", AttributeValue::S(head_id(copy)));
        let item = get.consistent_read(true).send().await.unwrap().item.unwrap();
        heads.push(from_item(item).unwrap());
    }
    heads
}

fn versions(seed: Seed) -> Vec<(Option<u64>, u64)> {
    let Seed::Done(changes) = seed else { panic!("{seed:?}") };
    changes.iter().map(|Change { before, version, .. }| (*before, *version)).collect()
}

#[tokio::test]
async fn a_seed_counts_versions_and_leaves_the_flag_as_it_is() {
    let Some((client, table)) = table("seed", &["id"], None).await else { return };
    let store = ConfigStore::new(&client, &table);

    let settings = DynamoSettings::new(client.clone(), table.clone());
    let first = store.seed(&texts("1"), &flag(true, "seed")).await.unwrap();
    let stopped = flag(false, "budgets");
    let item: HashMap<String, AttributeValue> = to_item(&stopped).unwrap();
    let put = client.put_item().table_name(&table).set_item(Some(item));
    put.item("id", AttributeValue::S(FLAG_ID.to_owned())).send().await.unwrap();
    let second = store.seed(&texts("2"), &flag(true, "seed")).await.unwrap();

    assert_eq!(versions(first), [(None, 1), (None, 1), (None, 1)]);
    assert_eq!(versions(second), [(Some(1), 1), (Some(1), 1), (Some(1), 2)]);
    let expected = Head {
        flag: stopped,
        catalogue: 1,
        prices: 1,
        routing: 2,
        budgets: 0,
        purges: 0,
        enforcement: 0,
        standing: Standing::default(),
    };
    assert_eq!(heads(&client, &table).await, vec![expected; usize::from(HEAD_COPIES)]);
    assert_eq!(settings.document(Document::Routing).await.unwrap().as_deref(), Some("2"));
    for (document, version, text) in [
        (Document::Routing, 1, Some("1")),
        (Document::Routing, 2, Some("2")),
        (Document::Routing, 3, None),
        (Document::Prices, 1, Some("{}")),
        (Document::Prices, 2, None),
    ] {
        let kept = store.version(document, version).await.unwrap();
        assert_eq!(kept.as_ref().map(|kept| kept.text.as_str()), text, "{document:?} {version}");
    }
}

#[tokio::test]
async fn a_seed_mends_a_copy_of_the_head_that_was_lost() {
    let Some((client, table)) = table("mend", &["id"], None).await else { return };
    let store = ConfigStore::new(&client, &table);
    store.seed(&texts("1"), &flag(true, "seed")).await.unwrap();
    let delete = client.delete_item().table_name(&table);
    delete.key("id", AttributeValue::S(head_id(7))).send().await.unwrap();

    store.seed(&texts("1"), &flag(true, "later")).await.unwrap();

    let expected = Head {
        flag: flag(true, "seed"),
        catalogue: 1,
        prices: 1,
        routing: 1,
        budgets: 0,
        purges: 0,
        enforcement: 0,
        standing: Standing::default(),
    };
    assert_eq!(heads(&client, &table).await, vec![expected; usize::from(HEAD_COPIES)]);
}

#[tokio::test]
async fn seeds_at_once_never_share_a_version() {
    let Some((client, table)) = table("race", &["id"], None).await else { return };
    let store = ConfigStore::new(&client, &table);
    let seed =
        async |writer: u32| store.seed(&texts(&writer.to_string()), &flag(true, "seed")).await.unwrap();

    let outcomes = futures_util::future::join_all((0..6).map(seed)).await;

    let done = outcomes.into_iter().filter(|seed| matches!(seed, Seed::Done(_)));
    let mut routing: Vec<u64> = done.map(|seed| versions(seed)[2].1).collect();
    routing.sort_unstable();
    let count = u64::try_from(routing.len()).unwrap();
    assert!(count > 0);
    assert_eq!(routing, (1..=count).collect::<Vec<_>>());
    assert!(heads(&client, &table).await.iter().all(|head| head.routing == count));
}

fn key(id: &str, created_at: &str, requests_per_day: Option<u64>) -> KeyRecord {
    let name = |text: &str| text.parse().unwrap();
    KeyRecord {
        key_id: name(id),
        user: name("alice"),
        team: name("search"),
        tenant: name("default"),
        role: Role::Caller,
        status: KeyStatus::Active,
        rate: RatePolicy { interval_us: 100_000, burst: 20, requests_per_day },
        key_rate: None,
        plan: None,
        budget: Budget { day: requests_per_day.map(Nanos), ..Budget::default() },
        flow: FlowPolicy::default(),
        models: requests_per_day.map(|_| "gpt-5.5".to_owned()).into_iter().collect(),
        output: tollgate_core::output_policy::OutputPolicy::default(),
        sharing: tollgate_core::cache::Sharing::default(),
        created_at: created_at.to_owned(),
        expires_at: requests_per_day,
        tags: tollgate_core::key::tag::Tags::new(),
        replaces: None,
        replaced_by: None,
        suspension: None,
    }
}

#[tokio::test]
async fn keys_are_entered_listed_and_revoked_once() {
    let Some((client, table)) = table("keys", &["key_hash"], Some(("by-id", "key_id"))).await else { return };
    let keys = KeyRegister::new(&client, &table);
    let (late, early) = (key("k1", "2026-11-22T10:00:00Z", None), key("k2", "2026-11-21T10:00:00Z", Some(7)));
    keys.enter("h1", &late).await.unwrap();
    keys.enter("h2", &early).await.unwrap();

    let taken = keys.enter("h1", &early).await;
    let first = keys.revoke(&late.key_id).await.unwrap();
    let second = keys.revoke(&late.key_id).await.unwrap();
    let unknown = keys.revoke(&"k3".parse().unwrap()).await.unwrap();

    assert!(taken.is_err());
    assert_eq!([first, second, unknown], [Revocation::Done, Revocation::Already, Revocation::Unknown]);
    let revoked = KeyRecord { status: KeyStatus::Revoked, ..late };
    assert_eq!(keys.list().await.unwrap(), [early, revoked]);
}

#[tokio::test]
async fn tenants_are_found_and_listed_and_nothing_else() {
    let Some((client, table)) = table("tenants", &["id"], None).await else { return };
    let tenants = Tenants::new(&client, &table);
    let settings = DynamoSettings::new(client.clone(), table.clone());
    ConfigStore::new(&client, &table).seed(&texts("1"), &flag(true, "seed")).await.unwrap();
    let acme = Tenant { role_arn: Some("arn".to_owned()), external_id: Some("x".to_owned()) };
    tenants.put(&"acme".parse().unwrap(), &acme).await.unwrap();
    tenants.put(&"beta".parse().unwrap(), &Tenant::default()).await.unwrap();

    assert_eq!(settings.tenant("acme").await.unwrap(), Some(acme.clone()));
    assert_eq!(settings.tenant("nobody").await.unwrap(), None);
    let expected = [("acme".to_owned(), acme), ("beta".to_owned(), Tenant::default())];
    assert_eq!(tenants.list().await.unwrap(), expected.into());
}

#[tokio::test]
async fn a_call_is_read_as_it_was_entered() {
    let Some((client, table)) = table("ledger", &["request_id"], None).await else { return };
    let caller = Caller::from_context(|key| match key {
        "budget" => Some(r#"{"budget_day_nanos":5}"#.to_owned()),
        "flow" | "output" | "sharing" => None,
        _ => Some("caller".to_owned()),
    });
    let opening = Opening {
        request_id: "r-1".to_owned(),
        model: "gpt-5.5".to_owned(),
        stream: true,
        trace_id: None,
        cache: CacheOutcome::Miss,
        bound: Nanos(u64::MAX).into(),
        lane: Some(0),
        now: NOW,
        deadline: NOW,
        retention_days: 400,
    };
    let record = Record::open(&caller.unwrap(), opening).sent("t").expired(NOW);
    let item = to_item(&record).unwrap();
    client.put_item().table_name(&table).set_item(Some(item)).send().await.unwrap();
    let reports = Reports::new(&client, &table, "none");

    assert_eq!(reports.record("r-1").await.unwrap(), Some(record));
    assert_eq!(reports.record("r-2").await.unwrap(), None);
}

#[tokio::test]
async fn days_are_read_from_the_first_to_the_last() {
    let Some((client, table)) = table("rollups", &["scope", "day"], None).await else { return };
    for (scope, day, cost) in [
        ("org", "2026-10-31", 1),
        ("org", "2026-11-01", 2),
        ("org", "2026-11-30", -3),
        ("x", "2026-11-01", 4),
    ] {
        let put = client.put_item().table_name(&table).item("scope", AttributeValue::S(scope.to_owned()));
        let put = put.item("day", AttributeValue::S(day.to_owned()));
        put.item("cost_nanos", AttributeValue::N(cost.to_string())).send().await.unwrap();
    }
    let reports = Reports::new(&client, "none", &table);
    let (first, last) = ("2026-11-01".parse().unwrap(), "2026-11-30".parse().unwrap());

    let days = reports.days(&Scope::Organisation, first, last).await.unwrap();

    let costs: Vec<_> = days.iter().map(|day| (day.day, day.cost_nanos, day.calls)).collect();
    assert_eq!(costs, [(first, 2, 0), (last, -3, 0)]);
}
