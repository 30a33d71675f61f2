use std::time::Duration;

use futures_util::future::join_all;
use tollgate_core::budget::Budget;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Ledger, Reservation, Transition};
use tollgate_core::spend::{Exhausted, Window};

use crate::accounts::{Accounts, NO_LIMIT, NOON, end, per_day, reserved, reserved_at};

fn refused(reservation: Reservation) -> Exhausted {
    let Reservation::Refused(exhausted) = reservation else { panic!("not refused: {reservation:?}") };
    exhausted
}

#[tokio::test]
async fn a_call_is_charged_from_its_bound_down_to_its_cost() {
    let Some(accounts) = Accounts::open("ledger-life").await else { return };
    let Accounts { ledger, .. } = &accounts;
    let reserved = reserved("r-1", 1_000);

    assert_eq!(ledger.reserve(&reserved, &per_day(1_000), None).await.unwrap(), Reservation::Granted);
    assert_eq!(accounts.record("r-1").await, Some(reserved.clone()));
    assert_eq!(accounts.spent(&reserved).await, Some((1_000, 1_000)));

    let sent = reserved.sent("bedrock/gpt");
    assert_eq!(ledger.send(&reserved, &sent).await.unwrap(), Transition::Done);
    assert_eq!(accounts.record("r-1").await, Some(sent.clone()));

    let settled = sent.settled(Nanos(300), end("ok"));
    assert_eq!(ledger.close(&sent, &settled).await.unwrap(), Transition::Done);
    assert_eq!(accounts.record("r-1").await, Some(settled));
    assert_eq!(accounts.spent(&reserved).await, Some((300, 300)));
    accounts.drop().await;
}

#[tokio::test]
async fn a_call_that_never_left_gives_its_bound_back() {
    let Some(accounts) = Accounts::open("ledger-release").await else { return };
    let reserved = reserved("r-1", 1_000);
    accounts.ledger.reserve(&reserved, &NO_LIMIT, None).await.unwrap();

    let released = reserved.released(end("unavailable"));
    assert_eq!(accounts.ledger.close(&reserved, &released).await.unwrap(), Transition::Done);

    assert_eq!(accounts.record("r-1").await, Some(released));
    assert_eq!(accounts.spent(&reserved).await, Some((0, 0)));
    accounts.drop().await;
}

#[tokio::test]
async fn of_sixty_four_calls_at_once_as_many_are_granted_as_the_limit_holds() {
    let Some(accounts) = Accounts::open("ledger-race").await else { return };
    let calls: Vec<_> = (0..64).map(|call| reserved(&format!("r-{call}"), 100)).collect();
    let budget = Budget { day: Some(Nanos(1_099)), month: Some(Nanos(5_000)), ..Budget::default() };

    let answers = join_all(calls.iter().map(|call| accounts.ledger.reserve(call, &budget, None))).await;

    let granted = answers.into_iter().filter(|answer| *answer.as_ref().unwrap() == Reservation::Granted);
    assert_eq!(granted.count(), 10);
    assert_eq!(accounts.spent(&calls[0]).await, Some((1_000, 1_000)));
    assert_eq!(accounts.charged().await, 1_000);
    accounts.drop().await;
}

#[tokio::test]
async fn a_refusal_names_the_window_and_what_is_spent_and_writes_nothing() {
    let Some(accounts) = Accounts::open("ledger-refused").await else { return };
    let Accounts { ledger, .. } = &accounts;
    ledger.reserve(&reserved("r-1", 70), &NO_LIMIT, None).await.unwrap();
    let tomorrow = reserved_at("r-2", 20, NOON.plus(Duration::from_secs(86_400)));
    ledger.reserve(&tomorrow, &NO_LIMIT, None).await.unwrap();

    let day = refused(ledger.reserve(&reserved("r-3", 31), &per_day(100), None).await.unwrap());
    let both = Budget { day: Some(Nanos(101)), month: Some(Nanos(120)), ..Budget::default() };
    let month = refused(ledger.reserve(&reserved("r-4", 31), &both, None).await.unwrap());
    let hopeless = refused(ledger.reserve(&reserved("r-5", 101), &per_day(100), None).await.unwrap());

    let expected = Exhausted {
        scope: "user#acme/alice".to_owned(),
        window: Window::Day,
        limit: Nanos(100),
        spent: Nanos(70),
        needed: Nanos(31),
        resets_at: NOON.day().end(),
    };
    assert_eq!(day, expected);
    assert_eq!((month.window, month.spent, month.limit), (Window::Month, Nanos(90), Nanos(120)));
    assert_eq!((hopeless.window, hopeless.needed), (Window::Day, Nanos(101)));
    for id in ["r-3", "r-4", "r-5"] {
        assert_eq!(accounts.record(id).await, None);
    }
    assert_eq!(accounts.spent(&tomorrow).await, Some((20, 90)));
    accounts.drop().await;
}

