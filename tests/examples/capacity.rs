//! What a call consumes of DynamoDB, step by step: `tools/with_oracle.py cargo run -p tollgate-tests --example capacity`
//!
//! The adapter's own requests go to DynamoDB Local by way of the proxy, which asks for `ReturnConsumedCapacity`. DynamoDB
//! Local counts four units for a transactional write of up to 1 KB; AWS charges two, one to prepare and one to commit
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>). Both are shown, and the plan
//! takes AWS's.

#![expect(clippy::print_stdout, reason = "it measures, and says what it measured")]

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_core::budget::Amount;
use tollgate_core::money::Nanos;
use tollgate_core::record::Record;
use tollgate_tests::accounts::Accounts;
use tollgate_tests::calls::{end, reserved};
use tollgate_tests::fault_proxy::FaultProxy;
use tollgate_tests::shared::{Limited, Shared};

/// A partition bears so many write units a second.
const PARTITION_UNITS: u64 = 1_000;
/// Calls a second that are planned for.
const PLANNED: u64 = 1_000;

/// DynamoDB Local's units of a transaction for each that AWS charges for one item.
const TOO_MANY: u64 = 2;

/// By table, as AWS charges them.
type Units = BTreeMap<&'static str, u64>;

#[tokio::main]
async fn main() {
    let Some(accounts) = Accounts::open("capacity").await else { return };
    let proxy = FaultProxy::start(&accounts.url).await.expect("a port is free");
    let limited = Limited {
        ledger: Arc::new(accounts.ledger_at(proxy.url())),
        records: Arc::new(accounts.reader()),
        shared: Shared::Organisation,
        limit: Nanos(10_000_000),
        chunk: Amount { nanos: Nanos(5_000_000), tokens: 1_000 },
    };
    println!("{:<44} {:>17} {:>17}", "write units", "DynamoDB Local", "AWS");
    println!("{:<44} {:>8} {:>8} {:>8} {:>8}", "step", "ledger", "limits", "ledger", "limits");
    let meter = Meter { accounts: &accounts, proxy: &proxy };
    let call = record("first");

    limited.reserve(&call).await.expect("it reserves");
    meter.read("reserve, with a chunk for a dry lane");
    let second = record("second");
    limited.reserve(&second).await.expect("it reserves");
    let reserve = meter.read("reserve");
    let sent = second.sent("mantle-us-east-1/gpt-5.5");
    limited.ledger.send(&second, &sent).await.expect("it is sent");
    let send = meter.read("sent");
    let extended = sent.extended(Nanos(100_000));
    limited.extend(&sent, &extended).await.expect("it extends");
    meter.read("extend, before a second attempt");
    limited.ledger.close(&extended, &extended.settled(Nanos(70_000), end("ok"))).await.expect("it settles");
    let settle = meter.read("settle");
    limited.ledger.close(&call, &call.released(end("unavailable"))).await.expect("it is released");
    meter.read("release");
    let dear =
        Record { reserved_nanos: Nanos(9_999_999), charged_nanos: Nanos(9_999_999), ..record("third") };
    limited.reserve(&dear).await.expect("it is refused");
    let refused = meter.read("a refusal");
    assert!(refused.is_empty(), "DynamoDB Local has learned what a refusal costs: {refused:?}");
    println!("(a refused transaction says nothing of its cost; AWS charges it as if it had been made)\n");
    say_plan(&[reserve, send, settle]);
    accounts.close().await;
}

struct Meter<'a> {
    accounts: &'a Accounts,
    proxy: &'a FaultProxy,
}

impl Meter<'_> {
    /// What was consumed since the last reading.
    fn read(&self, step: &str) -> Units {
        let (mut said, mut charged) = (Units::new(), Units::new());
        let is_write = |operation: &str| !operation.contains("Get");
        for consumed in self.proxy.take_consumed().into_iter().filter(|one| is_write(&one.operation)) {
            let table = if consumed.table == self.accounts.tables.ledger { "ledger" } else { "limits" };
            let units: u64 = consumed.units.trim_end_matches(".0").parse().expect("writes cost whole units");
            let is_transaction = consumed.operation == "TransactWriteItems";
            *said.entry(table).or_default() += units;
            *charged.entry(table).or_default() +=
                if is_transaction { units / TOO_MANY * consumed.items } else { units };
        }
        let [a, b, c, d] = [(&said, "ledger"), (&said, "limits"), (&charged, "ledger"), (&charged, "limits")]
            .map(|(units, table)| units.get(table).copied().unwrap_or_default());
        println!("{step:<44} {a:>8} {b:>8} {c:>8} {d:>8}");
        charged
    }
}

/// What a plain call costs, and how many lanes a shared scope needs so that no counter is written more than it bears.
fn say_plan(steps: &[Units]) {
    let of = |table| steps.iter().filter_map(|units| units.get(table)).sum::<u64>();
    let (ledger, limits) = (of("ledger"), of("limits"));
    println!("a plain call (reserve, sent, settle): {ledger} + {limits} = {} write units", ledger + limits);
    println!("at {PLANNED} calls a second: {} write units a second", PLANNED * (ledger + limits));
    // The counters of the user and of the lane are written equally often.
    let lane = limits.div_ceil(2);
    println!("one lane, or one user, alone bears {} calls a second", PARTITION_UNITS / lane);
    println!("for {PLANNED} a second it takes at least {} lanes", (PLANNED * lane).div_ceil(PARTITION_UNITS));
}

/// As long as a record of production.
fn record(name: &str) -> Record {
    let id = format!("0b1c2d3e-4f50-4617-8293-{name:0>12}");
    let call = reserved(&id, &Shared::User.who(0), Nanos(1_000_000));
    Record { trace_id: Some("6921a6c01a2b3c4d5e6f708192a3b4c5".to_owned()), lane: Some(0), ..call }
}
