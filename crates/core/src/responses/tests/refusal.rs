//! Requests that are refused, with the field that is wrong.

use serde_json::{Value, json};

use super::{prompt, wrong};

fn param(request: &Value) -> String {
    wrong(request).0
}

/// A right request with this member.
fn with(name: &str, value: Value) -> Value {
    let mut request = json!({"model": "m", "input": "a"});
    request[name] = value;
    request
}

#[test]
fn input_is_needed_unless_an_answer_goes_on() {
    for request in [
        json!({"model": "m"}),
        with("input", json!("")),
        with("input", json!([])),
        with("input", Value::Null),
    ] {
        assert_eq!(param(&request), "input");
    }
    assert!(prompt(&json!({"model": "m", "previous_response_id": "resp_1"})).items.is_empty());
    assert!(prompt(&json!({"model": "m", "previous_response_id": "resp_1", "input": []})).items.is_empty());
}

#[test]
fn a_setting_of_a_wrong_type_is_named() {
    let cases = [
        ("input", json!(5)),
        ("instructions", json!([])),
        ("max_output_tokens", json!(0)),
        ("max_output_tokens", json!(1.5)),
        ("temperature", json!("1")),
        ("top_p", json!(true)),
        ("top_logprobs", json!(-1)),
        ("parallel_tool_calls", json!("yes")),
        ("service_tier", json!(1)),
        ("store", json!(1)),
        ("metadata", json!({"a": 1})),
        ("metadata", json!([])),
        ("user", json!({})),
        ("include", json!("x")),
        ("truncation", json!(1)),
        ("previous_response_id", json!(1)),
        ("tools", json!({})),
        ("tool_choice", json!("any")),
        ("tool_choice", json!(1)),
        ("reasoning", json!("low")),
        ("text", json!([])),
        ("background", json!("no")),
    ];
    for (name, value) in cases {
        assert_eq!(param(&with(name, value.clone())), name, "{value}");
    }
}

#[test]
fn what_is_wrong_inside_is_said_with_its_path() {
    let input = |item: Value| with("input", json!([{"role": "user", "content": "a"}, item]));
    let cases = [
        (input(json!("a")), "input[1]"),
        (input(json!({"role": "tool", "content": "a"})), "input[1].role"),
        (input(json!({"content": "a"})), "input[1].role"),
        (input(json!({"role": "user"})), "input[1].content"),
        (input(json!({"role": "user", "content": 5})), "input[1].content"),
        (input(json!({"role": "user", "content": [5]})), "input[1].content[0]"),
        (input(json!({"role": "user", "content": [{"text": "a"}]})), "input[1].content[0].type"),
        (input(json!({"role": "user", "content": [{"type": "input_text"}]})), "input[1].content[0].text"),
        (
            input(json!({"role": "user", "content": [{"type": "input_image", "image_url": {}}]})),
            "input[1].content[0].image_url",
        ),
        (input(json!({"type": "function_call", "name": "f", "arguments": "{}"})), "input[1].call_id"),
        (
            input(json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": {}})),
            "input[1].arguments",
        ),
        (input(json!({"type": "function_call_output", "call_id": "c"})), "input[1].output"),
        (input(json!({"type": "reasoning", "summary": "a"})), "input[1].summary"),
        (with("tools", json!([{"name": "f"}])), "tools[0].type"),
        (with("tools", json!([{"type": "function"}])), "tools[0].name"),
        (with("tools", json!([{"type": "function", "name": "f", "parameters": "x"}])), "tools[0].parameters"),
        (with("tool_choice", json!({"type": "function"})), "tool_choice.name"),
        (with("reasoning", json!({"effort": 5})), "reasoning.effort"),
        (with("text", json!({"verbosity": 5})), "text.verbosity"),
        (with("text", json!({"format": {"type": "xml"}})), "text.format.type"),
        (with("text", json!({"format": {"type": "json_schema", "name": "n"}})), "text.format.schema"),
        (with("text", json!({"format": {"type": "json_schema", "schema": {}}})), "text.format.name"),
    ];
    for (request, path) in cases {
        assert_eq!(param(&request), path, "{request}");
    }
}

#[test]
fn what_the_gateway_cannot_bound_is_refused_in_plain_words() {
    let input = |item: Value| with("input", json!([item]));
    let content = |part: Value| input(json!({"role": "user", "content": [part]}));
    let cases = [
        (with("background", json!(true)), "background"),
        (with("conversation", json!("conv_1")), "conversation"),
        (with("prompt", json!({"id": "pmpt_1"})), "prompt"),
        (input(json!({"type": "item_reference", "id": "msg_1"})), "input[0].type"),
        (input(json!({"type": "web_search_call", "id": "ws_1"})), "input[0].type"),
        (content(json!({"type": "input_file", "file_id": "f"})), "input[0].content[0].type"),
        (content(json!({"type": "input_audio", "data": ""})), "input[0].content[0].type"),
        (content(json!({"type": "input_image", "file_id": "f"})), "input[0].content[0].file_id"),
        (with("tools", json!([{"type": "web_search"}])), "tools[0].type"),
        (with("tools", json!([{"type": "mcp", "server_url": "x"}])), "tools[0].type"),
        (with("tool_choice", json!({"type": "file_search"})), "tool_choice.type"),
    ];
    for (request, path) in cases {
        let (param, message) = wrong(&request);

        assert_eq!(param, path);
        assert!(
            message
                .contains("is not supported: the gateway cannot know beforehand what it would cost at most")
        );
    }
}

#[test]
fn never_over_what_multiplies_or_redirects_the_cost_is_not_passed_on() {
    let cases = [
        ("n", json!(5)),
        ("best_of", json!(5)),
        ("context_management", json!([{"type": "compaction", "compact_threshold": 1_000}])),
        ("models", json!(["dearer"])),
        ("plugins", json!([{"id": "web"}])),
    ];
    for (name, value) in cases {
        assert_eq!(param(&with(name, value)), name);
        assert!(prompt(&with(name, Value::Null)).strange.is_empty());
    }
}
