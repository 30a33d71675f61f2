//! Many clients at once on one budget, with and without faults on the way: what fits is admitted, nothing more, and the
//! counters are the sums of the records to the nano-dollar.

#[path = "races/life.rs"]
mod life;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Ledger, Reservation};
use tollgate_core::record::{Record, State};
use tollgate_core::time::Timestamp;
use tollgate_reconciler::Handler;
use tollgate_tests::accounts::{Accounts, Balance};
use tollgate_tests::calls::{NOON, reserved};
use tollgate_tests::fault_proxy::{FaultProxy, mixture};
use tollgate_tests::shared::{CHUNK, Limited, SCOPES, Shared};

use crate::life::{Client, Closed};

const CLIENTS: usize = 64;
const COST: Nanos = Nanos(100);

/// Two calls a client want to be made; so many fit, and a little is left over that fits none.
const FITTING: u64 = 40;
const LIMIT: Nanos = Nanos(FITTING * COST.0 + COST.0 - 1);

/// Of the calls that live and end, most fit.
const WIDE_LIMIT: Nanos = Nanos(100 * COST.0);

/// How many different mixtures of faults are tried.
const SEEDS: u64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_clients_at_once_exactly_those_that_fit_are_admitted() {
    for shared in SCOPES {
        let Some(accounts) = Accounts::open("races-plain").await else { return };
        let url = accounts.url.clone();

        let granted = admit(&accounts, &url, *shared).await;

        assert_admitted(&accounts, &granted).await;
        accounts.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_those_that_fit_are_admitted_whatever_fails_on_the_way() {
    for (shared, seed) in cases() {
        let Some(accounts) = Accounts::open("races-faults").await else { return };
        let proxy = FaultProxy::start(&accounts.url).await.unwrap();
        drop(proxy.follow(mixture(seed)));

        let granted = admit(&accounts, proxy.url(), shared).await;

        say(&format!(
            "{shared:?} seed {seed}: {} requests for {} admissions",
            proxy.arrived(),
            granted.len()
        ));
        assert_admitted(&accounts, &granted).await;
        accounts.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_closed_once_and_the_books_agree_whatever_fails_on_the_way() {
    for (shared, seed) in cases() {
        let Some(accounts) = Accounts::open("races-lives").await else { return };
        let proxy = FaultProxy::start(&accounts.url).await.unwrap();
        drop(proxy.follow(mixture(seed)));

        let closed = live(&accounts, proxy.url(), shared, seed).await;

        let requests = proxy.arrived();
        sweep(&accounts, &accounts.url).await;
        let balance = accounts.balance().await;
        let tally = assert_closed_once(&balance, &closed);
        say(&format!("{shared:?} seed {seed}: {requests} requests; {tally}"));
        assert_what_is_left_fits(&accounts, shared).await;
        accounts.close().await;
    }
}

fn limited(accounts: &Accounts, url: &str, shared: Shared, limit: Nanos) -> Limited {
    let (ledger, records) = (Arc::new(accounts.ledger_at(url)), Arc::new(accounts.reader()));
    Limited { ledger, records, shared, limit, chunk: CHUNK }
}

fn cases() -> impl Iterator<Item = (Shared, u64)> {
    SCOPES.iter().flat_map(|shared| (0..SEEDS).map(move |seed| (*shared, seed)))
}

/// Every client asks for two calls until each is admitted or refused; those that were admitted.
async fn admit(accounts: &Accounts, url: &str, shared: Shared) -> Vec<Record> {
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let limited = limited(accounts, url, shared, LIMIT);
        clients.spawn(async move {
            let mut granted = Vec::new();
            for call in 0..2 {
                let record = reserved(&format!("r-{number}-{call}"), &shared.who(number), COST);
                if life::decide(&limited, &record).await {
                    granted.push(record);
                }
            }
            granted
        });
    }
    clients.join_all().await.concat()
}

async fn assert_admitted(accounts: &Accounts, granted: &[Record]) {
    let balance = accounts.balance().await;
    assert_eq!(u64::try_from(granted.len()).expect("few"), FITTING);
    assert_eq!(balance.records.len(), granted.len());
    for record in granted {
        assert_eq!(balance.records.get(&record.request_id), Some(record));
    }
}

/// Clients reserve, send, extend, settle, release and leave; reconcilers sweep meanwhile, and somebody watches the limit.
async fn live(accounts: &Accounts, url: &str, shared: Shared, seed: u64) -> Vec<Closed> {
    let mut background = JoinSet::new();
    for _ in 0..2 {
        let reconciler = reconciler(accounts, url);
        background.spawn(async move {
            loop {
                // What fails now is found again by the next run.
                let _ = reconciler.handle(later()).await;
                tokio::time::sleep(Duration::from_millis(fastrand::u64(20..100))).await;
            }
        });
    }
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let limited = limited(accounts, url, shared, WIDE_LIMIT);
        let random = Rng::with_seed(seed << 32 | u64::try_from(number).expect("few"));
        clients.spawn(Client { number, who: shared.who(number), limited, random, bound: COST }.live());
    }
    let mut closed = Vec::new();
    while !clients.is_empty() {
        tokio::select! {
            Some(lived) = clients.join_next() => closed.extend(lived.expect("no client panics")),
            () = tokio::time::sleep(Duration::from_millis(25)) => {
                let charged = accounts.charged().await;
                assert!(charged <= WIDE_LIMIT, "{charged:?} of {WIDE_LIMIT:?}");
            }
        }
    }
    closed
}

/// Closes what nobody has closed.
async fn sweep(accounts: &Accounts, url: &str) {
    reconciler(accounts, url).handle(later()).await.expect("without faults nothing fails");
}

fn reconciler(accounts: &Accounts, url: &str) -> Handler {
    let ledger: Arc<dyn Ledger> = Arc::new(accounts.ledger_at(url));
    let (overdue, lanes) = (Arc::new(accounts.overdue()), Arc::new(accounts.lanes_at(url)));
    Handler::new(ledger, overdue, lanes, || NOON.plus(Duration::from_secs(3_000)))
}

fn later() -> Timestamp {
    NOON.plus(Duration::from_secs(7_200))
}

/// Every record is closed, and as the one client says that closed it.
fn assert_closed_once(balance: &Balance, closed: &[Closed]) -> String {
    for record in balance.records.values() {
        assert!(!record.state.is_open() && record.open.is_none(), "{record:?}");
        let mut by = closed.iter().filter(|closed| closed.record.request_id == record.request_id);
        if let Some(Closed { record: told, .. }) = by.next() {
            assert_eq!(told, record, "the client was told otherwise");
        }
        assert_eq!(by.next(), None, "two closed it");
    }
    let known = |closed: &&Closed| !balance.records.contains_key(&closed.record.request_id);
    assert_eq!(closed.iter().find(known), None, "a record is lost");
    let count = |state| balance.records.values().filter(|record| record.state == state).count();
    let late = closed.iter().filter(|closed| closed.was_expired).count();
    format!(
        "{} settled ({late} of them late), {} released, {} expired",
        count(State::Settled),
        count(State::Released),
        count(State::Expired)
    )
}

/// One nano-dollar more than is left is refused; what is left is not.
async fn assert_what_is_left_fits(accounts: &Accounts, shared: Shared) {
    let limited = limited(accounts, &accounts.url, shared, WIDE_LIMIT);
    let record = |id: &str, bound| reserved(id, &shared.who(0), bound);
    let left = WIDE_LIMIT.minus(accounts.charged().await);

    let over = limited.reserve(&record("over", left.plus(Nanos(1)))).await.expect("the ledger answers");
    let exact = limited.reserve(&record("exact", left)).await.expect("the ledger answers");

    assert!(matches!(over, Reservation::Refused(_)), "{over:?}");
    assert!(matches!(exact, Reservation::Granted(_)), "{exact:?}");
    accounts.balance().await;
}

fn say(what: &str) {
    // Past the test harness: these figures say how hard the race was.
    drop(writeln!(std::io::stderr(), "{what}"));
}
