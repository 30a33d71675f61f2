use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::prompt::{Item, Part, Role, ToolChoice};

fn prompt_of(body: &Value) -> Result<Prompt, Error> {
    read(&serde_json::from_str(&body.to_string()).unwrap())
}

/// A body with these members besides one message.
fn with(members: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    let Value::Object(members) = members else { panic!("{members}") };
    body.as_object_mut().unwrap().extend(members);
    body
}

fn param_of(body: &Value) -> Option<String> {
    match prompt_of(body) {
        Err(Error::Invalid { param, .. }) => param,
        other => panic!("{body}: {other:?}"),
    }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

#[test]
fn texts_images_calls_and_results_are_told_apart() {
    let prompt = prompt_of(&json!({"messages": [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "Which weather?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}]},
        {"role": "assistant", "content": "I look.", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}},
            {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "call_1", "name": "look", "content": "rain"},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "sun"}]}
    ]}))
    .unwrap();

    let call = |id: &str, arguments: &str| Item::ToolCall {
        call_id: id.to_owned(),
        name: "look".to_owned(),
        arguments: arguments.to_owned(),
    };
    let result = |id: &str, said: &str| Item::ToolResult { call_id: id.to_owned(), parts: vec![text(said)] };
    let image = Part::Image { url: "data:image/png;base64,AAAA".to_owned(), detail: Some("low".to_owned()) };
    let items = [
        Item::Message { role: Role::Developer, parts: vec![text("Be brief.")] },
        Item::Message { role: Role::User, parts: vec![text("Which weather?"), image] },
        Item::Message { role: Role::Assistant, parts: vec![text("I look.")] },
        call("call_1", r#"{"at":1}"#),
        call("call_2", ""),
        result("call_1", "rain"),
        result("call_2", "sun"),
    ];
    assert_eq!(format!("{:?}", prompt.items), format!("{items:?}"));
    assert!(prompt.strange.is_empty());
}

#[test]
fn an_answer_that_comes_back_is_understood() {
    let prompt = prompt_of(&json!({"messages": [
        {"role": "user", "content": "How?"},
        {"role": "assistant", "content": null, "refusal": "I cannot.", "reasoning": "Hm.", "annotations": [],
         "audio": null, "function_call": null, "tool_calls": null}
    ]}))
    .unwrap();

    let items = [
        Item::Message { role: Role::User, parts: vec![text("How?")] },
        Item::Reasoning { summary: vec!["Hm.".to_owned()], sealed: None },
        Item::Message { role: Role::Assistant, parts: vec![Part::Refusal("I cannot.".to_owned())] },
    ];
    assert_eq!(format!("{:?}", prompt.items), format!("{items:?}"));
    assert!(prompt.strange.is_empty());
}

#[test]
fn an_assistant_that_only_calls_says_nothing() {
    let call = json!({"id": "x", "function": {"name": "f", "arguments": "{}"}});
    let prompt =
        prompt_of(&json!({"messages": [{"role": "assistant", "content": null, "tool_calls": [call]}]}))
            .unwrap();

    assert!(matches!(prompt.items.as_slice(), [Item::ToolCall { .. }]));
}

#[test]
fn what_is_wrong_in_a_message_is_named() {
    let call = |call: Value| json!([{"role": "assistant", "tool_calls": [call]}]);
    let cases = [
        (json!(null), "messages"),
        (json!([]), "messages"),
        (json!({}), "messages"),
        (json!([1]), "messages"),
        (json!([{"role": "assistant", "content": null}]), "messages"),
        (json!([{"content": "a"}]), "messages[0].role"),
        (json!([{"role": "robot", "content": "a"}]), "messages[0].role"),
        (json!([{"role": "user"}]), "messages[0].content"),
        (json!([{"role": "user", "content": 5}]), "messages[0].content"),
        (json!([{"role": "user", "content": []}]), "messages[0].content"),
        (json!([{"role": "user", "content": [{"type": "text"}]}]), "messages[0].content"),
        (json!([{"role": "user", "content": [{"type": "image_url"}]}]), "messages[0].content"),
        (json!([{"role": "user", "content": [{"type": "input_audio"}]}]), "messages[0].content"),
        (json!([{"role": "user", "content": [{"type": "file"}]}]), "messages[0].content"),
        (json!([{"role": "user", "content": "a"}, {"role": "user", "content": [{}]}]), "messages[1].content"),
        (json!([{"role": "assistant", "audio": {"id": "a"}}]), "messages[0].audio"),
        (json!([{"role": "assistant", "refusal": 1}]), "messages[0].refusal"),
        (json!([{"role": "tool", "content": "a"}]), "messages[0].tool_call_id"),
        (json!([{"role": "tool", "tool_call_id": "a"}]), "messages[0].content"),
        (json!([{"role": "function", "content": "a"}]), "messages[0].name"),
        (call(json!(1)), "messages[0].tool_calls"),
        (call(json!({"id": "x"})), "messages[0].tool_calls[0].function"),
        (call(json!({"function": {}})), "messages[0].tool_calls[0].id"),
        (call(json!({"id": "x", "type": "y"})), "messages[0].tool_calls[0].type"),
        (call(json!({"id": "x", "function": {"name": "f"}})), "messages[0].tool_calls[0].function.arguments"),
        (
            call(json!({"id": "x", "function": {"arguments": "", "name": 1}})),
            "messages[0].tool_calls[0].function.name",
        ),
    ];
    for (messages, name) in cases {
        assert_eq!(param_of(&json!({"messages": messages})).as_deref(), Some(name), "{messages}");
    }
}

