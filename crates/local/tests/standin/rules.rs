use insta::assert_snapshot;
use serde_json::json;

use crate::provider::Provider;
use crate::question::{GPT, ask, refusal};

#[tokio::test]
async fn gpt_5_5_refuses_what_it_does_not_take() {
    let provider = Provider::start().await;
    for accepted in [
        json!({ "temperature": 1 }),
        json!({ "temperature": 1.0, "reasoning_effort": "none" }),
        json!({ "max_tokens": 20, "service_tier": "default" }),
    ] {
        let response = provider.post("bedrock-mantle", GPT, &ask("openai.gpt-5.5", accepted)).await;
        assert_eq!(response.status(), 200);
    }

    let mut refusals = Vec::new();
    for refused in [
        json!({ "temperature": 0.7 }),
        json!({ "top_p": 1 }),
        json!({ "reasoning_effort": "minimal" }),
        json!({ "service_tier": "flex" }),
        json!({ "prompt_cache_options": {} }),
        json!({ "max_completion_tokens": 0 }),
        json!({ "max_tokens": -1 }),
        json!({ "messages": [] }),
        json!({ "messages": [{ "role": "robot", "content": "x" }] }),
        json!({ "model": "" }),
    ] {
        refusals.push(refusal(&provider, GPT, &ask("openai.gpt-5.5", refused)).await);
    }

    assert_snapshot!(refusals.join("\n"), @r#"
    400 {"error":{"message":"Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}
    400 {"error":{"message":"Unsupported parameter: 'top_p' is not supported with this model.","type":"invalid_request_error","param":"top_p","code":"unsupported_parameter"}}
    400 {"error":{"message":"Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: none, low, medium, high, xhigh.","type":"invalid_request_error","param":"reasoning_effort","code":"unsupported_value"}}
    400 {"error":{"message":"Unsupported value: 'service_tier' does not support 'flex' with this model. Supported values are: auto, default.","type":"invalid_request_error","param":"service_tier","code":"unsupported_value"}}
    400 {"error":{"message":"Unsupported parameter: 'prompt_cache_options' is not supported with this model.","type":"invalid_request_error","param":"prompt_cache_options","code":"unsupported_parameter"}}
    400 {"error":{"message":"Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.","type":"invalid_request_error","param":"max_completion_tokens","code":"integer_below_min_value"}}
    400 {"error":{"message":"Invalid value for 'max_tokens': invalid value: integer `-1`, expected u64 at line 1 column 158","type":"invalid_request_error","param":"max_tokens","code":"invalid_type"}}
    400 {"error":{"message":"Missing required parameter: 'messages'.","type":"invalid_request_error","param":"messages","code":"missing_required_parameter"}}
    400 {"error":{"message":"Invalid value for 'messages[0].role': unknown variant `robot`, expected one of `developer`, `system`, `user`, `assistant`, `tool` at line 1 column 53","type":"invalid_request_error","param":"messages[0].role","code":"invalid_type"}}
    400 {"error":{"message":"Missing required parameter: 'model'.","type":"invalid_request_error","param":"model","code":"missing_required_parameter"}}
    "#);
}

#[tokio::test]
async fn later_models_refuse_more() {
    let provider = Provider::start().await;
    let tools = json!([{ "type": "function", "function": { "name": "weather" } }]);

    let mut refusals = Vec::new();
    for refused in [
        json!({ "max_tokens": 20 }),
        json!({ "stop": "." }),
        json!({ "n": 1 }),
        json!({ "tools": tools }),
        json!({ "temperature": 0 }),
    ] {
        refusals.push(refusal(&provider, GPT, &ask("openai.gpt-5.6-sol", refused)).await);
    }
    refusals.push(
        refusal(&provider, GPT, &ask("openai.gpt-6-astra", json!({ "reasoning_effort": "none" }))).await,
    );

    assert_snapshot!(refusals.join("\n"), @r#"
    400 {"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}
    400 {"error":{"message":"Unsupported parameter: 'stop' is not supported with this model.","type":"invalid_request_error","param":"stop","code":"unsupported_parameter"}}
    400 {"error":{"message":"Unsupported parameter: 'n' is not supported with this model.","type":"invalid_request_error","param":"n","code":"unsupported_parameter"}}
    400 {"error":{"message":"Function tools need reasoning_effort 'none' with this model.","type":"invalid_request_error","param":"tools","code":"unsupported_value"}}
    400 {"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}
    400 {"error":{"message":"Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: low, medium, high, xhigh, max.","type":"invalid_request_error","param":"reasoning_effort","code":"unsupported_value"}}
    "#);
}
