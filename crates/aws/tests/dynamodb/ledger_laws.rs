//! Whatever steps come in whatever order: the counter is the sum of what the records say.

use fastrand::Rng;
use futures_util::future::join_all;
use tollgate_core::budget::Budget;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Ledger, Reservation, Transition};
use tollgate_core::record::{Record, State};

use crate::accounts::{Accounts, NOON, end, per_day, reserved};

const RUNS: u64 = 12;
const STEPS: usize = 40;
const CALLS: usize = 4;
const LIMIT: u64 = 500;

/// One process's view of a call, which others may have moved since.
type View = Option<Record>;

/// Takes one step at random from what this process knows; what it learns becomes its view.
async fn step(accounts: &Accounts, id: usize, view: View, mut random: Rng, budget: &Budget) -> View {
    let amount = random.u64(0..300);
    let ledger = &accounts.ledger;
    let seen = if view.is_none() { accounts.record(&format!("r-{id}")).await } else { view };
    let Some(before) = seen else {
        let first = reserved(&format!("r-{id}"), amount);
        let answer = ledger.reserve(&first, budget, None).await.unwrap();
        return (answer == Reservation::Granted).then_some(first);
    };
    let after = match (random.u8(0..5), before.state) {
        (0, State::Reserved | State::Sent) => {
            let after = before.sent("target");
            return known(ledger.send(&before, &after).await.unwrap(), before, after);
        }
        (1, State::Sent) => {
            let after = before.extended(Nanos(amount));
            let answer = ledger.extend(&before, &after, budget).await.unwrap();
            return Some(if answer == Reservation::Granted { after } else { before });
        }
        (2, State::Reserved) => before.released(end("unavailable")),
        (3, State::Reserved | State::Sent) => before.expired(NOON),
        (_, State::Sent | State::Expired) => {
            before.settled(Nanos(amount).min(before.charged_nanos), end("ok"))
        }
        _ => return Some(before),
    };
    known(ledger.close(&before, &after).await.unwrap(), before, after)
}

fn known(transition: Transition, before: Record, after: Record) -> View {
    match transition {
        Transition::Done => Some(after),
        Transition::Lost(now) => Some(*now),
        Transition::Missing => Some(before),
    }
}

async fn assert_balanced(accounts: &Accounts, seed: u64) {
    let charged = accounts.charged().await;
    let (day, month) = accounts.spent(&reserved("r-0", 0)).await.unwrap_or_default();
    assert_eq!((day, month), (charged, charged), "seed {seed}");
    assert!(charged <= i128::from(LIMIT), "seed {seed}: {charged}");
}

#[tokio::test]
async fn the_counter_is_the_sum_of_the_records_after_every_step() {
    for seed in 0..RUNS {
        let Some(accounts) = Accounts::open("laws-steps").await else { return };
        let mut random = Rng::with_seed(seed);
        // Two processes know of each call, so that one of them acts on what is no longer so.
        let mut views: Vec<View> = vec![None; 2 * CALLS];
        for _ in 0..STEPS {
            let at = random.usize(0..views.len());
            let view = views[at].take();
            views[at] = step(&accounts, at / 2, view, random.fork(), &per_day(LIMIT)).await;
            assert_balanced(&accounts, seed).await;
        }
        accounts.drop().await;
    }
}

#[tokio::test]
async fn the_counter_is_the_sum_of_the_records_however_the_steps_overlap() {
    for seed in 0..RUNS {
        let Some(accounts) = Accounts::open("laws-races").await else { return };
        let mut random = Rng::with_seed(seed);
        let mut views: Vec<View> = vec![None; 2 * CALLS];
        for _ in 0..STEPS / 4 {
            let budget = per_day(LIMIT);
            let steps = views
                .drain(..)
                .enumerate()
                .map(|(at, view)| step(&accounts, at / 2, view, random.fork(), &budget));
            let steps: Vec<_> = steps.collect();
            views = join_all(steps).await;
            assert_balanced(&accounts, seed).await;
        }
        accounts.drop().await;
    }
}
