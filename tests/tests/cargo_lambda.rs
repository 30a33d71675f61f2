//! Single functions under `cargo lambda watch`, with the events of `events/`, as events/README.md says.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tollgate_tests::stack::{Iam, Stack, eventually, root};

const CARGO_LAMBDA: &str = "target/tools/lambda/bin/cargo-lambda";

/// `cargo lambda watch` builds a function when it is first called.
const FIRST_CALL: Duration = Duration::from_secs(600);

struct Watch {
    process: Child,
    port: u16,
}

impl Watch {
    async fn start(stack: &Stack) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let log = std::fs::File::create(stack.path("watch.log")).expect("the folder can be written");
        let mut command = Command::new(root().join(CARGO_LAMBDA));
        command.args([
            "lambda",
            "watch",
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
            &port.to_string(),
        ]);
        command.arg("--env-file").arg(stack.path("functions.env")).current_dir(root());
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn();
        let watch = Self { process: process.expect("`make tools` has installed cargo-lambda"), port };
        let listens = eventually(Duration::from_secs(30), async || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
        assert!(listens.await.is_some(), "cargo lambda watch does not listen");
        watch
    }

    /// What a function answers to an event; the text of what went wrong otherwise.
    async fn invoke(&self, function: &str, event: &std::path::Path) -> Result<Value, String> {
        let mut command = tokio::process::Command::new(root().join(CARGO_LAMBDA));
        command.args([
            "lambda",
            "invoke",
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
            &self.port.to_string(),
        ]);
        command.arg(function).arg("--data-file").arg(event).current_dir(root());
        let output = tokio::time::timeout(FIRST_CALL, command.output())
            .await
            .expect("an answer in time")
            .expect("cargo-lambda runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str(&said).map_err(|_| format!("{said}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let stopped = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        if stopped.is_err() {
            // Then the process is gone already, or this ends it.
            drop(self.process.kill());
        }
        drop(self.process.wait());
    }
}

#[tokio::test]
async fn every_function_takes_its_events() {
    let stack = Stack::start("cargo-lambda", Iam::Ignored).await;
    let watch = Watch::start(&stack).await;
    let event = |path: &str| root().join("events").join(path);

    let answer = watch.invoke("enforcer", &event("enforcer/budgets-actual-80-percent.json")).await.unwrap();
    assert_eq!((&answer["below"], &answer["stopped"]), (&1.into(), &0.into()), "{answer}");

    let answer = watch.invoke("enforcer", &event("enforcer/budgets-forecasted.json")).await.unwrap();
    assert_eq!(answer["stopped"], 1, "{answer}");
    let (flag, _) = stack.tollgate(&["flag", "show"]).await;
    assert_eq!(flag["enabled"], false, "{flag}");

    let answer = watch.invoke("emitter", &event("emitter/batch.json")).await.unwrap();
    assert_eq!(answer["batchItemFailures"], serde_json::json!([]), "{answer}");

    let answer = watch.invoke("reconciler", &event("reconciler/schedule.json")).await.unwrap();
    let swept = &answer["swept"];
    assert_eq!((&swept["failed"], &swept["left"]), (&0.into(), &0.into()), "{answer}");

    let known = std::fs::read_to_string(event("authorizer/valid-key.json")).unwrap();
    let of_the_tests = known.split("Bearer ").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let ours = stack.path("valid-key.json");
    std::fs::write(&ours, known.replace(of_the_tests, stack.variable("OPENAI_API_KEY"))).unwrap();
    let answer = watch.invoke("authorizer", &ours).await.unwrap();
    assert_eq!(answer["context"]["user"], "demo", "{answer}");

    let refusal = watch.invoke("authorizer", &event("authorizer/foreign-key.json")).await.unwrap_err();
    assert!(refusal.contains("Unauthorized"), "{refusal}");
}
