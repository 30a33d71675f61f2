use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};
use tollgate_local::standin::{IMAGE_TOKENS, reply_for};

use crate::provider::Provider;

const GPT: &str = "/openai/v1/responses";
const OPEN: &str = "/v1/responses";
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgo=";

fn ask(more: Value) -> Value {
    let mut body = json!({ "model": "openai.gpt-5.5", "input": "Say hello." });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

async fn answer(provider: &Provider, more: Value) -> Value {
    let response = provider.post("bedrock-mantle", GPT, &ask(more)).await;
    let status = response.status();
    let document = response.json().await.expect("JSON");
    assert_eq!(status, 200, "{document}");
    document
}

async fn refusal(provider: &Provider, more: Value) -> String {
    let response = provider.post("bedrock-mantle", GPT, &ask(more)).await;
    let status = response.status().as_u16();
    let document: Value = response.json().await.expect("JSON");
    let error = &document["error"];
    format!("{status} {} {} {}", error["code"], error["param"], error["message"])
}

/// The events of a stream, each checked to name its own type and number.
async fn stream(provider: &Provider, more: Value) -> Vec<Value> {
    let mut body = ask(more);
    body["stream"] = json!(true);
    let response = provider.post("bedrock-mantle", GPT, &body).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.expect("a body");
    let events = text.split_terminator("\n\n").enumerate().map(|(number, event)| {
        let (name, data) = event.split_once("\ndata: ").expect("an event and its data");
        let data: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
        assert_eq!(data["sequence_number"], number);
        data
    });
    events.collect()
}

/// The kinds of the events, those that repeat once.
fn kinds(events: &[Value]) -> String {
    let mut kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    kinds.dedup();
    kinds.join("\n")
}

fn deltas(events: &[Value], kind: &str) -> String {
    let events = events.iter().filter(|event| event["type"] == kind);
    events.map(|event| event["delta"].as_str().expect("a delta")).collect()
}

fn tool() -> Value {
    let parameters = json!({
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"],
    });
    json!([{ "type": "function", "name": "weather", "parameters": parameters, "strict": true }])
}

#[tokio::test]
async fn answers_in_one_document() {
    let provider = Provider::start().await;

    let mut document = answer(&provider, json!({ "instructions": "Be brief." })).await;

    assert!(document["id"].as_str().unwrap().starts_with("resp_"));
    assert_eq!(document["status"], "completed");
    document["output"][0]["id"] = json!("msg_…");
    assert_json_snapshot!(document["output"], @r#"
    [
      {
        "id": "msg_…",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [
          {
            "type": "output_text",
            "text": "Answer 3de806af to: Say hello. These words come from the provider stand-in,",
            "annotations": [],
            "logprobs": []
          }
        ]
      }
    ]
    "#);
    assert_eq!(
        document["usage"],
        json!({
            "input_tokens": 6,
            "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
            "output_tokens": 19,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": 25,
        })
    );
    assert_eq!(document.get("output_text"), None, "that is the SDK's");
}

#[tokio::test]
async fn a_text_is_streamed_in_openai_s_order() {
    let provider = Provider::unpaced().await;

    let events = stream(&provider, json!({})).await;

    assert_snapshot!(kinds(&events), @"
    response.created
    response.in_progress
    response.output_item.added
    response.content_part.added
    response.output_text.delta
    response.output_text.done
    response.content_part.done
    response.output_item.done
    response.completed
    ");
    assert_eq!(deltas(&events, "response.output_text.delta"), reply_for("Say hello.", 12));
    let last = &events.last().unwrap()["response"];
    assert_eq!(last["usage"]["output_tokens"], 19);
    assert_eq!(events[0]["response"]["id"], last["id"]);
    assert_eq!(events[0]["response"]["usage"], Value::Null);
}

#[tokio::test]
async fn reasoning_is_shown_as_far_as_it_is_asked_for() {
    let provider = Provider::unpaced().await;
    let asked = json!({
        "reasoning": { "effort": "low", "summary": "auto" },
        "include": ["reasoning.encrypted_content"],
    });

    let silent = answer(&provider, json!({ "reasoning": { "effort": "low" } })).await;
    let document = answer(&provider, asked.clone()).await;
    let events = stream(&provider, asked).await;

    assert_eq!(silent["output"][0]["type"], "reasoning");
    assert_eq!(silent["output"][0]["summary"], json!([]));
    assert_eq!(silent["output"][0].get("encrypted_content"), None);
    let thought = &document["output"][0];
    assert_eq!(thought["summary"][0]["type"], "summary_text");
    assert!(thought["encrypted_content"].is_string());
    assert_eq!(document["usage"]["output_tokens_details"]["reasoning_tokens"], 12);
    let summary = thought["summary"][0]["text"].as_str().unwrap();
    assert_eq!(deltas(&events, "response.reasoning_summary_text.delta"), summary);
    assert_snapshot!(kinds(&events[..6]), @"
    response.created
    response.in_progress
    response.output_item.added
    response.reasoning_summary_part.added
    response.reasoning_summary_text.delta
    ");
}

#[tokio::test]
async fn gpt_oss_shows_the_thought_itself() {
    let provider = Provider::start().await;
    let body = json!({ "model": "openai.gpt-oss-120b", "input": "Say hello." });

    let document: Value = provider.post("bedrock-mantle", OPEN, &body).await.json().await.unwrap();

    assert_eq!(document["output"][0]["content"][0]["type"], "reasoning_text");
    assert_eq!(document["output"][1]["content"][0]["type"], "output_text");
}

#[tokio::test]
async fn tools_are_called_and_their_results_answered() {
    let provider = Provider::unpaced().await;
    let input = json!({ "input": "call tools", "tools": tool() });

    let document = answer(&provider, input.clone()).await;
    let events = stream(&provider, input.clone()).await;
    let single =
        answer(&provider, json!({ "input": "call tools", "tools": tool(), "parallel_tool_calls": false }))
            .await;
    let mut items = vec![json!({ "role": "user", "content": "call tools" })];
    for call in document["output"].as_array().unwrap() {
        items.push(call.clone());
        items.push(json!({ "type": "function_call_output", "call_id": call["call_id"], "output": "Sunny." }));
    }
    let end = answer(&provider, json!({ "input": items, "tools": tool() })).await;

    let calls = document["output"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0]["type"], "function_call");
    assert_eq!(calls[0]["arguments"], r#"{"city":"word"}"#);
    assert_ne!(calls[0]["call_id"], calls[1]["call_id"]);
    assert_eq!(deltas(&events, "response.function_call_arguments.delta"), r#"{"city":"word"}"#.repeat(2));
    assert_eq!(single["output"].as_array().unwrap().len(), 1);
    assert_eq!(end["output"][0]["content"][0]["text"], reply_for("Sunny.", 12));
}

#[tokio::test]
async fn a_schema_is_kept_and_an_image_counts() {
    let provider = Provider::start().await;
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    let format = json!({ "type": "json_schema", "name": "number", "schema": schema, "strict": true });
    let content = json!([
        { "type": "input_text", "text": "What is this?" },
        { "type": "input_image", "image_url": PIXEL },
    ]);
    let input = json!([{ "role": "user", "content": content }]);

    let document = answer(&provider, json!({ "input": input, "text": { "format": format } })).await;

    assert_eq!(document["output"][0]["content"][0]["text"], r#"{"n":0}"#);
    assert_eq!(document["usage"]["input_tokens"], 4 + IMAGE_TOKENS);
}

#[tokio::test]
async fn a_tight_cap_leaves_the_response_incomplete() {
    let provider = Provider::unpaced().await;
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 0, "reasoning_tokens": 50 })).await;

    let document = answer(&provider, json!({ "max_output_tokens": 16 })).await;
    let events = stream(&provider, json!({ "max_output_tokens": 16 })).await;

    assert_eq!(document["status"], "incomplete");
    assert_eq!(document["incomplete_details"], json!({ "reason": "max_output_tokens" }));
    assert_eq!(document["usage"]["output_tokens"], 16);
    assert!(document["output"].as_array().unwrap().iter().all(|item| item["type"] == "reasoning"));
    assert_eq!(events.last().unwrap()["type"], "response.incomplete");
}

#[tokio::test]
async fn a_stored_response_can_be_gone_on_from() {
    let provider = Provider::start().await;

    let first = answer(&provider, json!({})).await;
    let second = answer(&provider, json!({ "input": "More.", "previous_response_id": first["id"] })).await;
    let unstored = answer(&provider, json!({ "store": false })).await;
    let forgotten = refusal(&provider, json!({ "previous_response_id": unstored["id"] })).await;
    let body =
        json!({ "model": "us.openai.gpt-5.6-sol", "input": "More.", "previous_response_id": first["id"] });
    let elsewhere = provider.post("bedrock", GPT, &body).await;

    assert_eq!(second["usage"]["input_tokens"], 3 + 19 + 2, "what was said before counts again");
    assert!(
        forgotten.starts_with(r#"400 "previous_response_not_found" "previous_response_id""#),
        "{forgotten}"
    );
    assert_eq!(elsewhere.status(), 400);
}

#[tokio::test]
async fn sealed_reasoning_is_known_only_where_it_was_sealed() {
    let provider = Provider::start().await;
    let asked = json!({ "store": false, "include": ["reasoning.encrypted_content"] });
    let thought = answer(&provider, asked).await["output"][0].clone();
    let input = json!([thought, { "role": "user", "content": "More." }]);

    let here = provider.post("bedrock-mantle", GPT, &ask(json!({ "input": input }))).await;
    let body = json!({ "model": "us.openai.gpt-5.6-sol", "input": input });
    let there = provider.post("bedrock", GPT, &body).await;

    assert_eq!(here.status(), 200);
    assert_eq!(there.status(), 400);
    let error: Value = there.json().await.unwrap();
    assert_eq!(error["error"]["code"], "invalid_encrypted_content");
}

#[tokio::test]
async fn gpt_5_5_refuses_what_it_does_not_take() {
    let provider = Provider::start().await;
    let result = json!([{ "type": "function_call_output", "call_id": "call_1", "output": "x" }]);
    let call = json!([{ "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}" }]);
    let wrong_part = json!([{ "role": "user", "content": [{ "type": "text", "text": "x" }] }]);

    let mut refusals = Vec::new();
    for refused in [
        json!({ "temperature": 0.7 }),
        json!({ "top_p": 1 }),
        json!({ "reasoning": { "effort": "minimal" } }),
        json!({ "service_tier": "flex" }),
        json!({ "max_output_tokens": 15 }),
        json!({ "max_tokens": 20 }),
        json!({ "input": [] }),
        json!({ "input": result }),
        json!({ "input": call }),
        json!({ "input": wrong_part }),
        json!({ "tools": [{ "type": "function", "function": { "name": "nested" } }] }),
    ] {
        refusals.push(refusal(&provider, refused).await);
    }

    assert_snapshot!(refusals.join("\n"), @r#"
    400 "unsupported_value" "temperature" "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported."
    400 "unsupported_parameter" "top_p" "Unsupported parameter: 'top_p' is not supported with this model."
    400 "unsupported_value" "reasoning.effort" "Unsupported value: 'reasoning.effort' does not support 'minimal' with this model. Supported values are: none, low, medium, high, xhigh."
    400 "unsupported_value" "service_tier" "Unsupported value: 'service_tier' does not support 'flex' with this model. Supported values are: auto, default."
    400 "integer_below_min_value" "max_output_tokens" "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 15 instead."
    400 "unknown_parameter" "max_tokens" "Unknown parameter: 'max_tokens'."
    400 "missing_required_parameter" "input" "Missing required parameter: 'input'."
    400 null "input" "No tool call found for function call output with call_id call_1."
    400 null "input" "No tool output found for function call call_1."
    400 "invalid_value" "input[0].content[0].type" "Invalid value: 'text'. Supported values are: input_text, input_image, input_file."
    400 "missing_required_parameter" "tools[0].name" "Missing required parameter: 'tools[0].name'."
    "#);
}

#[tokio::test]
async fn a_stream_breaks_off_as_a_failed_response_or_as_an_error() {
    let provider = Provider::start().await;
    let rule = json!({ "model": "*", "chunk_delay_ms": 0, "error_after_chunks": 5, "status": 503 });

    provider.rule(rule.clone()).await;
    let failed = stream(&provider, json!({})).await;
    let mut rule = rule;
    rule["error_event"] = json!(true);
    provider.rule(rule).await;
    let broken = stream(&provider, json!({})).await;

    assert_eq!(failed.len(), 6);
    assert_eq!(failed[5]["type"], "response.failed");
    assert_eq!(failed[5]["response"]["status"], "failed");
    assert_eq!(failed[5]["response"]["error"]["code"], "service_unavailable");
    assert_eq!(broken[5]["type"], "error");
    assert_eq!(broken[5]["code"], "service_unavailable");
}

#[tokio::test]
async fn a_refusal_is_a_part_of_its_own() {
    let provider = Provider::unpaced().await;

    let document = answer(&provider, json!({ "input": "refuse this" })).await;
    let events = stream(&provider, json!({ "input": "refuse this" })).await;

    let part = &document["output"][0]["content"][0];
    assert_eq!(part["type"], "refusal");
    assert_eq!(deltas(&events, "response.refusal.delta"), part["refusal"].as_str().unwrap());
}

#[tokio::test]
async fn the_runtime_serves_late_models_only() {
    let provider = Provider::start().await;
    let status = async |model: &str| {
        let body = json!({ "model": model, "input": "Say hello." });
        provider.post("bedrock", GPT, &body).await.status().as_u16()
    };

    assert_eq!(status("us.openai.gpt-5.6-sol").await, 200);
    assert_eq!(status("openai.gpt-5.5").await, 400);
    assert_eq!(status("openai.gpt-oss-120b-1:0").await, 400);
}
