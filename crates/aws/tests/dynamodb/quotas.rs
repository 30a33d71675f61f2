//! Quotas of providers, shared by environments that know nothing of each other.

use futures_util::future::join_all;
use tollgate_aws::quotas::DynamoQuotas;
use tollgate_core::ports::{Drawn, Quotas};
use tollgate_core::quota::{Draw, Quota};
use tollgate_core::time::Timestamp;

use crate::accounts::NOON;
use crate::table::Table;

const QUOTA: Quota =
    Quota { tokens_per_minute: Some(1_000), requests_per_minute: None, failover_per_minute: None };

fn draw(team: &str, tokens: u64, now: Timestamp) -> Draw {
    let [target, account, team] = ["t", "own", team].map(str::to_owned);
    Draw { target, account, team, tokens, is_failover: false, now }
}

fn environment(table: &Table) -> DynamoQuotas {
    DynamoQuotas::new(table.client.clone(), table.name.clone())
}

#[tokio::test]
async fn environments_share_a_bucket_and_teams_its_minutes() {
    let Some(table) = Table::create("quotas-share", "scope").await else { return };
    for team in ["a/a", "a/b"] {
        assert_eq!(environment(&table).draw(&draw(team, 10, NOON), &QUOTA).await.unwrap(), Drawn::Taken);
    }
    let next = Timestamp::from_secs(NOON.as_secs() + 60);

    let mut taken = 0;
    for _ in 0..8 {
        let answer = environment(&table).draw(&draw("a/a", 100, next), &QUOTA).await.unwrap();
        taken += u32::from(answer == Drawn::Taken);
    }

    assert_eq!(taken, 5);
    let other = environment(&table).draw(&draw("a/b", 500, next), &QUOTA).await.unwrap();
    assert_eq!(other, Drawn::Taken);
    table.drop().await;
}

#[tokio::test]
async fn what_comes_back_can_be_drawn_by_an_environment_that_remembers_an_empty_bucket() {
    let Some(table) = Table::create("quotas-back", "scope").await else { return };
    let (one, other) = (environment(&table), environment(&table));
    let whole = draw("a/a", 1_000, NOON);
    assert_eq!(one.draw(&whole, &QUOTA).await.unwrap(), Drawn::Taken);
    assert!(matches!(one.draw(&whole, &QUOTA).await.unwrap(), Drawn::Refused { .. }));

    other.give_back(whole.give_back(&QUOTA, 100, NOON).unwrap()).await.unwrap();

    assert_eq!(one.draw(&draw("a/a", 900, NOON), &QUOTA).await.unwrap(), Drawn::Taken);
    table.drop().await;
}

#[tokio::test]
async fn a_race_for_a_bucket_takes_no_more_than_it_holds() {
    let Some(table) = Table::create("quotas-race", "scope").await else { return };
    let environments: Vec<_> = (0..8).map(|_| environment(&table)).collect();

    let call = draw("a/a", 300, NOON);
    let answers = join_all(environments.iter().map(|one| one.draw(&call, &QUOTA))).await;

    let taken = answers.into_iter().filter(|answer| matches!(answer, Ok(Drawn::Taken))).count();
    assert_eq!(taken, 3);
    table.drop().await;
}

#[tokio::test]
async fn a_race_for_a_bucket_of_failovers_takes_no_more_than_it_holds() {
    let Some(table) = Table::create("quotas-failover", "scope").await else { return };
    let environments: Vec<_> = (0..4).map(|_| environment(&table)).collect();
    let quota = Quota { failover_per_minute: Some(2), ..Quota::default() };

    let call = Draw { is_failover: true, ..draw("a/a", 1, NOON) };
    let answers = join_all(environments.iter().map(|one| one.draw(&call, &quota))).await;

    let taken = answers.into_iter().filter(|answer| matches!(answer, Ok(Drawn::Taken))).count();
    assert_eq!(taken, 2);
    table.drop().await;
}
