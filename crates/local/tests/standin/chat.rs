use insta::{assert_json_snapshot, assert_snapshot};
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_local::standin::{count_tokens, reply_for};

use crate::provider::{Provider, events};
use crate::question::{GPT, OPEN, ask, refusal};

/// What changes from call to call gives way to its kind.
fn steady(mut document: Value) -> Value {
    let id = document["id"].as_str().expect("an id");
    assert!(id.starts_with("chatcmpl-"), "{id}");
    assert!(document["created"].is_u64());
    document["id"] = json!("chatcmpl-…");
    document["created"] = json!(0);
    document
}

#[tokio::test]
async fn answers_in_one_document() {
    let provider = Provider::start().await;

    let response = provider.post("bedrock-mantle", GPT, &ask("openai.gpt-5.5", json!({}))).await;

    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("x-amzn-requestid"));
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["choices"][0]["message"]["content"], reply_for("Say hello.", 12));
    assert_json_snapshot!(steady(document), @r#"
    {
      "id": "chatcmpl-…",
      "object": "chat.completion",
      "created": 0,
      "model": "openai.gpt-5.5",
      "service_tier": "default",
      "system_fingerprint": null,
      "choices": [
        {
          "index": 0,
          "message": {
            "role": "assistant",
            "content": "Answer 3de806af to: Say hello. These words come from the provider stand-in,",
            "refusal": null
          },
          "logprobs": null,
          "finish_reason": "stop"
        }
      ],
      "usage": {
        "prompt_tokens": 6,
        "completion_tokens": 19,
        "total_tokens": 25,
        "prompt_tokens_details": {
          "cached_tokens": 0
        },
        "completion_tokens_details": {
          "reasoning_tokens": 0
        }
      }
    }
    "#);
}

