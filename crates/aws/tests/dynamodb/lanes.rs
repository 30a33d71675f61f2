//! Budgets above the user: lanes, grants, recalls and the snapshot before a refusal, against DynamoDB's own rules.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use tollgate_aws::lanes::Lanes;
use tollgate_core::budget::{Amount, Budget, FlowPolicy};
use tollgate_core::flow::FlowRefusal;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Escrows, Ledger, Reservation, Transition};
use tollgate_core::record::Record;
use tollgate_core::reservation::{Limits, Refusal, Taking};
use tollgate_core::time::Timestamp;

use crate::accounts::{Accounts, NOON, UNLIMITED, end, reserved};

/// The organisation may spend so much a day.
fn organisation(nanos: u64, chunk: u64) -> Limits {
    let day = Budget { day: Some(Nanos(nanos)), ..Budget::UNLIMITED };
    let parents = [Budget::UNLIMITED, Budget::UNLIMITED, day];
    Limits { parents, chunk: Amount { nanos: Nanos(chunk), tokens: chunk }, ..UNLIMITED }
}

/// A call of a team, in one of its lanes.
fn call(id: &str, team: &str, lane: u16, bound: u64) -> Record {
    let user = id.parse().unwrap();
    Record { user, team: team.parse().unwrap(), lane: Some(lane), ..reserved(id, bound) }
}

async fn take(accounts: &Accounts, record: &Record, limits: &Limits) -> Reservation {
    accounts.ledger.take(Taking::new(None, record.clone(), limits, None, record.created_us)).await.unwrap()
}

/// What a counter of an item holds.
async fn number(accounts: &Accounts, key: &str, attribute: &str) -> i128 {
    let item = accounts.limits.get(key).await.unwrap_or_else(HashMap::new);
    item.get(attribute).map_or(0, |value| value.as_n().unwrap().parse().unwrap())
}

#[tokio::test]
async fn never_over_and_all_that_fits_of_sixty_four_clients_of_one_organisation() {
    let Some(accounts) = Accounts::open("lanes-race").await else { return };
    let limits = organisation(2_050, 300);
    let calls: Vec<_> = (0..64_u16)
        .map(|call_number| {
            call(
                &format!("r-{call_number}"),
                ["search", "ads", "maps"][usize::from(call_number % 3)],
                call_number % 2,
                100,
            )
        })
        .collect();
    let until_answered = async |record: &Record| loop {
        match take(&accounts, record, &limits).await {
            // What the caller of a contended budget does: 503 asks to try again.
            Reservation::Contended => tokio::time::sleep(Duration::from_millis(20)).await,
            answer => return answer,
        }
    };

    let answers = join_all(calls.iter().map(until_answered)).await;

    let granted = answers.iter().filter(|answer| matches!(answer, Reservation::Granted(_))).count();
    assert_eq!(granted, 20);
    for answer in answers {
        let Reservation::Refused(Refusal::Budget(refusal)) = answer else { continue };
        assert_eq!((refusal.scope.as_str(), refusal.limit, refusal.spent), ("org", 2_050, 2_000));
    }
    assert_eq!(accounts.charged().await, 2_000);
    let counted = number(&accounts, "spend#org#2026-11", "d22").await;
    assert!((2_000..=2_050).contains(&counted), "{counted}");
    accounts.drop().await;
}

#[tokio::test]
async fn budget_race_of_sixty_four_first_calls_of_a_team_admits_what_fits() {
    let Some(accounts) = Accounts::open("lanes-team").await else { return };
    let team = Budget { month_tokens: Some(64 * 3), ..Budget::UNLIMITED };
    let limits = Limits { parents: [team, Budget::UNLIMITED, Budget::UNLIMITED], ..organisation(0, 2) };
    let calls: Vec<_> = (0..64)
        .map(|id| Record {
            charged_tokens: 6,
            reserved_tokens: 6,
            ..call(&format!("r-{id}"), "search", 0, 1)
        })
        .collect();

    let mut granted = 0;
    for round in calls.chunks(16) {
        let answers = join_all(round.iter().map(async |record| {
            loop {
                match take(&accounts, record, &limits).await {
                    Reservation::Contended => {}
                    answer => return answer,
                }
            }
        }));
        granted += answers.await.iter().filter(|answer| matches!(answer, Reservation::Granted(_))).count();
    }

    assert_eq!(granted, 32);
    assert_eq!(number(&accounts, "spend#team#acme/search#2026-11", "month_tokens").await, 64 * 3);
    accounts.drop().await;
}

#[tokio::test]
async fn false_rejections_idle_escrow_of_another_team_is_called_back_before_a_refusal() {
    let Some(accounts) = Accounts::open("lanes-recall").await else { return };
    let limits = organisation(1_000, 1_000);
    // One small call, and the whole budget lies in the lane of its team.
    assert!(matches!(take(&accounts, &call("r-1", "ads", 0, 10), &limits).await, Reservation::Granted(_)));
    assert_eq!(number(&accounts, "lane#acme/ads#0#2026-11-22", "room").await, 990);

    let second = take(&accounts, &call("r-2", "search", 0, 990), &limits).await;
    let third = take(&accounts, &call("r-3", "search", 0, 1), &limits).await;

    assert!(matches!(second, Reservation::Granted(_)), "{second:?}");
    let Reservation::Refused(Refusal::Budget(refusal)) = third else { panic!("{third:?}") };
    assert_eq!((refusal.spent, refusal.needed), (1_000, 1));
    assert_eq!(number(&accounts, "lane#acme/ads#0#2026-11-22", "room").await, 0);
    accounts.drop().await;
}

