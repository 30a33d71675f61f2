//! Every endpoint over every kind of provider, with the clients that people use.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;
use tollgate_tests::stack::{Stack, root};
use tollgate_tests::standin::reset;

/// One model per kind of provider that talks: what it is called here, and the target that serves it.
const TALKERS: [(&str, &str); 6] = [
    ("mantle-gpt-5.5", "mantle-us-east-1/gpt-5.5"),
    ("runtime-openai-gpt-5.6", "runtime-openai-us-east-1/gpt-5.6-sol"),
    ("converse-gpt-5.6", "runtime-us-east-1/gpt-5.6-sol"),
    ("converse-claude", "runtime-us-east-1/claude-sonnet-4.5"),
    ("openai-gpt-5.5", "openai/gpt-5.5"),
    ("on-premises", "on-premises/any"),
];

/// Those that take no images.
const BLIND: [(&str, &str); 2] = [
    ("mantle-gpt-oss", "mantle-us-east-1/gpt-oss-120b"),
    ("invoke-gpt-oss", "invoke-us-east-1/gpt-oss-120b"),
];

const EMBEDDERS: [&str; 4] =
    ["titan-embed-text-v2", "cohere-embed-v4", "nova-embed", "text-embedding-3-small"];

pub(crate) async fn every_client_reaches_every_kind_of_provider(stack: &Stack) {
    reset(stack).await;
    configure(stack).await;
    let options = ["--rate", "1000", "--burst", "1000"];
    let key = stack.key("sven", "surface", &options).await;
    let names =
        |talkers: &[(&'static str, &str)]| -> Vec<&str> { talkers.iter().map(|(alias, _)| *alias).collect() };
    let (talkers, blind) = (names(&TALKERS), [names(&BLIND), vec!["--without=image"]].concat());

    let python = || {
        let mut command = Command::new(root().join("target/tools/clients/bin/python"));
        command.arg(root().join("tests/clients/surface.py"));
        command
    };
    let node = || {
        let mut command = Command::new("node");
        command.arg(root().join("tests/clients/surface.mjs"));
        command
    };
    check(stack, &key, python(), &talkers).await;
    check(stack, &key, node(), &talkers).await;
    check(stack, &key, python(), &blind).await;
    check(stack, &key, node(), &blind).await;
    let embedders: Vec<&str> = ["--embed"].into_iter().chain(EMBEDDERS).collect();
    check(stack, &key, python(), &embedders).await;
    check(stack, &key, node(), &embedders).await;
    reset(stack).await;
}

/// Runs a client's checks. It prints a line for each that holds, and stops at the first that does not.
async fn check(stack: &Stack, key: &str, mut client: Command, arguments: &[&str]) {
    client.args(arguments).stdin(Stdio::null());
    client.env("OPENAI_BASE_URL", stack.variable("OPENAI_BASE_URL")).env("OPENAI_API_KEY", key);
    let output = client.output().await.expect("`make tools` has installed the clients");
    let (held, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{held}{complaint}");
    let models = arguments.iter().filter(|argument| !argument.starts_with("--"));
    for model in models {
        assert!(held.contains(&format!("ok {model} ")), "{model} was not checked:\n{held}");
    }
}

/// The shipped documents with a model per kind of provider, and one server on premises.
async fn configure(stack: &Stack) {
    let secret = json!({"Name": "tollgate/openai", "SecretString": "sk-of-the-tests"});
    stack.aws("secretsmanager", "create_secret", &secret).await;
    let mut catalogue: Value = read("catalogue");
    for (alias, target) in TALKERS.into_iter().chain(BLIND) {
        catalogue["models"][alias] = json!({
            "owned_by": "tests", "created": 1_780_272_000, "targets": [target], "default_output_tokens": 1_024
        });
    }
    catalogue["targets"]["on-premises/any"] = json!({
        "provider": "on-premises", "model_id": "any-model", "region": "here",
        "wire": {
            "kind": "openai", "host": "https://models.example.com", "path_prefix": "/compatible/v1",
            "dialects": ["chat"], "auth": {"kind": "none"}
        },
        "context_tokens": 32_000, "max_output_tokens": 4_096, "max_image_tokens": 2_000
    });
    let mut prices: Value = read("prices");
    prices["targets"]["on-premises/any"] = json!({"input": "0.01", "output": "0.02"});
    let mut routing: Value = read("routing");
    routing["default"]["providers"] = json!({"bedrock": 1, "openai": 1, "on-premises": 1});
    let files = [("catalogue", catalogue), ("prices", prices), ("routing", routing)];
    let mut arguments = vec!["config".to_owned(), "seed".to_owned()];
    for (name, document) in files {
        let path = stack.path(&format!("surface-{name}.json"));
        std::fs::write(&path, document.to_string()).expect("the stack's folder takes a file");
        arguments.extend([format!("--{name}"), path.display().to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (said, is_done) = stack.tollgate(&arguments).await;
    assert!(is_done, "{said}");
    // A head is a second old at most.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(root().join(format!("config/{name}.json")));
    serde_json::from_str(&text.expect("the document is shipped")).expect("the document is JSON")
}