#[tokio::test]
async fn a_day_and_its_month_are_counted_where_the_call_began() {
    let Some(accounts) = Accounts::open("ledger-days").await else { return };
    let november = reserved("r-1", 1_000);
    let december = reserved_at("r-2", 500, NOON.day().end_of_month());
    let sent = accounts.sent(&november).await;
    accounts.sent(&december).await;

    let mut late = end("ok");
    late.ended_us = december.created_us.plus(Duration::from_secs(1));
    accounts.ledger.close(&sent, &sent.settled(Nanos(10), late)).await.unwrap();

    let item = accounts.limits.get("spend#user#acme/alice#2026-11").await.unwrap();
    let number = |name: &str| item[name].as_n().unwrap().as_str();
    assert_eq!((number("d22"), number("month")), ("10", "10"));
    let kept_until = (NOON.day().end_of_month().as_secs() + 400 * 86_400).to_string();
    assert_eq!(number("expires_at"), kept_until);
    assert_eq!(item.len(), 4);
    let item = accounts.limits.get("spend#user#acme/alice#2026-12").await.unwrap();
    assert_eq!(
        (item["d01"].as_n().unwrap().as_str(), item["month"].as_n().unwrap().as_str()),
        ("500", "500")
    );
    accounts.drop().await;
}

#[tokio::test]
async fn a_second_attempt_needs_room_for_its_own_bound() {
    let Some(accounts) = Accounts::open("ledger-extend").await else { return };
    let Accounts { ledger, .. } = &accounts;
    let sent = accounts.sent(&reserved("r-1", 60)).await;

    let extended = sent.extended(Nanos(40));
    let refusal = refused(ledger.extend(&sent, &extended, &per_day(99)).await.unwrap());
    assert_eq!((refusal.spent, refusal.needed), (Nanos(60), Nanos(40)));
    assert_eq!(accounts.record("r-1").await, Some(sent.clone()));
    assert_eq!(accounts.spent(&sent).await, Some((60, 60)));

    assert_eq!(ledger.extend(&sent, &extended, &per_day(100)).await.unwrap(), Reservation::Granted);
    assert_eq!(accounts.record("r-1").await, Some(extended.clone()));
    assert_eq!(accounts.spent(&sent).await, Some((100, 100)));

    let stale = ledger.extend(&sent, &sent.extended(Nanos(1)), &NO_LIMIT).await.unwrap();
    assert_eq!(stale, Reservation::Contended);
    assert_eq!(accounts.spent(&sent).await, Some((100, 100)));
    accounts.drop().await;
}

#[tokio::test]
async fn a_step_over_a_record_that_moved_is_lost_and_shows_what_stands_there() {
    let Some(accounts) = Accounts::open("ledger-moved").await else { return };
    let Accounts { ledger, .. } = &accounts;
    let first = reserved("r-1", 100);
    ledger.reserve(&first, &NO_LIMIT, None).await.unwrap();
    let released = first.expired(NOON);
    ledger.close(&first, &released).await.unwrap();

    let send = ledger.send(&first, &first.sent("target")).await.unwrap();
    let close = ledger.close(&first, &first.settled(Nanos(7), end("ok"))).await.unwrap();

    let lost = Transition::Lost(Box::new(released.clone()));
    assert_eq!((send, close), (lost.clone(), lost));
    let never = reserved("r-2", 100);
    assert_eq!(ledger.send(&never, &never.sent("target")).await.unwrap(), Transition::Missing);
    let closed = never.settled(Nanos(7), end("ok"));
    assert_eq!(ledger.close(&never, &closed).await.unwrap(), Transition::Missing);
    assert_eq!(accounts.record("r-1").await, Some(released));
    assert_eq!(accounts.record("r-2").await, None);
    assert_eq!(accounts.spent(&first).await, Some((0, 0)));
    accounts.drop().await;
}