#[tokio::test]
async fn streams_word_by_word_and_says_the_usage_only_when_asked() {
    let provider = Provider::unpaced().await;
    let body = ask("openai.gpt-5.5", json!({ "stream": true }));

    let response = provider.post("bedrock-mantle", GPT, &body).await;

    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let events = events(&text);
    let (done, chunks) = events.split_last().unwrap();
    let chunks: Vec<Value> = chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    let contents = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert_eq!(*done, "[DONE]");
    assert_eq!(contents.collect::<String>(), reply_for("Say hello.", 12));
    assert_eq!(chunks.len(), 1 + 12 + 1);
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
    assert_eq!(chunks[13]["choices"][0]["finish_reason"], "stop");
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    assert_json_snapshot!(steady(chunks[1].clone()), @r#"
    {
      "id": "chatcmpl-…",
      "object": "chat.completion.chunk",
      "created": 0,
      "model": "openai.gpt-5.5",
      "service_tier": "default",
      "system_fingerprint": null,
      "choices": [
        {
          "index": 0,
          "delta": {
            "content": "Answer "
          },
          "logprobs": null,
          "finish_reason": null
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn the_usage_chunk_comes_last_and_the_others_say_null() {
    let provider = Provider::unpaced().await;
    let body = ask("openai.gpt-5.5", json!({ "stream": true, "stream_options": { "include_usage": true } }));

    let text = provider.post("bedrock-mantle", GPT, &body).await.text().await.unwrap();

    let events = events(&text);
    let [chunks @ .., last, "[DONE]"] = &events[..] else { panic!("{text}") };
    let last: Value = serde_json::from_str(last).unwrap();
    assert!(chunks.iter().all(|chunk| chunk.contains(r#""usage":null"#)));
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["prompt_tokens"], 3 + 3);
    assert_eq!(last["usage"]["completion_tokens"], count_tokens(&reply_for("Say hello.", 12)));
}

#[tokio::test]
async fn gpt_oss_thinks_aloud() {
    let provider = Provider::start().await;

    let response = provider.post("bedrock-mantle", OPEN, &ask("openai.gpt-oss-120b", json!({}))).await;

    let document: Value = response.json().await.unwrap();
    assert_json_snapshot!(document["choices"][0]["message"], @r#"
    {
      "role": "assistant",
      "content": "Answer 3de806af to: Say hello. These words come from the provider stand-in,",
      "refusal": null,
      "reasoning": "The user wants an answer, so an answer it is."
    }
    "#);
    assert_json_snapshot!(document["usage"], @r#"
    {
      "prompt_tokens": 6,
      "completion_tokens": 31,
      "total_tokens": 37,
      "prompt_tokens_details": {
        "cached_tokens": 0
      },
      "completion_tokens_details": {
        "reasoning_tokens": 12
      }
    }
    "#);
}

#[tokio::test]
async fn an_output_cap_holds_and_is_said() {
    let provider = Provider::start().await;

    let body = ask("openai.gpt-5.5", json!({ "max_completion_tokens": 5 }));
    let document: Value = provider.post("bedrock-mantle", GPT, &body).await.json().await.unwrap();

    assert_eq!(document["choices"][0]["message"]["content"], "Answer 3de806af to: ");
    assert_eq!(document["choices"][0]["finish_reason"], "length");
    assert_eq!(document["usage"]["completion_tokens"], 5);
}

#[tokio::test]
async fn a_tool_is_called_on_request() {
    let provider = Provider::unpaced().await;
    let tools = json!([{ "type": "function", "function": { "name": "weather", "parameters": {} } }]);
    let messages = json!([{ "role": "user", "content": "call tool for Paris" }]);
    let body = ask("openai.gpt-5.5", json!({ "tools": tools, "messages": messages }));

    let document: Value = provider.post("bedrock-mantle", GPT, &body).await.json().await.unwrap();
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    let text = provider.post("bedrock-mantle", GPT, &streamed).await.text().await.unwrap();

    let call = &document["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_json_snapshot!(call, @r#"
    {
      "name": "weather",
      "arguments": "{\"input\":\"call tool for Paris\"}"
    }
    "#);
    assert_eq!(document["choices"][0]["finish_reason"], "tool_calls");
    let arguments: String = events(&text)
        .into_iter()
        .filter_map(|chunk| serde_json::from_str::<Value>(chunk).ok())
        .filter_map(|chunk| {
            let delta = &chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"];
            delta.as_str().map(str::to_owned)
        })
        .collect();
    assert_eq!(arguments, call["arguments"].as_str().unwrap());
    assert!(text.contains(r#""finish_reason":"tool_calls""#));
}

#[tokio::test]
async fn a_wrong_path_a_wrong_model_and_a_broken_body_are_told_apart() {
    let provider = Provider::start().await;

    let wrong_path = refusal(&provider, OPEN, &ask("openai.gpt-5.5", json!({}))).await;
    let wrong_model = refusal(&provider, GPT, &ask("openai.gpt-9", json!({}))).await;
    let no_operation = refusal(&provider, "/openai/v1/models", &json!({})).await;
    let broken = provider.post_bytes("bedrock-mantle", GPT, "{".to_owned()).await;

    assert_snapshot!(wrong_path, @r#"400 {"error":{"message":"The model 'openai.gpt-5.5' is not served on this path.","type":"invalid_request_error","param":null,"code":null}}"#);
    assert_snapshot!(wrong_model, @r#"404 {"error":{"message":"The model 'openai.gpt-9' does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#);
    assert_snapshot!(no_operation, @r#"404 {"error":{"message":"There is no such operation.","type":"invalid_request_error","param":null,"code":null}}"#);
    assert_eq!(broken.status(), 400);
    assert_snapshot!(broken.text().await.unwrap(), @r#"{"error":{"message":"We could not parse the JSON body of your request.","type":"invalid_request_error","param":null,"code":null}}"#);
}

#[tokio::test]
async fn lists_the_models() {
    let provider = Provider::start().await;

    let response =
        provider.request(Method::GET, "/v1/models").bearer_auth("bedrock-api-key-abc").send().await.unwrap();

    let list: Value = response.json().await.unwrap();
    assert_eq!(list["object"], "list");
    let ids = list["data"].as_array().unwrap().iter().map(|model| &model["id"]);
    assert!(ids.clone().any(|id| id == "openai.gpt-5.5"), "{list}");
    assert!(ids.clone().any(|id| id == "openai.gpt-oss-120b"), "{list}");
}

#[tokio::test]
async fn the_runtime_has_its_own_ids_and_no_v1() {
    let provider = Provider::start().await;

    let served = provider.post("bedrock", GPT, &ask("us.openai.gpt-5.6-terra", json!({}))).await;
    let mantle_only = provider.post("bedrock", GPT, &ask("openai.gpt-5.5", json!({}))).await;
    let no_v1 = provider.post("bedrock", OPEN, &ask("openai.gpt-oss-120b-1:0", json!({}))).await;

    assert_eq!(served.status(), 200);
    assert_eq!(mantle_only.status(), 400);
    assert_eq!(no_v1.status(), 200);
    assert_snapshot!(no_v1.text().await.unwrap(), @r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#);
}
