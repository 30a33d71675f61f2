//! The command as a person meets it: exit codes, standard output and standard error.
//!
//! Set `TOLLGATE_STACK_URL` to the URL of an emulator into which the template is deployed, and `TOLLGATE_STACK` to the
//! stack's name, to run the commands that need a deployment; without it they say that they were skipped.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test itself")]

use std::process::{Command, Output};

fn tollgate(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(words).env_remove("USER");
    command
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    for words in [
        &["keys", "create", "--user", "a"][..],
        &["keys", "create", "--user", "a/b", "--team", "t"],
        &["keys", "create", "--user", "a", "--team", "t", "--rate", "fast"],
        &["keys", "create", "--user", "a", "--team", "t", "--burst", "0"],
        &["keys", "create", "--user", "a", "--team", "t", "--budget-usd-day", "-1"],
        &["keys", "create", "--user", "a", "--team", "t", "--expires-in-days", "0"],
        &["keys", "create", "--user", "a", "--team", "t", "--plan", "gold"],
        &["keys", "create", "--user", "a", "--team", "t", "--no-plan"],
        &["keys", "update", "k1", "--budget-usd-day", "5", "--no-budget-usd-day"],
        &["keys", "update", "k1", "--user", "b"],
        &["flag", "off"],
        &["spend", "--month", "11/2026"],
        &["tenants", "put", "acme", "--role-arn", "arn:aws:iam::123456789012:role/x"],
        &["no-such-command"],
        &[],
    ] {
        let (code, out, err) = said(&tollgate(words).output().unwrap());

        assert_eq!(code, Some(2), "{words:?}");
        assert!(out.is_empty() && !err.is_empty(), "{words:?}: {out}{err}");
    }
}

#[test]
fn a_check_needs_no_deployment() {
    let (code, out, err) = said(&tollgate(&["config", "check"]).output().unwrap());

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.ends_with("No fault.\n"), "{out}");
}

#[test]
fn a_check_lists_all_faults_and_fails() {
    let routing = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faulty-routing.json");
    let (code, out, err) = said(&tollgate(&["config", "check", "--routing", routing]).output().unwrap());

    assert_eq!((code, out.as_str()), (Some(1), ""));
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines[0], "error: the configuration has faults");
    assert!(lines[1].ends_with("route \"team-a\" gives no provider a weight"), "{err}");
    assert!(lines[2].ends_with("route \"team-a\" names no provider and no target of the catalogue"), "{err}");
    assert_eq!(lines.len(), 3, "{err}");
}

#[test]
fn a_deployment_that_cannot_be_reached_is_said_in_one_line_and_a_hint() {
    let mut command = tollgate(&["flag", "show"]);
    // Nothing listens on port 1.
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "a-secret-key");

    let (code, out, err) = said(&command.output().unwrap());

    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        err.starts_with("error: the deployment cannot be found: CloudFormation cannot be asked"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 2, "{err}");
    assert!(!err.contains("a-secret-key"), "{err}");
}

/// A deployed stack; `None` where there is none to try.
struct Stack {
    url: String,
}

impl Stack {
    fn find() -> Option<Self> {
        let Some(url) = tollgate_aws::vars::read("TOLLGATE_STACK_URL") else {
            eprintln!("SKIPPED: set TOLLGATE_STACK_URL to run this test against a deployed stack");
            return None;
        };
        Some(Self { url })
    }

    fn run(&self, line: &str) -> (Option<i32>, String, String) {
        let mut command = tollgate(&line.split(' ').collect::<Vec<_>>());
        command.env("AWS_ENDPOINT_URL", &self.url).env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        said(&command.output().unwrap())
    }

    fn json(&self, line: &str) -> serde_json::Value {
        let (code, out, err) = self.run(&format!("{line} --json"));
        assert_eq!(code, Some(0), "{line}: {err}");
        serde_json::from_str(&out).unwrap()
    }

    /// The first line of what a refused command says.
    fn refusal(&self, line: &str) -> String {
        let (code, out, err) = self.run(line);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{line}: {err}");
        err.lines().next().unwrap_or_default().to_owned()
    }
}