#[test]
fn a_wrong_setting_is_named() {
    let cases = [
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_completion_tokens": -1}), "max_completion_tokens"),
        (json!({"max_completion_tokens": 1.5}), "max_completion_tokens"),
        (json!({"max_tokens": 1, "max_completion_tokens": 1}), "max_tokens"),
        (json!({"n": 0}), "n"),
        (json!({"n": 129}), "n"),
        (json!({"temperature": "1"}), "temperature"),
        (json!({"top_p": true}), "top_p"),
        (json!({"presence_penalty": []}), "presence_penalty"),
        (json!({"frequency_penalty": {}}), "frequency_penalty"),
        (json!({"stop": 1}), "stop"),
        (json!({"stop": ["a", 1]}), "stop"),
        (json!({"stop": ["a", "b", "c", "d", "e"]}), "stop"),
        (json!({"seed": 1.5}), "seed"),
        (json!({"logit_bias": {"1": "a"}}), "logit_bias"),
        (json!({"logprobs": 1}), "logprobs"),
        (json!({"top_logprobs": -1}), "top_logprobs"),
        (json!({"reasoning_effort": 1}), "reasoning_effort"),
        (json!({"verbosity": 1}), "verbosity"),
        (json!({"parallel_tool_calls": "yes"}), "parallel_tool_calls"),
        (json!({"service_tier": 1}), "service_tier"),
        (json!({"store": 1}), "store"),
        (json!({"metadata": {"a": 1}}), "metadata"),
        (json!({"user": 1}), "user"),
        (json!({"safety_identifier": 1}), "safety_identifier"),
        (json!({"prompt_cache_key": 1}), "prompt_cache_key"),
    ];
    for (members, name) in cases {
        assert_eq!(param_of(&with(members.clone())).as_deref(), Some(name), "{members}");
    }
}

#[test]
fn wrong_tools_and_formats_are_named() {
    let schema = |schema: Value| json!({"response_format": {"type": "json_schema", "json_schema": schema}});
    let tool = |tool: Value| json!({"tools": [tool]});
    let cases = [
        (json!({"stream_options": 1}), "stream_options"),
        (json!({"audio": {"voice": "x"}}), "audio"),
        (json!({"web_search_options": {}}), "web_search_options"),
        (json!({"modalities": ["text", "audio"]}), "modalities"),
        (json!({"modalities": ["text", "image"]}), "modalities"),
        (json!({"modalities": "text"}), "modalities"),
        (json!({"best_of": 5}), "best_of"),
        (json!({"models": ["dearer"]}), "models"),
        (json!({"plugins": [{"id": "web"}]}), "plugins"),
        (json!({"tools": {}}), "tools"),
        (tool(json!({})), "tools[0].type"),
        (tool(json!({"type": "web_search"})), "tools[0].type"),
        (tool(json!({"type": "function"})), "tools[0].function"),
        (tool(json!({"type": "function", "function": {"name": ""}})), "tools[0].function.name"),
        (
            tool(json!({"type": "function", "function": {"name": "f", "parameters": []}})),
            "tools[0].function.parameters",
        ),
        (json!({"tool_choice": "any"}), "tool_choice"),
        (json!({"tool_choice": 1}), "tool_choice"),
        (json!({"tool_choice": {"type": "function"}}), "tool_choice.function"),
        (json!({"response_format": "text"}), "response_format"),
        (json!({"response_format": {"type": "xml"}}), "response_format.type"),
        (json!({"response_format": {"type": "json_schema"}}), "response_format.json_schema"),
        (schema(json!({"schema": {}})), "response_format.json_schema.name"),
        (schema(json!({"name": "a"})), "response_format.json_schema.schema"),
        (schema(json!({"name": "a", "schema": []})), "response_format.json_schema.schema"),
    ];
    for (members, name) in cases {
        assert_eq!(param_of(&with(members.clone())).as_deref(), Some(name), "{members}");
    }
}

