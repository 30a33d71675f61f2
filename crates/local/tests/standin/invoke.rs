use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::ResponseStream;
use aws_sdk_bedrockruntime::types::error::ResponseStreamError;
use insta::assert_snapshot;
use reqwest::Response;
use serde_json::{Value, json};
use tollgate_local::standin::reply_for;

use crate::provider::Provider;

const OPEN: &str = "openai.gpt-oss-120b-1:0";
const THOUGHT: &str = "<reasoning>The user wants an answer, so an answer it is.</reasoning>";

fn chat() -> Value {
    json!({ "messages": [{ "role": "user", "content": "Say hello." }] })
}

async fn invoke(provider: &Provider, model: &str, body: &Value) -> Response {
    provider.post("bedrock", &format!("/model/{}/invoke", model.replace(':', "%3A")), body).await
}

async fn refusal(provider: &Provider, model: &str, body: &Value) -> String {
    let response = invoke(provider, model, body).await;
    format!("{} {}", response.status().as_u16(), response.text().await.expect("a body"))
}

/// The chunks of a stream, up to the end or the first error.
async fn chunks(provider: &Provider) -> (Vec<Value>, Option<ResponseStreamError>) {
    let call = provider.bedrock().invoke_model_with_response_stream().model_id(OPEN);
    let body = Blob::new(chat().to_string());
    let mut output = call.content_type("application/json").body(body).send().await.expect("a stream");
    let mut chunks = Vec::new();
    loop {
        match output.body.recv().await {
            Ok(Some(ResponseStream::Chunk(part))) => {
                let bytes = part.bytes().expect("bytes").as_ref();
                chunks.push(serde_json::from_slice(bytes).expect("JSON"));
            }
            Ok(Some(other)) => panic!("{other:?}"),
            Ok(None) => return (chunks, None),
            Err(error) => return (chunks, Some(error.into_service_error())),
        }
    }
}

fn length_squared(vector: &Value) -> String {
    let numbers = vector.as_array().expect("a vector").iter();
    let sum: f64 = numbers.map(|number| number.as_f64().expect("a number").powi(2)).sum();
    format!("{sum:.4}")
}

#[tokio::test]
async fn gpt_oss_writes_its_reasoning_into_the_text() {
    let provider = Provider::start().await;

    let response = invoke(&provider, OPEN, &chat()).await;

    assert_eq!(response.headers()["x-amzn-bedrock-input-token-count"], "3");
    assert_eq!(response.headers()["x-amzn-bedrock-output-token-count"], "31");
    let document: Value = response.json().await.unwrap();
    let message = &document["choices"][0]["message"];
    assert_eq!(message["content"], format!("{THOUGHT}{}", reply_for("Say hello.", 12)));
    assert_eq!(message.get("reasoning"), None);
    assert_eq!(document["usage"]["completion_tokens"], 31);
}

#[tokio::test]
async fn a_stream_carries_chunks_in_frames_and_ends_with_its_metrics() {
    let provider = Provider::unpaced().await;

    let (chunks, error) = chunks(&provider).await;

    assert!(error.is_none());
    let contents = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert_eq!(contents.collect::<String>(), format!("{THOUGHT}{}", reply_for("Say hello.", 12)));
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["amazon-bedrock-invocationMetrics"]["outputTokenCount"], 31);
    assert!(chunks[0].get("amazon-bedrock-invocationMetrics").is_none());
}

