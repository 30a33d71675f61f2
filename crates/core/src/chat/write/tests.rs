use proptest::prelude::*;

use super::*;
use crate::chat::sample::{Rules, target};
use crate::chat::{read, write};
use crate::parameter::Parameters;
use crate::prompt::{Item, Part, Role, Sealed};

fn written(prompt: &Prompt, rules: Rules, stream: bool) -> Result<(Value, Vec<String>), Unfit> {
    let target = target(rules);
    let parameters = &prompt.parameters;
    let asking = Asking { target_id: "t", target: &target, parameters, stream, continues: None };
    write(prompt, &asking).map(|(body, notes)| (serde_json::from_slice(&body).unwrap(), notes))
}

fn said(role: Role, texts: &[&str]) -> Item {
    Item::Message { role, parts: texts.iter().map(|text| Part::Text((*text).to_owned())).collect() }
}

fn call(id: &str) -> Item {
    Item::ToolCall { call_id: id.to_owned(), name: "look".to_owned(), arguments: r#"{"at":1}"#.to_owned() }
}

fn result(id: &str, text: &str) -> Item {
    Item::ToolResult { call_id: id.to_owned(), parts: vec![Part::Text(text.to_owned())] }
}

fn thought(summary: &[&str], sealed: Option<&str>) -> Item {
    let sealed = sealed.map(|text| Sealed { target: None, text: text.to_owned() });
    Item::Reasoning { summary: summary.iter().map(|text| (*text).to_owned()).collect(), sealed }
}

fn conversation(items: Vec<Item>) -> Prompt {
    Prompt { items, ..Prompt::default() }
}

fn weather() -> Prompt {
    let image = Part::Image { url: "https://x.test/a.png".to_owned(), detail: Some("high".to_owned()) };
    let mut prompt = conversation(vec![
        said(Role::Developer, &["Be brief."]),
        Item::Message { role: Role::User, parts: vec![Part::Text("What?".to_owned()), image] },
        said(Role::Assistant, &["I look."]),
        call("call_1"),
        call("call_2"),
        result("call_1", "rain"),
        result("call_2", "sun"),
        Item::Message { role: Role::Assistant, parts: vec![Part::Refusal("No.".to_owned())] },
    ]);
    prompt.tools = vec![Tool {
        name: "look".to_owned(),
        description: Some("Looks.".to_owned()),
        parameters: Some(RawValue::from_string(r#"{"type":"object"}"#.to_owned()).unwrap()),
        strict: Some(true),
    }];
    prompt.tool_choice = Some(ToolChoice::Function("look".to_owned()));
    prompt.format = Some(Format::JsonSchema {
        name: "weather".to_owned(),
        description: None,
        schema: RawValue::from_string(r#"{"type":"object","properties":{}}"#.to_owned()).unwrap(),
        strict: Some(true),
    });
    prompt.parameters.set(Parameter::MaxOutputTokens, 100);
    prompt.parameters.set(Parameter::ReasoningEffort, "low");
    prompt
}

#[test]
fn a_conversation_with_images_tools_and_a_schema_is_said_in_chat() {
    let (body, notes) = written(&weather(), Rules::default(), true).unwrap();

    let function = json!({"name": "look", "arguments": "{\"at\":1}"});
    assert_eq!(
        body,
        json!({
            "model": "provider.m",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "What?"},
                    {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "high"}}]},
                {"role": "assistant", "content": "I look.", "tool_calls": [
                    {"id": "call_1", "type": "function", "function": function},
                    {"id": "call_2", "type": "function", "function": function}]},
                {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
                {"role": "tool", "tool_call_id": "call_2", "content": "sun"},
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
            ],
            "tools": [{"type": "function", "function": {
                "name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": true}}],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "response_format": {"type": "json_schema", "json_schema": {
                "name": "weather", "schema": {"type": "object", "properties": {}}, "strict": true}},
            "max_completion_tokens": 100,
            "reasoning_effort": "low",
            "stream": true,
            "stream_options": {"include_usage": true}
        })
    );
    assert!(notes.is_empty());
}

#[test]
fn several_answers_are_not_asked_for_where_only_one_is_read() {
    let mut prompt = weather();
    prompt.parameters.set(Parameter::N, 2);

    assert_eq!(written(&prompt, Rules::default(), false).unwrap_err().field, "n");
    prompt.parameters.set(Parameter::N, 1);
    assert!(written(&prompt, Rules::default(), false).is_ok());
}