#[tokio::test]
async fn idle_escrow_goes_back_and_a_lane_in_use_keeps_its_own() {
    let Some(accounts) = Accounts::open("lanes-idle").await else { return };
    let limits = organisation(1_000, 500);
    let record = call("r-1", "ads", 0, 10);
    take(&accounts, &record, &limits).await;
    let lanes = Lanes::new(accounts.limits.client.clone(), accounts.limits.name.clone());
    let day = NOON.day();
    let after = |secs| -> Timestamp { record.created_us.plus(Duration::from_secs(secs)) };

    assert!(lanes.idle(day, after(9)).await.unwrap().is_empty());
    assert!(lanes.idle(day.before(1), after(10)).await.unwrap().is_empty());
    let idle = lanes.idle(day, after(10)).await.unwrap();
    let [(lane, item)] = &idle[..] else { panic!("{idle:?}") };
    let mut later = call("r-2", "ads", 0, 10);
    later.created_us = after(11);
    take(&accounts, &later, &limits).await;

    assert!(!lanes.give_back(lane, item).await.unwrap(), "a call came");
    let (lane, item) = &lanes.idle(day, after(21)).await.unwrap()[0];
    assert!(lanes.give_back(lane, item).await.unwrap());
    assert_eq!(number(&accounts, "spend#org#2026-11", "d22").await, 20);
    assert_eq!(number(&accounts, "lane#acme/ads#0#2026-11-22", "room").await, 0);
    assert!(lanes.idle(day, after(3_700)).await.unwrap().is_empty());
    accounts.drop().await;
}

#[tokio::test]
async fn a_closed_call_leaves_its_lane_and_its_flow() {
    let Some(accounts) = Accounts::open("lanes-flow").await else { return };
    let limits = organisation(10_000, 500);
    let flow_policy = FlowPolicy { max_concurrent: Some(1), tokens_per_minute: Some(600) };
    let open = |id: &str| Record {
        flow_policy,
        charged_tokens: 300,
        reserved_tokens: 300,
        user: "alice".parse().unwrap(),
        ..call(id, "ads", 0, 10)
    };
    let first = open("r-1");
    assert!(matches!(take(&accounts, &first, &limits).await, Reservation::Granted(_)));

    let second = take(&accounts, &open("r-2"), &limits).await;
    assert_eq!(second, Reservation::Refused(Refusal::Flow(FlowRefusal::Concurrency { limit: 1 })));

    let sent = first.sent("t");
    assert_eq!(accounts.ledger.send(&first, &sent).await.unwrap(), Transition::Done);
    let settled = sent.settled(Amount { nanos: Nanos(4), tokens: 100 }, end("ok"));
    assert_eq!(accounts.ledger.close(&sent, &settled).await.unwrap(), Transition::Done);

    let Reservation::Granted(granted) = take(&accounts, &open("r-3"), &limits).await else { panic!() };
    assert_eq!(granted.tokens.map(|tokens| tokens.limit), Some(600));
    assert_eq!(number(&accounts, "lane#acme/ads#0#2026-11-22", "held").await, 14);
    let Reservation::Refused(Refusal::Flow(FlowRefusal::Concurrency { .. })) =
        take(&accounts, &open("r-4"), &limits).await
    else {
        panic!()
    };
    accounts.drop().await;
}

#[tokio::test]
async fn counters_of_more_than_200_scopes_are_all_kept() {
    let Some(accounts) = Accounts::open("lanes-scopes").await else { return };
    let limits = Limits { user: Budget { day: Some(Nanos(10)), ..Budget::UNLIMITED }, ..UNLIMITED };
    let limits = Limits { chunk: Amount { nanos: Nanos(10_000), tokens: 10_000 }, ..limits };
    let calls = |round: &str| -> Vec<Record> {
        let one = |user: usize| Record {
            user: format!("user-{user}").parse().unwrap(),
            ..call(&format!("{round}-{user}"), "ads", 0, 6)
        };
        (0..220).map(one).collect()
    };

    for record in calls("first") {
        assert!(matches!(take(&accounts, &record, &limits).await, Reservation::Granted(_)));
    }
    for record in calls("second") {
        let Reservation::Refused(Refusal::Budget(refusal)) = take(&accounts, &record, &limits).await else {
            panic!("{} was forgotten", record.user)
        };
        assert_eq!(refusal.spent, 6);
    }
    accounts.drop().await;
}

#[tokio::test]
async fn a_lowered_limit_counts_as_soon_as_the_room_of_all_lanes_has_gone_back() {
    let Some(accounts) = Accounts::open("lanes-lowered").await else { return };
    take(&accounts, &call("r-1", "ads", 0, 10), &organisation(1_000, 500)).await;
    let lanes = Lanes::new(accounts.limits.client.clone(), accounts.limits.name.clone());

    assert!(lanes.give_all_back(NOON).await.unwrap());

    let lower = organisation(50, 500);
    let over = take(&accounts, &call("r-2", "ads", 0, 41), &lower).await;
    let Reservation::Refused(Refusal::Budget(refusal)) = over else { panic!("{over:?}") };
    assert_eq!((refusal.limit, refusal.spent), (50, 10));
    assert!(matches!(take(&accounts, &call("r-3", "ads", 0, 40), &lower).await, Reservation::Granted(_)));
    accounts.drop().await;
}
