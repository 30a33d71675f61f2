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

use crate::call::Kind;
use crate::point::Point;
use crate::stage::{Ended, Stage};
use crate::verdict::Verdict;

const KILLS: usize = 112;
const SEED: u64 = 20_261_123;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_invoke_is_killed_every_call_is_closed_and_charged_once() {
    let Some(mut stage) = Stage::set().await else { return };
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
    say(calls, &killed);
    stage.strike().await;
}

fn say(calls: usize, killed: &BTreeMap<String, usize>) {
    let lines: String = killed.iter().map(|(point, times)| format!("  {times:3} {point}\n")).collect();
    // Past the test harness: these figures say where it was killed, and what became of the calls.
    drop(write!(std::io::stderr(), "{calls} calls, {KILLS} of them killed\n{lines}"));
}
