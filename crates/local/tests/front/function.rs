//! Environments: one job at a time, ended when they must be, replaced when they end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate_local::function::{Function, FunctionSpec, InvokeError, StaticCredentials};

use crate::stage::{Gate, credentials, function, soon, spec};

fn event(document: &Value) -> Bytes {
    document.to_string().into()
}

async fn call(function: &Function, document: Value) -> Result<Value, InvokeError> {
    let answer = soon(function.call(event(&document))).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

fn error_type(outcome: Result<Value, InvokeError>) -> String {
    match outcome {
        Err(InvokeError::Function(error)) => error.error_type,
        other => panic!("the function should have failed: {other:?}"),
    }
}

fn only_pid(function: &Function) -> Option<u32> {
    let environments = function.environments();
    assert_eq!(environments.len(), 1);
    environments[0].pid
}

#[tokio::test]
async fn gives_the_function_its_event_and_only_its_own_environment() {
    let plain = function(spec("front_plain"));

    let answer = call(&plain, json!({"do": "tell", "n": 1})).await.unwrap();

    assert_eq!(answer["event"], json!({"do": "tell", "n": 1}));
    assert_eq!(answer["function"], "front_plain");
    assert_eq!(answer["memory"], 128);
    assert_eq!(answer["arn"], plain.spec().arn);
    assert_eq!(answer["variables"]["COLOUR"], "green");
    assert_eq!(answer["variables"]["AWS_REGION"], "us-east-1");
    assert_eq!(answer["variables"]["AWS_ACCESS_KEY_ID"], "test");
    assert_eq!(answer["variables"]["CARGO_MANIFEST_DIR"], Value::Null);
}

#[tokio::test]
async fn reuses_the_environment_that_is_free() {
    let plain = function(spec("front_plain"));

    call(&plain, json!({"do": "tell"})).await.unwrap();
    let first = only_pid(&plain);
    soon(plain.all_free()).await;
    call(&plain, json!({"do": "fail"})).await.unwrap_err();
    soon(plain.all_free()).await;
    call(&plain, json!({"do": "tell"})).await.unwrap();

    assert_eq!(only_pid(&plain), first);
}

#[tokio::test]
async fn says_what_the_function_reports() {
    let plain = function(spec("front_plain"));

    let outcome = call(&plain, json!({"do": "fail"})).await;

    let Err(InvokeError::Function(error)) = outcome else {
        panic!("the function should have failed: {outcome:?}");
    };
    assert_eq!(error.message, "as asked");
}

#[tokio::test]
async fn throttles_when_every_environment_is_busy() {
    let plain = function(FunctionSpec { concurrency: Some(1), ..spec("front_plain") });
    let gate = Gate::new().await;
    let first = call(&plain, json!({"do": "wait", "gate": gate.address()}));
    let second = async {
        let held = gate.arrival().await;
        let refused = call(&plain, json!({"do": "tell"})).await;
        drop(held);
        refused
    };

    let (first, second) = tokio::join!(first, second);

    assert!(first.is_ok());
    assert!(matches!(second, Err(InvokeError::Throttled)), "{second:?}");
    assert!(call(&plain, json!({"do": "tell"})).await.is_ok());
}

#[tokio::test]
async fn kills_what_outlives_its_time_and_replaces_it() {
    let plain = function(FunctionSpec {
        timeout: Duration::from_millis(300),
        concurrency: Some(1),
        ..spec("front_plain")
    });
    call(&plain, json!({"do": "tell"})).await.unwrap();
    let first = only_pid(&plain);

    let outcome = call(&plain, json!({"do": "hang"})).await;
    call(&plain, json!({"do": "tell"})).await.unwrap();

    assert_eq!(error_type(outcome), "Sandbox.Timedout");
    assert_ne!(only_pid(&plain), first);
}

#[tokio::test]
async fn replaces_a_process_that_died_at_work() {
    let plain = function(FunctionSpec { concurrency: Some(1), ..spec("front_plain") });

    let outcome = call(&plain, json!({"do": "crash"})).await;

    assert_eq!(error_type(outcome), "Runtime.ExitError");
    assert!(call(&plain, json!({"do": "tell"})).await.is_ok());
}

#[tokio::test]
async fn fails_the_job_of_an_environment_that_is_killed() {
    let plain = function(spec("front_plain"));
    let gate = Gate::new().await;
    let job = call(&plain, json!({"do": "wait", "gate": gate.address()}));
    let killer = async {
        let held = gate.arrival().await;
        (plain.kill(only_pid(&plain).unwrap()), held)
    };

    // The gate stays closed until the end: opened with the kill, it would let the function answer first.
    let (outcome, (is_killed, _held)) = tokio::join!(job, killer);

    assert!(is_killed);
    assert_eq!(error_type(outcome), "Runtime.ExitError");
}

#[tokio::test]
async fn refuses_an_answer_over_six_megabytes() {
    let plain = function(spec("front_plain"));

    let outcome = call(&plain, json!({"do": "big"})).await;

    assert_eq!(error_type(outcome), "Function.ResponseSizeTooLarge");
}

#[tokio::test]
async fn refuses_an_event_over_six_megabytes() {
    let plain = function(spec("front_plain"));

    let outcome = call(&plain, json!("x".repeat(6 * 1024 * 1024))).await;

    assert!(matches!(outcome, Err(InvokeError::EventTooLarge)), "{outcome:?}");
    assert_eq!(plain.environments(), []);
}

#[tokio::test]
async fn says_when_the_binary_is_not_there() {
    let missing = function(FunctionSpec { binary: "/nowhere/bootstrap".into(), ..spec("front_plain") });

    let outcome = call(&missing, json!({"do": "tell"})).await;

    assert!(matches!(outcome, Err(InvokeError::Unavailable(_))), "{outcome:?}");
}

#[tokio::test]
async fn uses_no_environment_whose_credentials_may_end_first() {
    let expiring = tollgate_local::function::Credentials {
        expires_at: Some(Instant::now() + Duration::from_secs(10)),
        ..credentials()
    };
    let source = Arc::new(StaticCredentials(expiring));
    let plain = Function::new(spec("front_plain"), source);

    let pid = |answer: Value| answer["variables"]["AWS_LAMBDA_LOG_STREAM_NAME"].clone();
    let first = pid(call(&plain, json!({"do": "tell"})).await.unwrap());
    let second = pid(call(&plain, json!({"do": "tell"})).await.unwrap());

    assert_ne!(first, second);
}

/// The state letter of `/proc`: `T` is stopped.
#[cfg(target_os = "linux")]
fn state_of(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    after_name.chars().next().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn lets_nothing_run_between_invocations() {
    let plain = function(spec("front_plain"));
    call(&plain, json!({"do": "tell"})).await.unwrap();
    soon(plain.all_free()).await;
    let pid = only_pid(&plain).unwrap();

    // The signal is on its way when the environment says that it is free.
    soon(async {
        while state_of(pid) != 'T' {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let gate = Gate::new().await;
    let job = call(&plain, json!({"do": "wait", "gate": gate.address()}));
    let watch = async {
        let _held = gate.arrival().await;
        state_of(pid)
    };
    let (answer, at_work) = tokio::join!(job, watch);

    assert!(answer.is_ok());
    assert_ne!(at_work, 'T');
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn leaves_no_process_behind() {
    let plain = function(spec("front_plain"));
    call(&plain, json!({"do": "tell"})).await.unwrap();
    let pid = only_pid(&plain).unwrap();

    soon(plain.shut_down()).await;

    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(matches!(call(&plain, json!({"do": "tell"})).await, Err(InvokeError::Closed)));
}
