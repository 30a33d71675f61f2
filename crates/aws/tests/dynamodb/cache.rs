use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tollgate_aws::cache::DynamoCache;
use tollgate_core::cache::{About, Entry, Labels, Lease, Leasing};
use tollgate_core::idempotency::Form;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Cache, Standing};
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

use crate::table::Table;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn entry(reply: Bytes) -> Entry {
    let about = About {
        request_id: "r-1".to_owned(),
        form: Form::Events,
        include_usage: true,
        target: "bedrock/gpt".to_owned(),
        usage: Usage { input: 5, cached: 1, cache_write: 2, output: 7, reasoning: 3 },
        cost_nanos: Nanos(42),
        asked_us: NOON,
        expires_at: NOON.as_secs() + 10,
        question: None,
        labels: Labels {
            tenant: "acme".parse().unwrap(),
            model: "gpt-5.5".to_owned(),
            template: "answer:3".parse().ok(),
            tags: vec!["docs".parse().unwrap()],
        },
    };
    Entry { about, reply }
}

fn lease(holder: &str) -> Lease {
    Lease::new(holder, Duration::from_secs(5), NOON)
}

async fn cache(test: &str) -> Option<(Table, DynamoCache)> {
    let table = Table::create(test, "cacheKey").await?;
    let cache = DynamoCache::new(table.client.clone(), table.name.clone(), None);
    Some((table, cache))
}

/// Bytes that no packing makes shorter.
fn noise(length: usize) -> Bytes {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| byte()).collect()
}

#[tokio::test]
async fn an_answer_is_served_as_it_was_kept_until_it_expires() {
    let Some((table, cache)) = cache("cache-entry").await else { return };
    let entry = entry(Bytes::from_static(b"data: \xff\x00\n\n"));

    cache.write("key", &entry).await.unwrap();

    let last = NOON.plus(Duration::from_secs(9));
    assert_eq!(cache.read("key", last).await.unwrap(), Standing { entry: Some(entry), lease: None });
    let expired = cache.read("key", last.plus(Duration::from_secs(1))).await.unwrap();
    assert_eq!(
        (expired, cache.read("other", NOON).await.unwrap()),
        (Standing::default(), Standing::default())
    );
    let item = table.get("key").await.unwrap();
    assert_eq!(item["expiresAt"].as_n().unwrap(), &(NOON.as_secs() + 10).to_string());
    table.drop().await;
}

#[tokio::test]
async fn what_no_item_holds_is_not_kept_without_a_bucket() {
    let Some((table, cache)) = cache("cache-long").await else { return };
    let (longest, longer) = (entry(noise(290 * 1024)), entry(noise(310 * 1024)));
    let packs_well = entry(Bytes::from(vec![b'x'; 2 * 1024 * 1024]));

    cache.write("longest", &longest).await.unwrap();
    cache.write("longer", &longer).await.unwrap();
    cache.write("packs well", &packs_well).await.unwrap();

    assert_eq!(cache.read("longest", NOON).await.unwrap().entry, Some(longest));
    assert_eq!(cache.read("longer", NOON).await.unwrap().entry, None);
    assert_eq!(cache.read("packs well", NOON).await.unwrap().entry, Some(packs_well));
    table.drop().await;
}

#[tokio::test]
async fn of_all_who_ask_at_once_one_leads() {
    let Some((table, cache)) = cache("cache-lead").await else { return };
    let leases: Vec<Lease> = (0..16).map(|call| lease(&format!("r-{call}"))).collect();

    let taken = join_all(leases.iter().map(|lease| cache.lease("key", lease, NOON))).await;

    let leaders: Vec<usize> = (0..16).filter(|&call| matches!(taken[call], Ok(Leasing::Taken))).collect();
    assert_eq!(leaders.len(), 1, "{taken:?}");
    let leader = &leases[leaders[0]];
    for other in taken.iter().filter_map(|taken| taken.as_ref().ok()) {
        assert!(matches!(other, Leasing::Taken) || *other == Leasing::Held(leader.clone()), "{other:?}");
    }
    assert_eq!(cache.read("key", NOON).await.unwrap().lease.as_ref(), Some(leader));
    table.drop().await;
}

#[tokio::test]
async fn a_lease_is_freed_by_its_holder_by_its_answer_or_by_time() {
    let Some((table, cache)) = cache("cache-lease").await else { return };
    let (one, other) = (lease("r-1"), lease("r-2"));
    assert_eq!(cache.lease("key", &one, NOON).await.unwrap(), Leasing::Taken);

    cache.release("key", "r-2").await.unwrap();
    assert_eq!(cache.lease("key", &other, NOON).await.unwrap(), Leasing::Held(one.clone()));
    cache.release("key", "r-1").await.unwrap();
    assert_eq!(cache.lease("key", &other, NOON).await.unwrap(), Leasing::Taken);
    cache.write("key", &entry(Bytes::from_static(b"x"))).await.unwrap();
    assert_eq!(cache.read("key", NOON).await.unwrap().lease, None);
    assert_eq!(cache.lease("key", &one, NOON).await.unwrap(), Leasing::Taken);
    assert!(cache.read("key", NOON).await.unwrap().entry.is_some());
    // The leader died.
    let later = one.until_us;
    assert_eq!(cache.read("key", later).await.unwrap().lease, None);
    let next = Lease::new("r-3", Duration::from_secs(5), later);
    assert_eq!(cache.lease("key", &next, later).await.unwrap(), Leasing::Taken);
    cache.release("nothing", "r-1").await.unwrap();
    table.drop().await;
}

#[tokio::test]
async fn garbage_is_an_error_and_no_panic() {
    let Some((table, cache)) = cache("cache-garbage").await else { return };
    cache.write("key", &entry(Bytes::from_static(b"x"))).await.unwrap();
    let mut item = table.get("key").await.unwrap();
    let garbage = aws_sdk_dynamodb::primitives::Blob::new(b"no gzip".to_vec());
    item.insert("reply".to_owned(), aws_sdk_dynamodb::types::AttributeValue::B(garbage));
    table.client.put_item().table_name(&table.name).set_item(Some(item)).send().await.unwrap();

    assert_eq!(cache.read("key", NOON).await.unwrap_err().store, "cache");
    table.drop().await;
}
