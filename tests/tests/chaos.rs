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

use chaos::breaker::{Moves, watch};
use chaos::call::call;
use chaos::exercise::{Others, Result, meet, meet_alone, meet_in_time};
use chaos::fault::{Fault, Form, faults};
use chaos::stage::{HEALTHY, Pace, Stage};
use chaos::table;
use futures_util::StreamExt;
use futures_util::future::join;

/// Breakers that are watched at once.
const AT_ONCE: usize = 4;

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

    let results = meet_all(&stage, &faults, Pace::Usual).await;
    let watched = faults.iter().map(|fault| watch(&stage, fault));
    let moves: Vec<Moves> = futures_util::stream::iter(watched).buffered(AT_ONCE).collect().await;
    let moves: Vec<(&Fault, Moves)> = faults.iter().zip(moves).collect();

    stage.close().await;
    table::print(&results, &moves);
    judge(&results, &moves);
}

/// One call after the other where times are measured, else two at once: only one of them may reach the healthy target.
async fn meet_all(stage: &Stage, faults: &[Fault], pace: Pace) -> Vec<Result> {
    let mut results = Vec::new();
    // Whoever comes first waits for the environment.
    call(&stage.invoke, HEALTHY, Form::Json).await;
    for form in Form::ALL {
        for fault in faults {
            let alone = meet_alone(stage, fault, form);
            results.extend(match pace {
                Pace::Usual => [meet_in_time(stage, fault, form).await, alone.await],
                Pace::Hurried => {
                    join(meet(stage, fault, (form, Others::Healthy), form.name()), alone).await.into()
                }
            });
        }
    }
    results
}

fn judge(results: &[Result], moves: &[(&Fault, Moves)]) {
    let mut wrong = Vec::new();
    for Result { fault, form, others, seen, wrong: found, .. } in
        results.iter().filter(|one| !one.wrong.is_empty())
    {
        let body: String = seen.body.chars().take(500).collect();
        wrong.push(format!("{fault}, {form:?}, others {others:?}: {}\n{body}", found.join("; ")));
    }
    wrong.extend(
        moves.iter().filter_map(|(fault, moves)| Some(format!("{}: {}", fault.name, moves.wrong(fault)?))),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
