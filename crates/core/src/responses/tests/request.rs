//! Requests: read, written, forwarded.

use serde_json::{Value, json};

use super::{asking, body, parsed, prompt, target};
use crate::parameter::{Parameter, Parameters, Unfit};
use crate::prompt::{Format, Item, Part, Prompt, Role, Sealed, ToolChoice};
use crate::responses::{forward, read, write};

fn forwarded(request: &Value, change: impl FnOnce(&mut Parameters)) -> (String, Vec<String>) {
    let request = body(request);
    let given = read(&request).unwrap().parameters;
    let mut wanted = given.clone();
    change(&mut wanted);
    let target = target(&json!({}));
    let (bytes, notes) = forward(&request, &given, &asking(&target, &wanted)).unwrap();
    (String::from_utf8(bytes.to_vec()).unwrap(), notes)
}

fn written(prompt: &Prompt) -> Result<(Value, Vec<String>), Unfit> {
    let target = target(&json!({}));
    write(prompt, &asking(&target, &prompt.parameters)).map(|(bytes, notes)| (parsed(&bytes), notes))
}

fn conversation() -> Value {
    json!([
        {"role": "developer", "content": "Answer in German."},
        {"role": "user", "content": [
            {"type": "input_text", "text": "What is this, and how warm is it there?"},
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"},
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "**Looking**"}],
         "encrypted_content": "tg1.Z3B0LTUuNUBtYW50bGU.gAAAAB"},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "Das ist Rom.", "annotations": []}, {"type": "refusal", "refusal": "Nein."},
        ]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Rome\"}",
         "status": "completed"},
        {"type": "function_call", "call_id": "call_2", "name": "time", "arguments": "{"},
        {"type": "function_call_output", "call_id": "call_1", "output": "31 C"},
        {"type": "function_call_output", "call_id": "call_2", "output": [
            {"type": "input_text", "text": "noon"}, {"type": "input_image", "image_url": "https://example.com/clock.png"},
        ]},
    ])
}

fn full() -> Value {
    json!({
        "model": "gpt-5.5", "input": conversation(), "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "weather", "description": "The weather.", "strict": true,
                   "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}],
        "tool_choice": {"type": "function", "name": "weather"},
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "answer", "strict": true,
                 "schema": {"type": "object", "properties": {"z": {}, "a": {}}}}},
        "reasoning": {"effort": "low", "summary": "auto"}, "max_output_tokens": 1000, "temperature": 1.0, "top_p": 0.5,
        "top_logprobs": 3, "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
        "parallel_tool_calls": true, "service_tier": "default", "store": false, "metadata": {"a": "b"},
        "user": "u", "safety_identifier": "s", "prompt_cache_key": "k", "truncation": "disabled",
        "previous_response_id": "resp_1", "stream": true, "stream_options": {"include_obfuscation": false},
        "background": false, "conversation": null, "max_tool_calls": null,
    })
}

#[test]
fn a_text_alone_is_what_the_user_says() {
    let prompt = prompt(&json!({"model": "m", "input": "Hi"}));

    let [Item::Message { role: Role::User, parts }] = prompt.items.as_slice() else { panic!("{prompt:?}") };
    assert_eq!(*parts, [Part::Text("Hi".to_owned())]);
}

#[test]
fn every_item_is_read() {
    let prompt = prompt(&full());

    let items = &prompt.items;
    assert!(
        matches!(&items[0], Item::Message { role: Role::System, parts } if *parts == [Part::Text("Be brief.".to_owned())])
    );
    assert!(matches!(&items[1], Item::Message { role: Role::Developer, .. }));
    assert!(matches!(&items[2], Item::Message { role: Role::User, parts } if matches!(&parts[1],
        Part::Image { url, detail: Some(detail) } if url.starts_with("data:") && detail == "low")));
    let Item::Reasoning { summary, sealed: Some(sealed) } = &items[3] else { panic!("{items:?}") };
    assert_eq!(*summary, ["**Looking**"]);
    assert_eq!(*sealed, Sealed { target: Some("gpt-5.5@mantle".to_owned()), text: "gAAAAB".to_owned() });
    assert!(matches!(&items[4], Item::Message { role: Role::Assistant, parts } if parts.len() == 2
        && parts[1] == Part::Refusal("Nein.".to_owned())));
    assert!(matches!(&items[6], Item::ToolCall { call_id, name, arguments }
        if call_id == "call_2" && name == "time" && arguments == "{"));
    assert!(matches!(&items[7], Item::ToolResult { parts, .. } if *parts == [Part::Text("31 C".to_owned())]));
    assert!(matches!(&items[8], Item::ToolResult { parts, .. } if parts.len() == 2));
}