#[tokio::test]
async fn of_two_ways_to_close_a_call_the_first_counts_and_the_second_learns_of_it() {
    let Some(accounts) = Accounts::open("ledger-twice").await else { return };
    let Accounts { ledger, .. } = &accounts;
    let sent = accounts.sent(&reserved("r-1", 100)).await;
    let settled = sent.settled(Nanos(30), end("ok"));

    assert_eq!(ledger.close(&sent, &settled).await.unwrap(), Transition::Done);
    let second = ledger.close(&sent, &sent.expired(NOON)).await.unwrap();

    assert_eq!(second, Transition::Lost(Box::new(settled.clone())));
    assert_eq!(accounts.record("r-1").await, Some(settled));
    assert_eq!(accounts.spent(&sent).await, Some((30, 30)));
    accounts.drop().await;
}

#[tokio::test]
async fn a_settlement_after_the_expiry_only_lowers_the_charge() {
    let Some(accounts) = Accounts::open("ledger-late").await else { return };
    let Accounts { ledger, .. } = &accounts;
    for (id, cost, charged) in [("r-1", 30, 30), ("r-2", 500, 100)] {
        let sent = accounts.sent(&reserved(id, 100)).await;
        let expired = sent.expired(NOON);
        ledger.close(&sent, &expired).await.unwrap();

        let late = ledger.close(&sent, &sent.settled(Nanos(cost), end("ok"))).await.unwrap();
        assert_eq!(late, Transition::Lost(Box::new(expired.clone())));
        let settled = expired.settled(Nanos(cost), end("ok"));
        assert_eq!(ledger.close(&expired, &settled).await.unwrap(), Transition::Done);

        assert_eq!(accounts.record(id).await.unwrap().charged_nanos, Nanos(charged));
    }
    assert_eq!(accounts.spent(&reserved("r-1", 0)).await, Some((130, 130)));
    accounts.drop().await;
}

#[tokio::test]
async fn a_step_whose_reply_was_lost_counts_once() {
    let Some(accounts) = Accounts::open("ledger-replay").await else { return };
    let Accounts { ledger, .. } = &accounts;
    let first = reserved("r-1", 100);
    let sent = first.sent("target");
    let extended = sent.extended(Nanos(50));
    let settled = extended.settled(Nanos(30), end("ok"));
    let budget = per_day(200);

    for _ in 0..2 {
        assert_eq!(ledger.reserve(&first, &budget, None).await.unwrap(), Reservation::Granted);
    }
    assert_eq!(accounts.spent(&first).await, Some((100, 100)));
    for _ in 0..2 {
        assert_eq!(ledger.send(&first, &sent).await.unwrap(), Transition::Done);
    }
    for _ in 0..2 {
        assert_eq!(ledger.extend(&sent, &extended, &budget).await.unwrap(), Reservation::Granted);
    }
    assert_eq!(accounts.spent(&first).await, Some((150, 150)));
    for _ in 0..2 {
        assert_eq!(ledger.close(&extended, &settled).await.unwrap(), Transition::Done);
    }
    assert_eq!(accounts.spent(&first).await, Some((30, 30)));
    assert_eq!(accounts.record("r-1").await, Some(settled));
    accounts.drop().await;
}

#[tokio::test]
async fn a_call_that_cost_nothing_is_entered_without_a_counter() {
    let Some(accounts) = Accounts::open("ledger-enter").await else { return };
    let hit = reserved("r-1", 0).settled(Nanos::ZERO, end("ok"));

    accounts.ledger.enter(&hit).await.unwrap();

    assert_eq!(accounts.record("r-1").await, Some(hit.clone()));
    assert_eq!(accounts.spent(&hit).await, None);
    accounts.drop().await;
}
