//! The real executable of invoke, killed with SIGKILL at a random point of a call, again and again. Afterwards every record
//! is closed, the counters are the sums of the records, nothing that the provider did is lost, and nothing is charged twice.

#[path = "kills/call.rs"]
mod call;
#[path = "kills/point.rs"]
mod point;
#[path = "kills/stage.rs"]
mod stage;
#[path = "kills/verdict.rs"]
mod verdict;

use std::collections::BTreeMap;
use std::io::Write;

use fastrand::Rng;
use tollgate_tests::fault_proxy::mixture;

use crate::call::Kind;
use crate::point::Point;
use crate::stage::{Ended, Stage};
use crate::verdict::Verdict;

const KILLS: usize = 112;
/// Calls whose requests to DynamoDB meet faults.
const FAULTY: usize = 32;
const SEED: u64 = 20_261_123;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_invoke_is_killed_every_call_is_closed_and_charged_once() {
    let Some(mut stage) = Stage::set("kills").await else { return };
    let mut random = Rng::with_seed(SEED);
    let mut verdict = Verdict::default();
    let (mut killed, mut calls) = (BTreeMap::<String, usize>::new(), 0);
    for run in 0.. {
        let kind = Kind::ALL[run % Kind::ALL.len()];
        for clean in 0..random.usize(0..2) {
            let ended = stage.run(kind, &format!("run {run}, before {clean}"), None).await;
            assert_eq!(ended, Ended::Answered, "run {run}");
            let told = verdict.check(&stage, &format!("run {run}, {kind:?}, nobody killed")).await;
            assert!(told.is_settled(), "run {run}: {told:?}");
            calls += 1;
        }
        let point = Point::any(kind, &mut random);
        let ended = stage.run(kind, &format!("run {run}"), Some(&point)).await;
        calls += 1;
        let told = verdict.check(&stage, &format!("run {run}, {kind:?}, {point:?}, {ended:?}")).await;
        if ended == Ended::Killed {
            *killed.entry(format!("{point}: {}", told.name())).or_default() += 1;
        }
        verdict.settle_again(&stage, &mut random).await;
        if killed.values().sum::<usize>() == KILLS {
            break;
        }
        assert!(run < 2 * KILLS, "the points are hardly ever reached: {killed:?}");
    }
    say(&format!("{calls} calls, {KILLS} of them killed"), &killed);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_between_invoke_and_its_tables_every_call_is_closed_and_charged_once() {
    let Some(stage) = Stage::set("faults").await else { return };
    let mut verdict = Verdict::default();
    let mut random = Rng::with_seed(SEED);
    let mut told = BTreeMap::<String, usize>::new();
    for run in 0..FAULTY {
        let kind = Kind::ALL[run % Kind::ALL.len()];
        stage.serve(kind, &format!("fault {run}"), mixture(random.u64(..))).await;
        let what = verdict.check(&stage, &format!("fault {run}, {kind:?}")).await;
        *told.entry(what.name().to_owned()).or_default() += 1;
        verdict.settle_again(&stage, &mut random).await;
    }
    say(&format!("{FAULTY} calls while requests to the tables fail"), &told);
    stage.strike().await;
}

fn say(title: &str, counts: &BTreeMap<String, usize>) {
    let lines: String = counts.iter().map(|(what, times)| format!("  {times:3} {what}\n")).collect();
    // Past the test harness: these figures say what was tried, and what became of the calls.
    drop(write!(std::io::stderr(), "{title}\n{lines}"));
}