#[test]
fn notes_go_only_to_those_who_keep_the_answer() {
    let mut prompt = weather();
    prompt.parameters.set(Parameter::Metadata, json!({"a": "b"}));

    for (store, expected) in [(None, None), (Some(false), None), (Some(true), Some(&json!({"a": "b"})))] {
        if let Some(store) = store {
            prompt.parameters.set(Parameter::Store, store);
        }
        let (body, _) = written(&prompt, Rules::default(), false).unwrap();
        assert_eq!(body.get("metadata"), expected);
    }
}

#[test]
fn calls_that_nobody_answered_yet_are_one_turn_whatever_stands_between_them() {
    let prompt = conversation(vec![
        thought(&[], None),
        call("call_1"),
        thought(&[], None),
        call("call_2"),
        said(Role::Assistant, &["I look."]),
        result("call_1", "rain"),
        result("call_2", "sun"),
    ]);

    let (body, notes) = written(&prompt, Rules::default(), false).unwrap();

    let roles: Vec<_> = body["messages"].as_array().unwrap().iter().map(|turn| &turn["role"]).collect();
    assert_eq!(roles, ["assistant", "tool", "tool"]);
    assert_eq!(body["messages"][0]["content"], "I look.");
    assert_eq!(body["messages"][0]["tool_calls"].as_array().unwrap().len(), 2);
    assert!(notes.is_empty());
}

#[test]
fn a_turn_that_only_calls_has_no_content() {
    let (body, _) =
        written(&conversation(vec![call("a"), result("a", "b")]), Rules::default(), false).unwrap();

    assert_eq!(body["messages"][0]["content"], Value::Null);
}

#[test]
fn what_chat_cannot_say_is_left_out_and_noted_once() {
    let mut prompt = conversation(vec![
        said(Role::User, &["a"]),
        thought(&["Hm."], None),
        thought(&[], Some("xyz")),
        said(Role::Assistant, &["b"]),
    ]);
    prompt.parameters.set(Parameter::ReasoningSummary, "auto");

    let (body, notes) = written(&prompt, Rules::default(), false).unwrap();

    assert_eq!(
        body,
        json!({"model": "provider.m", "messages": [
            {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})
    );
    assert_eq!(notes, ["reasoning=dropped", "reasoning_summary=dropped"]);
}

#[test]
fn what_would_change_the_meaning_makes_the_target_unfit() {
    let image = || vec![Part::Image { url: "u".to_owned(), detail: None }];
    let strange = Prompt { strange: vec!["truncation".to_owned()], ..Prompt::default() };
    let continues = Prompt { continues: Some("resp_1".to_owned()), ..Prompt::default() };
    let cases = [
        (strange, "truncation"),
        (continues, "previous_response_id"),
        (conversation(vec![Item::ToolResult { call_id: "a".to_owned(), parts: image() }]), "image_url"),
        (conversation(vec![Item::Message { role: Role::System, parts: image() }]), "image_url"),
        (conversation(vec![Item::Message { role: Role::Assistant, parts: image() }]), "image_url"),
    ];
    for (prompt, field) in cases {
        let unfit = Unfit { field: field.to_owned(), model: "provider.m".to_owned() };
        assert_eq!(written(&prompt, Rules::default(), false).unwrap_err(), unfit);
    }
}

#[test]
fn settings_go_by_the_targets_names() {
    let rules: Rules =
        serde_json::from_value(json!({"max_output_tokens": {"sent_as": "max_tokens"}})).unwrap();
    let mut prompt = conversation(vec![said(Role::User, &["a"])]);
    prompt.parameters.set(Parameter::MaxOutputTokens, 9);
    prompt.parameters.set(Parameter::TopLogprobs, 2);
    prompt.parameters.set(Parameter::Store, true);
    prompt.parameters.set(Parameter::Metadata, json!({"a": "b"}));

    let (body, _) = written(&prompt, rules, false).unwrap();

    assert_eq!(
        (&body["max_tokens"], &body["store"], &body["metadata"]["a"]),
        (&json!(9), &json!(true), &json!("b"))
    );
    assert!(body.get("top_logprobs").is_none(), "it is refused where no logprobs are asked for");
}

fn any_text() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n ]{0,8}"
}

fn any_parts() -> impl Strategy<Value = Vec<Part>> {
    let detail = proptest::option::of(Just("low".to_owned()));
    let part = prop_oneof![
        any_text().prop_map(Part::Text),
        (any_text(), detail).prop_map(|(url, detail)| Part::Image { url, detail }),
    ];
    proptest::collection::vec(part, 1..4)
}

fn any_texts() -> impl Strategy<Value = Vec<Part>> {
    proptest::collection::vec(any_text().prop_map(Part::Text), 1..3)
}

