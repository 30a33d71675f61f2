use std::time::Duration;

use bytes::Bytes;
use tollgate_aws::cache::DynamoCache;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Cache, Entry};
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

use crate::table::Table;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn entry(reply: Bytes) -> Entry {
    Entry {
        reply,
        target: "bedrock/gpt".to_owned(),
        usage: Usage { input: 5, cached: 1, cache_write: 2, output: 7, reasoning: 3 },
        cost: Nanos(42),
        expires_at: NOON.as_secs() + 10,
    }
}

async fn cache(test: &str) -> Option<(Table, DynamoCache)> {
    let table = Table::create(test, "cacheKey").await?;
    let cache = DynamoCache::new(table.client.clone(), table.name.clone());
    Some((table, cache))
}

#[tokio::test]
async fn an_answer_is_served_as_it_was_kept_until_it_expires() {
    let Some((table, cache)) = cache("cache-entry").await else { return };
    let entry = entry(Bytes::from_static(b"data: \xff\x00\n\n"));

    cache.write("key", &entry).await.unwrap();

    let last = NOON.plus(Duration::from_secs(9));
    assert_eq!(cache.read("key", last).await.unwrap(), Some(entry));
    assert_eq!(cache.read("key", last.plus(Duration::from_secs(1))).await.unwrap(), None);
    assert_eq!(cache.read("other", NOON).await.unwrap(), None);
    let item = table.get("key").await.unwrap();
    assert_eq!(item["expiresAt"].as_n().unwrap(), &(NOON.as_secs() + 10).to_string());
    table.drop().await;
}

#[tokio::test]
async fn the_longest_answer_fits_and_a_longer_one_is_not_kept() {
    let Some((table, cache)) = cache("cache-long").await else { return };
    let longest = entry(Bytes::from(vec![b'x'; 380 * 1024]));
    let longer = entry(Bytes::from(vec![b'x'; 380 * 1024 + 1]));

    cache.write("longest", &longest).await.unwrap();
    cache.write("longer", &longer).await.unwrap();

    assert_eq!(cache.read("longest", NOON).await.unwrap(), Some(longest));
    assert_eq!(cache.read("longer", NOON).await.unwrap(), None);
    table.drop().await;
}
