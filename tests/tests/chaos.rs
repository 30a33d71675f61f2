//! Providers that fail in every way we know, met by the real invoke over the real ledger: what callers see, how long it
//! takes, what is charged, and when breakers open and close. `make chaos` prints it all; the short form is a test.

#[path = "breakers/site.rs"]
mod site;
mod chaos {
    pub(crate) mod breaker;
    pub(crate) mod call;
    pub(crate) mod exercise;
    pub(crate) mod fault;
    pub(crate) mod provider;
    pub(crate) mod stage;
    pub(crate) mod table;
}

use std::time::Duration;

use chaos::breaker::{Moves, watch};
use chaos::call::call;
use chaos::exercise::{Others, Result, meet};
use chaos::fault::{Fault, Form, faults};
use chaos::stage::{HEALTHY, Pace, Stage};
use chaos::table;
use futures_util::future::{join, join_all};

/// Calls of the healthy target, of which the middle one says what it takes.
const SAMPLES: usize = 7;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_ends_as_designed() {
    let faults = faults();
    let Some(stage) = Stage::open("chaos-short", &faults, Pace::Hurried).await else { return };

    let results = meet_all(&stage, &faults, Pace::Hurried).await;

    stage.close().await;
    table::print(&results, &[]);
    judge(&results, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes and measures times: `make chaos` runs it"]
async fn chaos_in_full_with_its_times_and_breakers() {
    let faults = faults();
    let Some(stage) = Stage::open("chaos", &faults, Pace::Usual).await else {
        panic!("there is no DynamoDB Local")
    };

    let mut results = meet_all(&stage, &faults, Pace::Usual).await;
    for result in &mut results {
        let fault = faults.iter().find(|fault| fault.name == result.fault).expect("it has met one of them");
        result.check_time(fault);
    }
    let moves = join_all(faults.iter().map(|fault| watch(&stage, fault))).await;
    let moves: Vec<(&Fault, Moves)> = faults.iter().zip(moves).collect();

    stage.close().await;
    table::print(&results, &moves);
    judge(&results, &moves);
}

/// One call after the other where times are measured, else two at once: only one of them may reach the healthy target.
async fn meet_all(stage: &Stage, faults: &[Fault], pace: Pace) -> Vec<Result> {
    let mut results = Vec::new();
    for form in Form::ALL {
        let alone = healthy(stage, form).await;
        for fault in faults {
            let [one, none] =
                [Others::Healthy, Others::None].map(|others| meet(stage, fault, (form, others), alone));
            results.extend(match pace {
                Pace::Usual => [one.await, none.await],
                Pace::Hurried => join(one, none).await.into(),
            });
        }
    }
    results
}

/// What the healthy target takes by itself.
async fn healthy(stage: &Stage, form: Form) -> Duration {
    let mut times = Vec::new();
    for _ in 0..SAMPLES {
        let seen = call(&stage.invoke, HEALTHY, form).await;
        assert_eq!(seen.status, 200, "{}", seen.body);
        times.push(seen.took);
    }
    times.sort_unstable();
    times[SAMPLES / 2]
}

fn judge(results: &[Result], moves: &[(&Fault, Moves)]) {
    let mut wrong = Vec::new();
    for Result { fault, form, others, seen, wrong: found, .. } in
        results.iter().filter(|one| !one.wrong.is_empty())
    {
        wrong.push(format!("{fault}, {form:?}, others {others:?}: {}\n{}", found.join("; "), seen.body));
    }
    wrong.extend(
        moves.iter().filter_map(|(fault, moves)| Some(format!("{}: {}", fault.name, moves.wrong(fault)?))),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
