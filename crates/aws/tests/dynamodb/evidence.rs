//! Counters of verified pairs, under concurrent writers and repeated tries.

use futures_util::future::{join_all, try_join_all};
use tollgate_aws::evidence::DynamoEvidence;
use tollgate_core::ports::{Evidence, Noting};
use tollgate_core::semantic::evidence::{Histogram, Observation, Pool};
use tollgate_core::semantic::score::Score;
use tollgate_core::semantic::similarity::Similarity;

use crate::table::Table;

fn observation(millionths: i32, is_right: bool) -> Observation {
    Observation {
        similarity: Similarity::from_millionths(millionths),
        apart: 1,
        score: Score::from_millionths(990_000),
        is_right,
    }
}

fn noting<'a>(token: &'a str, entry: &'a str, observation: &'a Observation) -> Noting<'a> {
    Noting { token, entry, pool: "acme/route", observation, expires_at: 1_795_348_800 }
}

async fn evidence(test: &str) -> Option<(Table, DynamoEvidence)> {
    let table = Table::create(test, "cacheKey").await?;
    let evidence = DynamoEvidence::new(table.client.clone(), table.name.clone());
    Some((table, evidence))
}

#[tokio::test]
async fn nothing_is_known_of_what_was_never_noted() {
    let Some((table, evidence)) = evidence("evidence-none").await else { return };

    assert_eq!(evidence.of_entry("abc").await.unwrap(), Histogram::default());
    assert_eq!(evidence.of_pool("acme/route").await.unwrap(), Pool::default());
    table.drop().await;
}

#[tokio::test]
async fn all_that_concurrent_calls_observe_is_added_up() {
    let Some((table, evidence)) = evidence("evidence-many").await else { return };
    let seen: Vec<_> = (0..16).map(|call| observation(900_000 + 5_000 * (call % 4), call % 3 > 0)).collect();
    let (mut histogram, mut pool) = (Histogram::default(), Pool::default());
    for (call, observation) in seen.iter().enumerate() {
        pool.note(observation);
        if call % 2 == 0 {
            histogram.note(observation);
        }
    }

    let notes = seen.iter().enumerate().map(async |(call, observation)| {
        let entry = if call % 2 == 0 { "even" } else { "odd" };
        evidence.note(&noting(&format!("r-{call}"), entry, observation)).await
    });
    try_join_all(notes).await.unwrap();

    assert_eq!(evidence.of_entry("even").await.unwrap(), histogram);
    assert_eq!(evidence.of_pool("acme/route").await.unwrap(), pool);
    table.drop().await;
}

#[tokio::test]
async fn the_same_token_counts_once_however_often_it_is_tried() {
    let Some((table, evidence)) = evidence("evidence-twice").await else { return };
    let observation = observation(950_000, true);
    let mut once = Histogram::default();
    once.note(&observation);

    evidence.note(&noting("twice-1", "abc", &observation)).await.unwrap();
    let again =
        join_all((0..4).map(async |_| evidence.note(&noting("twice-1", "abc", &observation)).await)).await;

    assert!(again.iter().all(Result::is_ok), "{again:?}");
    assert_eq!(evidence.of_entry("abc").await.unwrap(), once);
    table.drop().await;
}

#[tokio::test]
async fn an_entry_s_item_expires_and_a_pool_s_does_not() {
    let Some((table, evidence)) = evidence("evidence-ttl").await else { return };

    evidence.note(&noting("expires-1", "abc", &observation(950_000, false))).await.unwrap();
    evidence.note(&noting("expires-2", "abc", &observation(600_000, false))).await.unwrap();

    let entry = table.get("learned#abc").await.unwrap();
    let pool = table.get("learned#pool#acme/route").await.unwrap();
    assert_eq!(entry["expiresAt"].as_n().unwrap(), "1795348800");
    assert_eq!((entry.len(), pool.len(), pool.contains_key("expiresAt")), (3, 3, false));
    table.drop().await;
}