/// What belongs together in a conversation: a message, or calls and all of their results.
fn any_turn() -> impl Strategy<Value = Vec<Item>> {
    let operator = prop::sample::select(vec![Role::System, Role::Developer]);
    let answer = prop_oneof![any_text().prop_map(Part::Text), any_text().prop_map(Part::Refusal)];
    let answer = proptest::collection::vec(answer, 1..3);
    let calls = proptest::collection::vec((any_text(), any_texts()), 1..4);
    let assistant = |parts| Item::Message { role: Role::Assistant, parts };
    prop_oneof![
        (operator, any_texts()).prop_map(|(role, parts)| vec![Item::Message { role, parts }]),
        any_parts().prop_map(|parts| vec![Item::Message { role: Role::User, parts }]),
        answer.clone().prop_map(move |parts| vec![assistant(parts)]),
        (proptest::option::of(answer), calls).prop_map(move |(said, calls)| {
            let id = |index: usize| format!("call_{index}");
            let begun = calls.iter().enumerate().map(|(index, (arguments, _))| Item::ToolCall {
                call_id: id(index),
                name: "f".to_owned(),
                arguments: arguments.clone(),
            });
            let said = said.map(assistant);
            let items: Vec<_> = said.into_iter().chain(begun).collect();
            let results = calls.into_iter().enumerate();
            let results = results.map(|(index, (_, parts))| Item::ToolResult { call_id: id(index), parts });
            items.into_iter().chain(results).collect()
        }),
    ]
}

fn any_settings() -> impl Strategy<Value = Parameters> {
    let all = vec![
        (Parameter::MaxOutputTokens, json!(7)),
        (Parameter::Temperature, json!(0.5)),
        (Parameter::Stop, json!(["a", "b"])),
        (Parameter::Seed, json!(-1)),
        (Parameter::N, json!(1)),
        (Parameter::Logprobs, json!(true)),
        (Parameter::ReasoningEffort, json!("low")),
        (Parameter::Metadata, json!({"a": "b"})),
        (Parameter::Store, json!(true)),
    ];
    prop::sample::subsequence(all, 0..9).prop_map(|some| {
        let mut parameters = Parameters::default();
        for (parameter, value) in some {
            parameters.set(parameter, value);
        }
        if parameters.get(Parameter::Store).is_none() {
            parameters.remove(Parameter::Metadata);
        }
        parameters
    })
}

fn any_format() -> impl Strategy<Value = Format> {
    let schema = || RawValue::from_string(r#"{"type":"object", "n":1.50}"#.to_owned()).unwrap();
    prop_oneof![
        Just(Format::Text),
        Just(Format::JsonObject),
        (proptest::option::of(any_text()), any::<Option<bool>>()).prop_map(move |(description, strict)| {
            Format::JsonSchema { name: "s".to_owned(), description, schema: schema(), strict }
        }),
    ]
}

fn any_tools() -> impl Strategy<Value = (Vec<Tool>, Option<ToolChoice>)> {
    let schema = any::<bool>()
        .prop_map(|has_one| has_one.then(|| RawValue::from_string("{\"a\" :[]}".to_owned()).unwrap()));
    let tool = ("[a-z]{1,4}", proptest::option::of(any_text()), schema, any::<Option<bool>>())
        .prop_map(|(name, description, parameters, strict)| Tool { name, description, parameters, strict });
    let choice = prop::sample::select(vec![
        ToolChoice::Auto,
        ToolChoice::None,
        ToolChoice::Required,
        ToolChoice::Function("f".to_owned()),
    ]);
    (proptest::collection::vec(tool, 0..3), proptest::option::of(choice))
}

proptest! {
    #[test]
    fn a_prompt_that_is_written_and_read_again_means_the_same(
        turns in proptest::collection::vec(any_turn(), 1..6),
        (tools, tool_choice) in any_tools(),
        format in proptest::option::of(any_format()),
        parameters in any_settings(),
        stream in any::<bool>(),
    ) {
        let items = turns.into_iter().flatten().collect();
        let prompt = Prompt { items, tools, tool_choice, format, parameters, ..Prompt::default() };
        let target = target(Rules::default());
        let parameters = &prompt.parameters;
        let asking = Asking { target_id: "t", target: &target, parameters, stream, continues: None };

        let (body, notes) = write(&prompt, &asking).unwrap();
        let again = read(&serde_json::from_slice(&body).unwrap()).unwrap();

        prop_assert_eq!(format!("{again:?}"), format!("{prompt:?}"));
        prop_assert!(notes.is_empty());
    }
}