#[test]
fn every_setting_is_read() {
    let prompt = prompt(&full());

    let settings: serde_json::Map<_, _> =
        prompt.parameters.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
    assert_eq!(
        Value::Object(settings),
        json!({
            "max_output_tokens": 1000, "temperature": 1.0, "top_p": 0.5, "logprobs": true, "top_logprobs": 3,
            "reasoning_effort": "low", "reasoning_summary": "auto", "verbosity": "low", "parallel_tool_calls": true,
            "service_tier": "default", "store": false, "metadata": {"a": "b"}, "user": "u", "safety_identifier": "s",
            "prompt_cache_key": "k",
        })
    );
    assert_eq!(prompt.tool_choice, Some(ToolChoice::Function("weather".to_owned())));
    let Some(Format::JsonSchema { name, schema, strict: Some(true), .. }) = &prompt.format else { panic!() };
    assert_eq!(
        (name.as_str(), parsed(schema.get().as_bytes())),
        ("answer", full()["text"]["format"]["schema"].clone())
    );
    assert_eq!((prompt.tools.len(), prompt.tools[0].strict), (1, Some(true)));
    assert_eq!(prompt.continues.as_deref(), Some("resp_1"));
    assert_eq!(prompt.strange, Vec::<String>::new());
}

#[test]
fn what_only_this_dialect_says_is_named() {
    let prompt = prompt(&json!({
        "model": "m", "input": [
            {"role": "user", "content": "a"},
            {"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls"},
            {"type": "custom_tool_call_output", "call_id": "c", "output": "a.txt"},
        ],
        "tools": [{"type": "custom", "name": "sh"}], "tool_choice": {"type": "custom", "name": "sh"},
        "include": ["file_search_call.results"], "truncation": "auto", "max_tool_calls": 1, "future": {"a": 1},
        "reasoning": {"generate_summary": "auto"}, "text": {"future": 1},
    }));

    let mut strange = prompt.strange;
    strange.sort();
    assert_eq!(
        strange,
        [
            "future",
            "include.file_search_call.results",
            "input[1].type",
            "input[2].type",
            "max_tool_calls",
            "reasoning.generate_summary",
            "text.future",
            "tool_choice.type",
            "tools[0].type",
            "truncation",
        ]
    );
}

#[test]
fn a_prompt_is_said_in_responses() {
    let mut prompt = prompt(&full());
    prompt.parameters.set(Parameter::Seed, 7);
    prompt.parameters.set(Parameter::N, 1);
    prompt.parameters.set(Parameter::PresencePenalty, 0);

    let (value, notes) = written(&prompt).unwrap();

    let input = &value["input"];
    assert_eq!(notes, ["seed=dropped"]);
    assert_eq!(
        input[0],
        json!({"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]})
    );
    assert_eq!(
        input[2]["content"][1],
        json!({"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"})
    );
    assert_eq!(
        input[3],
        json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "**Looking**"}], "encrypted_content": "gAAAAB"})
    );
    assert_eq!(
        input[4]["content"],
        json!([{"type": "output_text", "text": "Das ist Rom."}, {"type": "refusal", "refusal": "Nein."}])
    );
    assert_eq!(
        input[5],
        json!({"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Rome\"}"})
    );
    assert_eq!(input[7], json!({"type": "function_call_output", "call_id": "call_1", "output": "31 C"}));
    assert_eq!(input[8]["output"][0], json!({"type": "input_text", "text": "noon"}));
    assert_eq!((&value["model"], &value["store"]), (&json!("openai.gpt-5.5"), &json!(false)));
    assert_eq!(value["reasoning"], json!({"effort": "low", "summary": "auto"}));
    assert_eq!(value["text"], full()["text"]);
    assert_eq!(value["tools"], full()["tools"]);
    assert_eq!(value["tool_choice"], full()["tool_choice"]);
    assert_eq!(
        (&value["include"], &value["top_logprobs"]),
        (&json!(["message.output_text.logprobs"]), &json!(3))
    );
    assert_eq!((value.get("stream"), value.get("n"), value.get("presence_penalty")), (None, None, None));
}

#[test]
fn what_has_no_word_makes_a_target_unfit() {
    let cases = [
        (Parameter::Stop, json!(["END"])),
        (Parameter::PresencePenalty, json!(0.5)),
        (Parameter::FrequencyPenalty, json!(-1)),
        (Parameter::LogitBias, json!({"50256": -100})),
        (Parameter::N, json!(2)),
    ];
    for (parameter, value) in cases {
        let mut prompt = prompt(&json!({"model": "m", "input": "a"}));
        prompt.parameters.set(parameter, value);

        let unfit = written(&prompt).unwrap_err();

        assert_eq!(unfit, Unfit { field: parameter.as_str().to_owned(), model: "openai.gpt-5.5".to_owned() });
    }
    let strange = Prompt { strange: vec!["modalities".to_owned()], ..Prompt::default() };
    assert_eq!(written(&strange).unwrap_err().field, "modalities");
}

#[test]
fn reasoning_of_another_target_is_left_out_and_said() {
    let input = json!([
        {"type": "reasoning", "summary": [], "encrypted_content": "tg1.b3RoZXI.x"}, {"role": "user", "content": "a"},
    ]);

    let (value, notes) = written(&prompt(&json!({"model": "m", "input": input}))).unwrap();

    assert_eq!(notes, ["encrypted_reasoning=dropped"]);
    assert_eq!(value["input"].as_array().unwrap().len(), 1);
}