#[test]
fn a_key_lives_from_create_to_revoke() {
    let Some(stack) = Stack::find() else { return };
    stack.json("config seed");
    stack.json(
        "tenants put acme --role-arn arn:aws:iam::123456789012:role/tollgate-tenant-acme --external-id a-7",
    );

    let key = stack.json(
        "keys create --user ann --team life --tenant acme --model gpt-5.5 --rate 0.5 --budget-usd-day 2.50",
    );
    let id = key["id"].as_str().unwrap();
    let listed = stack.json("keys list --user ann --team life");
    let changed =
        stack.json(&format!("keys update {id} --no-budget-usd-day --tokens-day 500 --plan premium"));
    let shown = stack.json(&format!("keys show {id}"));
    let no_change = stack.refusal(&format!("keys update {id}"));
    let first = stack.json(&format!("keys revoke {id}"));
    let second = stack.json(&format!("keys revoke {}", key["key"].as_str().unwrap()));

    assert_eq!(key["budget_usd_day"], "2.5");
    assert_eq!(key["requests_per_second"], "0.5");
    let limits = |key: &serde_json::Value| {
        ["budget_usd_day", "tokens_day", "plan", "requests_per_second"].map(|name| key[name].clone())
    };
    let expected = serde_json::json!([null, 500, "premium", "0.5"]);
    assert_eq!(
        serde_json::json!([limits(&changed), limits(&shown)]),
        serde_json::json!([expected, expected])
    );
    assert_eq!(no_change, "error: nothing was changed: name a limit to set, or one to take away");
    let refused = stack.refusal(&format!("keys update {id} --tokens-day 5"));
    assert_eq!(refused, format!("error: the key {id} was not changed: it is revoked"));
    let row = listed.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap();
    assert_eq!(row["status"], "active");
    assert!(row.get("key").is_none() && row.get("key_hash").is_none(), "{row}");
    assert_eq!((&first["was_revoked"], &second["was_revoked"]), (&false.into(), &true.into()));
    let unknown = stack.refusal("keys create --user ann --team life --model gpt-4");
    assert!(unknown.starts_with("error: the catalogue has no model gpt-4: it has "), "{unknown}");
    assert_eq!(
        stack.refusal("keys create --user ann --team life --tenant nobody"),
        "error: there is no tenant nobody: register it with tollgate tenants put"
    );
    assert!(stack.refusal("keys revoke nobody").starts_with("error: no key has the id nobody"));
}

#[test]
fn calls_are_stopped_and_admitted_again() {
    let Some(stack) = Stack::find() else { return };
    stack.json("config seed");

    let off = stack.json("flag off --why drill --who ann");
    let refusal = stack.refusal("resume");
    let head = stack.json("config show head");
    let on = stack.json("resume --yes");
    let again = stack.json("resume");

    assert_eq!((&off["enabled"], &off["who"], &off["why"]), (&false.into(), &"ann".into(), &"drill".into()));
    assert!(refusal.starts_with("error: nothing was changed"), "{refusal}");
    assert_eq!(head["flag"], off);
    assert_eq!(on["enabled"], true);
    assert_eq!(again, on);
    assert_eq!(stack.json("flag show"), on);
}

#[test]
fn what_was_never_called_cost_nothing() {
    let Some(stack) = Stack::find() else { return };

    let spend = stack.json("spend --user nobody-at-all --month 2026-01");

    assert_eq!((&spend["total_usd"], &spend["calls"]), (&"0".into(), &0.into()));
    assert_eq!((&spend["from"], &spend["to"]), (&"2026-01-01".into(), &"2026-01-31".into()));
    assert_eq!(stack.refusal("ledger show nothing"), "error: the ledger has no call nothing");
    assert!(stack.refusal("spend --model gpt-5.5").starts_with("error: spend is summed by target"));
    assert!(stack.refusal("spend --stack no-such-stack").contains("no stack is called \"no-such-stack\""));
}
