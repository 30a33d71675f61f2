//! Tools, images, schemas, refusals, several choices and log probabilities over Chat Completions.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};
use tollgate_local::standin::{IMAGE_TOKENS, reply_for};

use crate::provider::{Provider, events};
use crate::question::{self, GPT, OPEN, refusal};

fn ask(more: Value) -> Value {
    question::ask("openai.gpt-5.5", more)
}

async fn answer(provider: &Provider, more: Value) -> Value {
    let response = provider.post("bedrock-mantle", GPT, &ask(more)).await;
    let status = response.status();
    let document = response.json().await.expect("JSON");
    assert_eq!(status, 200, "{document}");
    document
}

/// The chunks of a stream but the mark of its end.
async fn stream(provider: &Provider, more: Value) -> Vec<Value> {
    let mut body = ask(more);
    body["stream"] = json!(true);
    let text = provider.post("bedrock-mantle", GPT, &body).await.text().await.expect("a body");
    let events = events(&text);
    let (_, chunks) = events.split_last().expect("a mark of the end");
    chunks.iter().map(|chunk| serde_json::from_str(chunk).expect("JSON")).collect()
}

fn said(text: &str) -> Value {
    json!([{ "role": "user", "content": text }])
}

fn tools() -> Value {
    let function = |name: &str| {
        json!({ "type": "function", "function": { "name": name, "parameters": {
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"],
    } } })
    };
    json!([function("weather"), function("time")])
}

