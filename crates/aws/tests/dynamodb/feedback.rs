//! Ratings of answers: one on the record, and their sum beside the breakers.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use tollgate_aws::breakers::DynamoBreakers;
use tollgate_aws::feedback::DynamoRatings;
use tollgate_core::feedback::Rated;
use tollgate_core::ports::{Breakers, Ratings};
use tollgate_core::routing::Rating;
use tollgate_core::semantic::millionths::Millionths;

use crate::table::Table;

fn record(id: &str, state: &str) -> HashMap<String, AttributeValue> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    [("request_id".to_owned(), text(id)), ("state".to_owned(), text(state))].into()
}

#[tokio::test]
async fn a_rating_counts_once_however_often_and_by_whomever_it_is_said() {
    let Some(ledger) = Table::create("ratings-ledger", "request_id").await else { return };
    let Some(config) = Table::create("ratings-config", "id").await else { return };
    let ratings = DynamoRatings::new(ledger.client.clone(), &ledger.name, &config.name);
    ledger.put(record("r-1", "settled")).await;
    ledger.put(record("r-2", "settled")).await;
    ledger.put(record("r-3", "sent")).await;
    let rate = async |id: &str, parts: u32| ratings.rate(id, "a/b", Millionths::new(parts)).await.unwrap();

    let at_once = join_all((0..8).map(|_| rate("r-1", 250_000))).await;
    assert!(at_once.iter().all(|rated| *rated == Rated::Done), "{at_once:?}");
    assert_eq!(rate("r-1", 1_000_000).await, Rated::Otherwise);
    assert_eq!(rate("r-2", 1_000_000).await, Rated::Done);
    assert_eq!(rate("r-3", 1_000_000).await, Rated::Otherwise);

    let breakers = DynamoBreakers::new(config.client.clone(), config.name.clone()).consistent();
    let board = breakers.all().await.unwrap();
    assert_eq!(board.ratings, [("a/b".to_owned(), Rating { sum: 1_250_000, count: 2 })].into());
    assert!(board.breakers.is_empty());
    ledger.drop().await;
    config.drop().await;
}