#[test]
fn settings_are_read_by_one_name_each() {
    let settings = json!({
        "temperature": 0.5, "top_p": 1, "stop": "END", "seed": -7, "presence_penalty": 0, "frequency_penalty": 0.1,
        "logit_bias": {"5": -100}, "logprobs": true, "top_logprobs": 2, "n": 3, "reasoning_effort": "low",
        "verbosity": "high", "parallel_tool_calls": false, "service_tier": "flex", "store": true,
        "metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "prompt_cache_key": "k",
    });
    let prompt = prompt_of(&with(settings.clone())).unwrap();

    let read: Value =
        prompt.parameters.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
    let mut expected = settings;
    expected["stop"] = json!(["END"]);
    assert_eq!(read, expected);
    assert!(prompt.strange.is_empty());
}

#[test]
fn both_names_of_the_cap_mean_the_same() {
    for name in ["max_tokens", "max_completion_tokens"] {
        let prompt = prompt_of(&with(json!({name: 7}))).unwrap();

        assert_eq!(prompt.parameters.count(Parameter::MaxOutputTokens), Some(7));
        assert!(prompt.strange.is_empty());
    }
}

#[test]
fn null_is_absent() {
    let prompt = prompt_of(&with(json!({
        "temperature": null, "n": null, "tools": null, "tool_choice": null, "response_format": null, "stop": null,
        "audio": null, "modalities": null, "prediction": null, "max_tokens": null, "stream_options": null,
    })))
    .unwrap();

    assert_eq!(prompt.parameters.iter().count(), 0);
    assert!(prompt.strange.is_empty());
}

#[test]
fn tools_choice_and_format_are_read() {
    let prompt = prompt_of(&with(json!({
        "tools": [{"type": "function", "function":
            {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"a": 1}, "strict": true}},
    })))
    .unwrap();

    let tool = &prompt.tools[0];
    assert_eq!((tool.name.as_str(), tool.strict), ("f", Some(true)));
    assert_eq!(tool.parameters.as_ref().unwrap().get(), r#"{"type":"object"}"#);
    assert_eq!(prompt.tool_choice, Some(ToolChoice::Function("f".to_owned())));
    let Some(Format::JsonSchema { name, schema, strict, .. }) = &prompt.format else { panic!("no schema") };
    assert_eq!((name.as_str(), schema.get(), *strict), ("s", r#"{"a":1}"#, Some(true)));
}

#[test]
fn what_only_chat_has_a_word_for_is_named() {
    let custom = json!({"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}});
    let cases = [
        (json!({"functions": [{"name": "f"}], "function_call": "auto"}), vec!["functions", "function_call"]),
        (json!({"tools": [{"type": "custom", "custom": {"name": "f"}}]}), vec!["tools"]),
        (json!({"tool_choice": {"type": "allowed_tools"}}), vec!["tool_choice"]),
        (json!({"prediction": {"type": "content"}, "future": 0}), vec!["future", "prediction"]),
        (json!({"modalities": ["text"]}), vec![]),
        (json!({"messages": [{"role": "user", "content": "a", "name": "bob"}]}), vec!["messages[0].name"]),
        (
            json!({"messages": [{"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
                                {"role": "function", "name": "f", "content": "a"}]}),
            vec!["messages[0].function_call", "messages[1].role"],
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [custom]}]}),
            vec!["messages[0].tool_calls[0].custom"],
        ),
    ];
    for (members, names) in cases {
        let mut strange = prompt_of(&with(members.clone())).unwrap().strange;
        let mut names = names;
        strange.sort();
        names.sort_unstable();
        assert_eq!(strange, names, "{members}");
    }
}

const WORDS: [&str; 11] = [
    "user",
    "assistant",
    "tool",
    "text",
    "function",
    "custom",
    "json_schema",
    "image_url",
    "audio",
    "",
    "é\"\\",
];

const NAMES: [&str; 26] = [
    "messages",
    "role",
    "content",
    "tools",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "type",
    "text",
    "image_url",
    "url",
    "stop",
    "n",
    "tool_choice",
    "response_format",
    "json_schema",
    "schema",
    "stream_options",
    "max_tokens",
    "function_call",
    "tool_call_id",
    "modalities",
    "metadata",
    "other",
];

/// JSON of any shape, with names that mean something more often than chance would have it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(&WORDS[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let name = prop::sample::select(&NAMES[..]).prop_map(str::to_owned);
        let members = proptest::collection::btree_map(name, inner.clone(), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_comes_nothing_panics(value in any_json(), messages in proptest::collection::vec(any_json(), 0..4)) {
        for text in [value.to_string(), json!({"messages": messages}).to_string(), with(json!({"tools": [value]})).to_string()] {
            if let Ok(body) = serde_json::from_str(&text) {
                let names_a_field = |error| matches!(error, Error::Invalid { param: Some(_), .. });
                prop_assert!(read(&body).err().is_none_or(names_a_field));
            }
        }
    }
}