#[tokio::test]
async fn several_tools_are_called_at_once() {
    let provider = Provider::unpaced().await;
    let asked = json!({ "messages": said("call tools"), "tools": tools() });

    let document = answer(&provider, asked.clone()).await;
    let chunks = stream(&provider, asked).await;

    let calls = document["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    let names: Vec<_> = calls.iter().map(|call| &call["function"]["name"]).collect();
    assert_eq!(names, ["weather", "time"]);
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    assert_eq!(calls[0]["function"]["arguments"], r#"{"city":"word"}"#);
    for index in [0, 1] {
        let deltas = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0));
        let arguments = deltas.filter(|delta| delta["index"] == index);
        let arguments: String =
            arguments.filter_map(|delta| delta["function"]["arguments"].as_str()).collect();
        assert_eq!(arguments, r#"{"city":"word"}"#);
    }
}

#[tokio::test]
async fn the_choice_of_a_tool_is_the_caller_s() {
    let provider = Provider::start().await;
    let called = async |more: Value| {
        let mut asked = json!({ "tools": tools() });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let document = answer(&provider, asked).await;
        let calls = document["choices"][0]["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
        let names = calls.iter().map(|call| call["function"]["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    let named = json!({ "type": "function", "function": { "name": "time" } });

    assert_eq!(called(json!({})).await, "");
    assert_eq!(called(json!({ "tool_choice": "required" })).await, "weather");
    assert_eq!(called(json!({ "tool_choice": named })).await, "time");
    assert_eq!(called(json!({ "messages": said("call tool"), "tool_choice": "none" })).await, "");
    assert_eq!(
        called(json!({ "messages": said("call tools"), "parallel_tool_calls": false })).await,
        "weather"
    );
}

#[tokio::test]
async fn the_result_of_a_tool_is_answered_and_must_fit_its_call() {
    let provider = Provider::start().await;
    let call =
        json!({ "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{}" } });
    let asking = json!({ "role": "user", "content": "call tool" });
    let calling = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
    let result = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "Sunny." });

    let messages = json!([asking, calling, result("call_1")]);
    let document = answer(&provider, json!({ "messages": messages, "tools": tools() })).await;
    let mut refusals = Vec::new();
    for messages in
        [json!([asking, calling]), json!([asking, result("call_1")]), json!([asking, calling, result("x")])]
    {
        refusals.push(refusal(&provider, GPT, &ask(json!({ "messages": messages }))).await);
    }

    assert_eq!(document["choices"][0]["message"]["content"], reply_for("Sunny.", 12));
    assert_snapshot!(refusals.join("\n"), @r#"
    400 {"error":{"message":"Invalid parameter: An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: call_1","type":"invalid_request_error","param":"messages.[1].role","code":null}}
    400 {"error":{"message":"Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.","type":"invalid_request_error","param":"messages.[1].role","code":null}}
    400 {"error":{"message":"Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.","type":"invalid_request_error","param":"messages.[2].role","code":null}}
    "#);
}

#[tokio::test]
async fn an_image_counts_and_must_be_one() {
    let provider = Provider::start().await;
    let look = |url: &str| {
        let image = json!({ "type": "image_url", "image_url": { "url": url } });
        json!([{ "role": "user", "content": [{ "type": "text", "text": "Look!" }, image] }])
    };
    let pixel = "data:image/png;base64,iVBORw0KGgo=";

    let document = answer(&provider, json!({ "messages": look(pixel) })).await;
    let no_image =
        refusal(&provider, GPT, &ask(json!({ "messages": look("data:image/png;base64,?") }))).await;
    let body = question::ask("openai.gpt-oss-20b", json!({ "messages": look(pixel) }));
    let blind = refusal(&provider, OPEN, &body).await;

    assert_eq!(document["usage"]["prompt_tokens"], 2 + IMAGE_TOKENS);
    assert_snapshot!(no_image, @r#"400 {"error":{"message":"Expected a base64-encoded data URL with an image MIME type, or an address of an image.","type":"invalid_request_error","param":null,"code":"invalid_image_url"}}"#);
    assert_snapshot!(blind, @r#"400 {"error":{"message":"This model does not support image inputs.","type":"invalid_request_error","param":null,"code":null}}"#);
}

#[tokio::test]
async fn a_schema_is_kept() {
    let provider = Provider::start().await;
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": schema } });

    let fitting = answer(&provider, json!({ "response_format": format })).await;
    let any = answer(&provider, json!({ "response_format": { "type": "json_object" } })).await;

    assert_eq!(fitting["choices"][0]["message"]["content"], r#"{"n":0}"#);
    assert_eq!(any["choices"][0]["message"]["content"], r#"{"answer":"word"}"#);
}

#[tokio::test]
async fn a_refusal_takes_the_place_of_the_content() {
    let provider = Provider::unpaced().await;

    let document = answer(&provider, json!({ "messages": said("refuse this") })).await;
    let chunks = stream(&provider, json!({ "messages": said("refuse this") })).await;

    let message = &document["choices"][0]["message"];
    assert_eq!(message["content"], Value::Null);
    let pieces = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["refusal"].as_str());
    assert_eq!(pieces.collect::<String>(), message["refusal"].as_str().unwrap());
}

#[tokio::test]
async fn several_choices_cost_several_times() {
    let provider = Provider::unpaced().await;

    let document = answer(&provider, json!({ "n": 3 })).await;
    let chunks = stream(&provider, json!({ "n": 3 })).await;

    assert_eq!(document["choices"].as_array().unwrap().len(), 3);
    assert_eq!(document["choices"][2]["index"], 2);
    assert_eq!(document["usage"]["completion_tokens"], 3 * 19);
    let finished = chunks.iter().filter(|chunk| chunk["choices"][0]["finish_reason"] == "stop");
    assert_eq!(finished.count(), 3);
}

#[tokio::test]
async fn a_stop_text_ends_the_reply() {
    let provider = Provider::start().await;

    let document = answer(&provider, json!({ "stop": ["Say"], "seed": 7 })).await;

    assert_eq!(document["choices"][0]["message"]["content"], "Answer 3de806af to: ");
    assert_eq!(document["choices"][0]["finish_reason"], "stop");
    assert_eq!(document["usage"]["completion_tokens"], 5);
}

#[tokio::test]
async fn log_probabilities_come_word_by_word() {
    let provider = Provider::start().await;

    let document = answer(&provider, json!({ "logprobs": true, "top_logprobs": 2, "stop": "3de8" })).await;

    assert_json_snapshot!(document["choices"][0]["logprobs"], @r#"
    {
      "content": [
        {
          "token": "Answer ",
          "logprob": -0.25,
          "bytes": [
            65,
            110,
            115,
            119,
            101,
            114,
            32
          ],
          "top_logprobs": [
            {
              "token": "Answer ",
              "logprob": -0.25,
              "bytes": [
                65,
                110,
                115,
                119,
                101,
                114,
                32
              ]
            },
            {
              "token": "other1 ",
              "logprob": -0.25,
              "bytes": [
                111,
                116,
                104,
                101,
                114,
                49,
                32
              ]
            }
          ]
        }
      ],
      "refusal": null
    }
    "#);
}

#[tokio::test]
async fn the_tier_is_echoed_and_cache_writes_are_counted() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "cached_tokens": 2, "cache_write_tokens": 9 })).await;

    let body = question::ask("openai.gpt-oss-120b", json!({ "service_tier": "flex" }));
    let document: Value = provider.post("bedrock-mantle", OPEN, &body).await.json().await.unwrap();

    assert_eq!(document["service_tier"], "flex");
    assert_eq!(
        document["usage"]["prompt_tokens_details"],
        json!({ "cached_tokens": 2, "cache_write_tokens": 4 }),
    );
}
