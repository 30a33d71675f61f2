//! Every endpoint over every kind of provider, with the clients that people use.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tollgate_tests::stack::{Stack, eventually, root};
use tollgate_tests::standin::{calls, reset, set_faults};

/// One model per kind of provider that talks: what it is called here, and the target that serves it.
const TALKERS: [(&str, &str); 7] = [
    ("mantle-gpt-5.5", "mantle-us-east-1/gpt-5.5"),
    ("runtime-openai-gpt-5.6", "runtime-openai-us-east-1/gpt-5.6-sol"),
    ("converse-gpt-5.6", "runtime-us-east-1/gpt-5.6-sol"),
    ("converse-claude", "runtime-us-east-1/claude-sonnet-4.5"),
    ("bedrock-key-gpt-5.5", "mantle-by-key/gpt-5.5"),
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
    let is_in_force = eventually(Duration::from_secs(10), async || {
        let url = format!("{}/models/on-premises", stack.variable("OPENAI_BASE_URL"));
        let answer = reqwest::Client::new().get(url).bearer_auth(&key).send().await.ok()?;
        answer.status().is_success().then_some(())
    });
    assert!(is_in_force.await.is_some(), "the catalogue is not in force after 10 s");
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
    a_response_is_gone_on_with(stack, &key).await;
    a_revoked_provider_key_is_replaced(stack, &key).await;
    reset(stack).await;
}

/// By a client that is faster than the settlement of what it goes on from.
async fn a_response_is_gone_on_with(stack: &Stack, key: &str) {
    let ask = async |body: Value| {
        let answer = post(stack, key, "/responses", &body).await;
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
        answer.json::<Value>().await.expect("a response is JSON")
    };
    let first = ask(json!({"model": "gpt-5.5", "input": "Remember this."})).await;
    let second = ask(json!({"model": "gpt-5.5", "input": "And?", "previous_response_id": first["id"]})).await;

    assert_eq!(second["previous_response_id"], first["id"], "{second}");
    let tokens = |response: &Value| response["usage"]["input_tokens"].as_u64().unwrap_or_default();
    assert!(tokens(&second) > tokens(&first), "{first} {second}");
    let unknown = json!({"model": "gpt-5.5", "input": "And?", "previous_response_id": "resp_unheard-of"});
    let refused = post(stack, key, "/responses", &unknown).await;
    assert_eq!(refused.status(), 400);
    let refused: Value = refused.json().await.expect("an OpenAI error body");
    assert_eq!(refused["error"]["param"], "previous_response_id", "{refused}");
}

/// A provider refuses the key that was known, and the secret has another by now.
async fn a_revoked_provider_key_is_replaced(stack: &Stack, key: &str) {
    let rule = json!([{"model": "*", "key": "sk-of-the-tests", "status": 401}]);
    set_faults(stack, &rule).await;
    let secret = json!({"SecretId": "tollgate/openai", "SecretString": "sk-rotated"});
    stack.aws("secretsmanager", "put_secret_value", &secret).await;

    let body =
        json!({"model": "openai-gpt-5.5", "messages": [{"role": "user", "content": "After the rotation."}]});
    let answer = post(stack, key, "/chat/completions", &body).await;

    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    let endings: Vec<Value> =
        calls(stack).await.iter().rev().take(2).map(|call| call["key_ending"].clone()).collect();
    assert_eq!(endings, ["ated", "ests"]);
}

async fn post(stack: &Stack, key: &str, path: &str, body: &Value) -> reqwest::Response {
    let url = format!("{}{path}", stack.variable("OPENAI_BASE_URL"));
    let request = reqwest::Client::new().post(url).bearer_auth(key).json(body);
    request.send().await.expect("the front door answers")
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
    for (name, key) in [("openai", "sk-of-the-tests"), ("bedrock", "bedrock-api-key-of-the-tests")] {
        let secret = json!({"Name": format!("tollgate/{name}"), "SecretString": key});
        stack.aws("secretsmanager", "create_secret", &secret).await;
    }
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
    let mut by_key = catalogue["targets"]["mantle-us-east-1/gpt-5.5"].clone();
    by_key["wire"]["auth"] = json!({"kind": "bearer", "secret": "tollgate/bedrock"});
    catalogue["targets"]["mantle-by-key/gpt-5.5"] = by_key;
    let mut prices: Value = read("prices");
    prices["targets"]["mantle-by-key/gpt-5.5"] = prices["targets"]["mantle-us-east-1/gpt-5.5"].clone();
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
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(root().join(format!("config/{name}.json")));
    serde_json::from_str(&text.expect("the document is shipped")).expect("the document is JSON")
}
