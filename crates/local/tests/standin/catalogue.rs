//! The catalogue's targets: the stand-in serves every one of them over its own wire.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::provider::Provider;

const CATALOGUE: &str = include_str!("../../../../config/catalogue.json");

fn body(dialect: &str, model: &str) -> (String, Value) {
    let messages = json!([{ "role": "user", "content": "Say hello." }]);
    let (path, mut body) = match dialect {
        "chat" => ("chat/completions", json!({ "messages": messages })),
        "responses" => ("responses", json!({ "input": messages })),
        _ => (dialect, json!({ "input": ["Say hello."] })),
    };
    body["model"] = json!(model);
    (path.to_owned(), body)
}

fn invoked_body(form: &str) -> Value {
    match form {
        "chat" => json!({ "messages": [{ "role": "user", "content": "Say hello." }] }),
        "titan-embedding" => json!({ "inputText": "Say hello." }),
        "cohere-embedding" => json!({ "texts": ["Say hello."], "input_type": "search_document" }),
        _ => json!({ "taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {
            "embeddingPurpose": "GENERIC_INDEX",
            "text": { "truncationMode": "END", "value": "Say hello." },
        } }),
    }
}

/// Every call that the gateway may make of the target.
async fn ask(provider: &Provider, target: &Value) -> Vec<Response> {
    let (wire, model) = (&target["wire"], target["model_id"].as_str().expect("an id"));
    let native = format!("/model/{}", model.replace(':', "%3A"));
    match wire["kind"].as_str() {
        Some("converse") => {
            let body = json!({ "messages": [{ "role": "user", "content": [{ "text": "Say hello." }] }] });
            vec![provider.post("bedrock", &format!("{native}/converse"), &body).await]
        }
        Some("invoke") => {
            let body = invoked_body(wire["body"].as_str().expect("a form"));
            vec![provider.post("bedrock", &format!("{native}/invoke"), &body).await]
        }
        _ => {
            let mut answers = Vec::new();
            for dialect in wire["dialects"].as_array().expect("dialects") {
                let (path, body) = body(dialect.as_str().expect("a dialect"), model);
                let path = format!("{}/{path}", wire["path_prefix"].as_str().expect("a prefix"));
                let answer = match wire["auth"]["signing_name"].as_str() {
                    Some(service) => provider.post(service, &path, &body).await,
                    None => {
                        let request = provider.request(Method::POST, &path).bearer_auth("sk-one");
                        request.json(&body).send().await.expect("an answer")
                    }
                };
                answers.push(answer);
            }
            answers
        }
    }
}

#[tokio::test]
async fn every_target_of_the_catalogue_is_served() {
    let provider = Provider::start().await;
    let catalogue: Value = serde_json::from_str(CATALOGUE).unwrap();

    for (name, target) in catalogue["targets"].as_object().unwrap() {
        for answer in ask(&provider, target).await {
            let (path, status) = (answer.url().path().to_owned(), answer.status());
            assert_eq!(status, 200, "{name} {path}: {}", answer.text().await.unwrap());
        }
    }
}