#[tokio::test]
async fn an_error_amid_a_stream_is_an_exception_frame() {
    let provider = Provider::start().await;
    provider
        .rule(json!({ "model": OPEN, "chunk_delay_ms": 0, "error_after_chunks": 2, "status": 429 }))
        .await;

    let (chunks, error) = chunks(&provider).await;

    assert_eq!(chunks.len(), 2);
    assert!(matches!(error, Some(ResponseStreamError::ThrottlingException(_))), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_invoked_is_refused() {
    let provider = Provider::start().await;
    let mut other = chat();
    other["model"] = json!("openai.gpt-5.5");
    let mut streamed = chat();
    streamed["stream"] = json!(true);

    let refusals = [
        refusal(&provider, "us.openai.gpt-5.6-sol", &chat()).await,
        refusal(&provider, "openai.gpt-9", &chat()).await,
        refusal(&provider, OPEN, &other).await,
        refusal(&provider, OPEN, &streamed).await,
    ];

    assert_snapshot!(refusals.join("\n"), @r#"
    400 {"message":"The model does not support the InvokeModel operation."}
    400 {"message":"The provided model identifier is invalid."}
    400 {"message":"The model in the body is not the model that is invoked."}
    400 {"message":"The value of 'stream' does not fit the operation."}
    "#);
}

#[tokio::test]
async fn titan_embeds_one_text() {
    let provider = Provider::start().await;
    let titan = "amazon.titan-embed-text-v2:0";
    let body = json!({ "inputText": "Say hello.", "dimensions": 256, "normalize": true, "embeddingTypes": ["float"] });

    let response = invoke(&provider, titan, &body).await;

    assert_eq!(response.headers()["x-amzn-bedrock-input-token-count"], "3");
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["embedding"].as_array().unwrap().len(), 256);
    assert_eq!(length_squared(&document["embedding"]), "1.0000");
    assert_eq!(document["embeddingsByType"]["float"], document["embedding"]);
    assert_eq!(document["inputTextTokenCount"], 3);
    let refusals = [
        refusal(&provider, titan, &json!({ "inputText": "x", "dimensions": 100 })).await,
        refusal(&provider, titan, &json!({ "inputText": "x", "input": "y" })).await,
        refusal(&provider, titan, &json!({ "inputText": "" })).await,
    ];
    assert_snapshot!(refusals.join("\n"), @r#"
    400 {"message":"Malformed input request: #/dimensions: 100 is not a valid enum value, please reformat your input and try again."}
    400 {"message":"Malformed input request: Invalid value for 'input': unknown field `input`, expected one of `inputText`, `dimensions`, `normalize`, `embeddingTypes` at line 1 column 24, please reformat your input and try again."}
    400 {"message":"Malformed input request: #/inputText: expected minLength: 1, actual: 0, please reformat your input and try again."}
    "#);
}

#[tokio::test]
async fn cohere_embeds_many_texts() {
    let provider = Provider::start().await;
    let body = json!({
        "texts": ["Say hello.", "Say goodbye."],
        "input_type": "search_document",
        "output_dimension": 512,
        "embedding_types": ["float"],
    });

    for model in ["us.cohere.embed-v4:0", "cohere.embed-v4:0"] {
        let response = invoke(&provider, model, &body).await;

        assert_eq!(response.headers()["x-amzn-bedrock-input-token-count"], "6");
        let document: Value = response.json().await.unwrap();
        assert_eq!(document["response_type"], "embeddings_by_type");
        assert_eq!(document["texts"], body["texts"]);
        let vectors = document["embeddings"]["float"].as_array().unwrap();
        assert_eq!(
            vectors.iter().map(|vector| vector.as_array().unwrap().len()).collect::<Vec<_>>(),
            [512, 512]
        );
        assert_ne!(vectors[0], vectors[1]);
    }
    assert_snapshot!(refusal(&provider, "cohere.embed-v4:0", &json!({ "texts": ["x"] })).await, @r#"400 {"message":"invalid request: valid input_type must be provided with the provided model"}"#);
}

#[tokio::test]
async fn nova_embeds_a_text() {
    let provider = Provider::start().await;
    let nova = "amazon.nova-2-multimodal-embeddings-v1:0";
    let params = json!({
        "embeddingPurpose": "GENERIC_INDEX",
        "embeddingDimension": 384,
        "text": { "truncationMode": "END", "value": "Say hello." },
    });
    let body = json!({ "taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params });

    let response = invoke(&provider, nova, &body).await;

    assert_eq!(response.headers()["x-amzn-bedrock-input-token-count"], "3");
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["embeddings"][0]["embeddingType"], "TEXT");
    assert_eq!(document["embeddings"][0]["embedding"].as_array().unwrap().len(), 384);
}

#[tokio::test]
async fn the_tags_of_a_call_are_seen() {
    let provider = Provider::start().await;
    let path = "/model/amazon.titan-embed-text-v2%3A0/invoke";

    let request = provider.request(reqwest::Method::POST, path).bearer_auth("ABSKabc");
    let request = request.header("x-amzn-bedrock-request-metadata", r#"{"team":"blue"}"#);
    let response = request.json(&json!({ "inputText": "x" })).send().await.unwrap();

    assert_eq!(response.status(), 200);
    let call = &provider.calls().await[0];
    assert_eq!(call["request_metadata"], json!({ "team": "blue" }));
    assert_eq!(call["key_ending"], "Kabc");
    assert_eq!(call["model"], "amazon.titan-embed-text-v2:0");
}
