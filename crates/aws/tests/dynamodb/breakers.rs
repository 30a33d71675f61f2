use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use futures_util::future::join_all;
use tollgate_aws::breakers::DynamoBreakers;
use tollgate_aws::outcomes::DynamoOutcomes;
use tollgate_core::breaker::{Breaker, BreakerPolicy, State};
use tollgate_core::health::{BUCKET_HOLDS, Outcome};
use tollgate_core::outcome::Cause;
use tollgate_core::ports::{Board, Breakers, Outcomes, Shift};
use tollgate_core::routing::Pace;
use tollgate_core::time::Timestamp;

use crate::table::Table;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn open(revision: u64) -> Breaker {
    Breaker { state: State::Open { until_us: NOON }, revision, ..Breaker::default() }
}

#[tokio::test]
async fn breakers_are_written_over_the_last_revision_only() {
    let Some(table) = Table::create("breakers", "id").await else { return };
    let breakers = DynamoBreakers::new(table.client.clone(), table.name.clone()).consistent();
    assert_eq!(breakers.all().await.unwrap(), Board::default());

    assert_eq!(breakers.write("a/b", &open(1)).await.unwrap(), Shift::Done);
    assert_eq!(breakers.write("a/b", &open(1)).await.unwrap(), Shift::Lost);
    assert_eq!(breakers.write("a/b", &open(3)).await.unwrap(), Shift::Lost);
    assert_eq!(breakers.write("a/b", &open(2)).await.unwrap(), Shift::Done);
    assert_eq!(breakers.write("id", &open(1)).await.unwrap(), Shift::Done);
    let pace = Pace { p95_us: 900, samples: 40, at_us: NOON };
    breakers.pace("a/b", &pace).await.unwrap();

    let board = breakers.all().await.unwrap();
    assert_eq!(board.breakers, [("a/b".to_owned(), open(2)), ("id".to_owned(), open(1))].into());
    assert_eq!(board.paces, [("a/b".to_owned(), pace)].into());
    table.drop().await;
}

#[tokio::test]
async fn of_sixty_four_environments_one_wins_the_probe() {
    let Some(table) = Table::create("breakers-probe", "id").await else { return };
    let breakers = DynamoBreakers::new(table.client.clone(), table.name.clone()).consistent();
    breakers.write("a", &open(1)).await.unwrap();
    let probe = async |environment: u64| {
        let known = breakers.all().await.unwrap().breakers.remove("a").unwrap();
        let now = NOON.plus(Duration::from_micros(environment));
        let probing = known.probing(&BreakerPolicy::default(), now);
        match probing {
            Some(probing) => breakers.write("a", &probing).await.unwrap(),
            None => Shift::Lost,
        }
    };

    let won = join_all((0..64).map(probe)).await;

    assert_eq!(won.iter().filter(|shift| **shift == Shift::Done).count(), 1);
    table.drop().await;
}

fn outcome(id: u64, at: Timestamp) -> Outcome {
    Outcome {
        ended_us: at,
        id: id.to_string(),
        cause: Cause::Ok,
        began_us: at,
        latency_us: 1,
        retry_after_secs: None,
    }
}

async fn rollups(test: &str) -> Option<(Table, DynamoOutcomes)> {
    let mut table = Table::create(test, "scope").await?;
    // With the range key that the template gives it.
    table.name.push_str("-days");
    let attribute = |name: &str| {
        let attribute =
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        attribute.build().unwrap()
    };
    let key =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let create = table.client.create_table().table_name(&table.name).billing_mode(BillingMode::PayPerRequest);
    let create = create.attribute_definitions(attribute("scope")).attribute_definitions(attribute("day"));
    let create = create.key_schema(key("scope", KeyType::Hash)).key_schema(key("day", KeyType::Range));
    create.send().await.unwrap();
    let outcomes = DynamoOutcomes::new(table.client.clone(), table.name.clone());
    Some((table, outcomes))
}

#[tokio::test]
async fn outcomes_are_a_set_and_a_window_holds_the_last_ones() {
    let Some((table, outcomes)) = rollups("outcomes").await else { return };
    let at = |secs| NOON.plus(Duration::from_secs(secs));
    let told: Vec<Outcome> = (0..12).map(|n| outcome(n, at(n * 5))).collect();

    outcomes.add("a", &told).await.unwrap();
    outcomes.add("a", &[told.clone(), told[..3].to_vec()].concat()).await.unwrap();
    outcomes.add("b", &[outcome(99, at(20))]).await.unwrap();

    assert_eq!(outcomes.window("a", NOON).await.unwrap(), told.iter().cloned().collect());
    assert_eq!(outcomes.window("a", at(32)).await.unwrap(), told[6..].iter().cloned().collect());
    assert_eq!(outcomes.window("c", NOON).await.unwrap(), [].into_iter().collect());
    table.drop().await;
}

#[tokio::test]
async fn a_bucket_that_is_full_takes_no_more() {
    let Some((table, outcomes)) = rollups("outcomes-full").await else { return };
    let most = u64::try_from(BUCKET_HOLDS).unwrap();
    let told: Vec<Outcome> = (0..most).map(|n| outcome(n, NOON)).collect();

    outcomes.add("a", &told).await.unwrap();
    outcomes.add("a", &[outcome(most, NOON)]).await.unwrap();

    assert_eq!(outcomes.window("a", NOON).await.unwrap(), told.into_iter().collect());
    table.drop().await;
}