#[test]
fn reasoning_under_an_id_of_the_gateways_own_goes_on_as_its_summary() {
    let reasoning = |id: &str| {
        json!({
            "type": "reasoning", "id": id, "summary": [{"type": "summary_text", "text": "s"}],
            "content": [{"type": "reasoning_text", "text": "t"}]
        })
    };
    let ours = "rs_01a2067a246870dba5f7c5a56b89de8f_0";
    let user = json!({"role": "user", "content": "a"});

    let (text, notes) =
        forwarded(&json!({"model": "m", "input": [reasoning(ours), reasoning("rs_theirs"), user]}), |_| ());

    let bare = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}]});
    assert_eq!(parsed(text.as_bytes())["input"], json!([bare, reasoning("rs_theirs"), user]));
    assert_eq!(notes, ["encrypted_reasoning=dropped"]);
}

#[test]
fn what_is_not_touched_is_forwarded_byte_for_byte() {
    let (text, notes) =
        forwarded(&json!({"future": {"b": [1.50], "a": "é"}, "input": "a", "model": "m"}), |_| ());

    assert_eq!(notes, Vec::<String>::new());
    assert_eq!(
        parsed(text.as_bytes()),
        json!({"future": {"b": [1.50], "a": "é"}, "input": "a", "model": "openai.gpt-5.5"})
    );
    let request =
        serde_json::from_str(r#"{"model":"m","input":"a","top_p":1.0,"future":{"b":1.50,"a":"\u00e9"}}"#)
            .unwrap();
    let given = read(&request).unwrap().parameters;
    let (bytes, _) = forward(&request, &given, &asking(&target(&json!({})), &given)).unwrap();
    assert_eq!(
        bytes,
        r#"{"model":"openai.gpt-5.5","input":"a","top_p":1.0,"future":{"b":1.50,"a":"\u00e9"}}"#
    );
}

#[test]
fn settings_are_changed_at_their_place() {
    let request = json!({
        "model": "m", "input": "a", "reasoning": {"effort": "minimal", "future": 1}, "temperature": 0.2,
        "text": {"verbosity": "low"}, "include": ["x"],
    });

    let (text, _) = forwarded(&request, |wanted| {
        wanted.set(Parameter::ReasoningEffort, "low");
        wanted.set(Parameter::MaxOutputTokens, 16);
        wanted.set(Parameter::Logprobs, true);
        wanted.remove(Parameter::Temperature);
        wanted.remove(Parameter::Verbosity);
    });

    assert_eq!(
        parsed(text.as_bytes()),
        json!({
            "model": "openai.gpt-5.5", "input": "a", "reasoning": {"effort": "low", "future": 1}, "max_output_tokens": 16,
            "include": ["x", "message.output_text.logprobs"],
        })
    );
}

#[test]
fn a_setting_without_a_word_is_left_out_and_said() {
    let (text, notes) = forwarded(&json!({"model": "m", "input": "a"}), |wanted| {
        wanted.set(Parameter::Stop, json!(["END"]));
        wanted.set(Parameter::N, 1);
    });

    assert_eq!(notes, ["stop=dropped"]);
    assert_eq!(parsed(text.as_bytes()), json!({"model": "openai.gpt-5.5", "input": "a"}));
}

#[test]
fn a_target_may_have_its_own_name_for_a_setting() {
    let target = target(&json!({"max_output_tokens": {"sent_as": "max_tokens"}}));
    let request = body(
        &json!({"model": "m", "input": "a", "max_output_tokens": 5, "stream": true, "stream_options": {}}),
    );
    let given = read(&request).unwrap().parameters;
    let asking = crate::asking::Asking { continues: Some("resp_theirs"), ..asking(&target, &given) };

    let (bytes, _) = forward(&request, &given, &asking).unwrap();

    assert_eq!(
        parsed(&bytes),
        json!({"model": "openai.gpt-5.5", "input": "a", "stream": false, "max_tokens": 5, "previous_response_id": "resp_theirs"})
    );
}

#[test]
fn encrypted_reasoning_goes_back_only_to_whom_it_belongs() {
    let input = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "tg1.Z3B0LTUuNUBtYW50bGU.own"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "unknown"},
        {"type": "reasoning", "id": "rs_3", "summary": [], "encrypted_content": "tg1.b3RoZXI.x"},
        {"type": "reasoning", "id": "rs_4", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "tg1.b3RoZXI.x"},
        {"type": "reasoning", "id": "rs_5", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}],
         "encrypted_content": "tg1.b3RoZXI.x"},
        {"role": "user", "content": "encrypted_content"},
    ]);

    let (text, notes) = forwarded(&json!({"model": "m", "input": input}), |_| ());

    assert_eq!(notes, ["encrypted_reasoning=dropped"]);
    assert_eq!(
        parsed(text.as_bytes())["input"],
        json!([
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "own"},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "unknown"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}]},
            {"role": "user", "content": "encrypted_content"},
        ])
    );
}
