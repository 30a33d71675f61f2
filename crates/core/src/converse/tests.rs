use serde_json::{Value, json};

use super::*;
use crate::asking::Asking;
use crate::catalogue::Target;
use crate::parameter::{Parameter, Parameters, Unfit};
use crate::prompt::{Format, Item, Part, Prompt, Role, Sealed, Tool, ToolChoice};
use crate::settings::Tenant;

mod laws;
mod settings;

const TARGET_ID: &str = "runtime-us-east-1/m";

fn target(wire: &Value) -> Target {
    let mut whole = json!({"kind": "converse"});
    whole.as_object_mut().unwrap().extend(wire.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "provider": "bedrock", "model_id": "m", "region": "us-east-1", "wire": whole,
        "context_tokens": 1_000, "max_output_tokens": 100, "max_image_tokens": 0
    }))
    .unwrap()
}

fn parameters(extra: &[(Parameter, Value)]) -> Parameters {
    let mut parameters = Parameters::default();
    parameters.set(Parameter::MaxOutputTokens, 50);
    for (parameter, value) in extra {
        parameters.set(*parameter, value.clone());
    }
    parameters
}

fn ask(
    prompt: &Prompt,
    wire: &Value,
    extra: &[(Parameter, Value)],
) -> Result<(ConverseRequest, Vec<String>), Unfit> {
    let (target, parameters) = (target(wire), parameters(extra));
    let asking = Asking {
        target_id: TARGET_ID,
        target: &target,
        parameters: &parameters,
        stream: false,
        continues: None,
    };
    say(prompt, &asking)
}

/// The field for which a request is unfit.
fn refused(prompt: &Prompt, wire: &Value, extra: &[(Parameter, Value)]) -> String {
    ask(prompt, wire, extra).unwrap_err().field
}

fn message(role: Role, text: &str) -> Item {
    Item::Message { role, parts: vec![Part::Text(text.to_owned())] }
}

fn image(url: &str) -> Part {
    Part::Image { url: url.to_owned(), detail: None }
}

fn call(call_id: &str, arguments: &str) -> Item {
    Item::ToolCall {
        call_id: call_id.to_owned(),
        name: "get_weather".to_owned(),
        arguments: arguments.to_owned(),
    }
}

fn result(call_id: &str, parts: &[Part]) -> Item {
    Item::ToolResult { call_id: call_id.to_owned(), parts: parts.to_vec() }
}

fn reasoning(summary: &[&str], target: Option<&str>, text: &str) -> Item {
    Item::Reasoning {
        summary: summary.iter().map(|text| (*text).to_owned()).collect(),
        sealed: Some(Sealed { target: target.map(str::to_owned), text: text.to_owned() }),
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

fn weather() -> Tool {
    Tool {
        name: "get_weather".to_owned(),
        description: Some("Weather of a city.".to_owned()),
        parameters: Some(raw(&json!({"type": "object", "properties": {"city": {"type": "string"}}}))),
        strict: Some(true),
    }
}

fn schema(strict: Option<bool>) -> Option<Format> {
    let schema = raw(&json!({"type": "object", "properties": {"a": {"type": "integer"}}}));
    Some(Format::JsonSchema {
        name: "answer".to_owned(),
        description: Some("It.".to_owned()),
        schema,
        strict,
    })
}

fn of(items: Vec<Item>) -> Prompt {
    Prompt { items, ..Prompt::default() }
}

fn hello() -> Prompt {
    of(vec![message(Role::User, "hello")])
}

fn conversation() -> Prompt {
    Prompt {
        tools: vec![weather()],
        tool_choice: Some(ToolChoice::Auto {}),
        ..of(vec![
            message(Role::System, "be brief"),
            message(Role::Developer, "no lists"),
            Item::Message {
                role: Role::User,
                parts: vec![
                    Part::Text("what is this, and the weather?".to_owned()),
                    image("data:image/png;base64,aGk="),
                ],
            },
            reasoning(&["First the ", "weather."], Some(TARGET_ID), "s.c2ln"),
            message(Role::Assistant, "I look."),
            call("call_1", r#"{"city":"Paris"}"#),
            call("call_2", ""),
            result("call_1", &[Part::Text("rain".to_owned())]),
            result("call_2", &[image("data:image/webp;base64,aGk="), Part::Text(" ".to_owned())]),
            message(Role::User, "so?"),
        ])
    }
}

#[test]
fn a_conversation_with_tools_images_and_reasoning_is_said_in_converse() {
    let (request, notes) = ask(&conversation(), &json!({"schema": "output-config"}), &[]).unwrap();

    let content = json!([
        {"text": "what is this, and the weather?"},
        {"image": {"format": "png", "source": {"bytes": "aGk="}}}
    ]);
    let calls = json!([
        {"reasoningContent": {"reasoningText": {"text": "First the weather.", "signature": "c2ln"}}},
        {"text": "I look."},
        {"toolUse": {"toolUseId": "call_1", "name": "get_weather", "input": {"city": "Paris"}}},
        {"toolUse": {"toolUseId": "call_2", "name": "get_weather", "input": {}}}
    ]);
    let results = json!([
        {"toolResult": {"toolUseId": "call_1", "content": [{"text": "rain"}]}},
        {"toolResult": {"toolUseId": "call_2", "content": [{"image": {"format": "webp", "source": {"bytes": "aGk="}}}]}},
        {"text": "so?"}
    ]);
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tool = json!({
        "name": "get_weather", "description": "Weather of a city.", "inputSchema": {"json": schema}, "strict": true
    });
    assert_eq!(
        json!(request),
        json!({
            "system": [{"text": "be brief"}, {"text": "no lists"}],
            "messages": [
                {"role": "user", "content": content},
                {"role": "assistant", "content": calls},
                {"role": "user", "content": results}
            ],
            "inferenceConfig": {"maxTokens": 50},
            "toolConfig": {"tools": [{"toolSpec": tool}], "toolChoice": {"auto": {}}}
        })
    );
    assert!(notes.is_empty());
}

#[test]
fn redacted_reasoning_goes_back_as_it_came() {
    let seal = Seal::Redacted(Bytes::from_static(&[0, 255]));
    let prompt = of(vec![message(Role::User, "a"), reasoning(&[], Some(TARGET_ID), &seal.write())]);

    let (request, _) = ask(&prompt, &json!({}), &[]).unwrap();

    let expected = json!([{"reasoningContent": {"redactedContent": "AP8="}}]);
    assert_eq!(json!(request.messages[1].content), expected);
}

#[test]
fn a_conversation_that_converse_cannot_hold_is_unfit() {
    let user = || message(Role::User, "a");
    let with_image = |role, url: &str| Item::Message { role, parts: vec![image(url)] };
    for items in [
        vec![],
        vec![message(Role::User, " \n")],
        vec![message(Role::System, "a")],
        vec![message(Role::Assistant, "a"), user()],
        vec![call("c", "{}"), result("c", &[])],
        vec![user(), message(Role::Developer, "b"), user()],
        vec![with_image(Role::User, "https://example.com/a.png")],
        vec![with_image(Role::System, "data:image/png;base64,aGk="), user()],
        vec![user(), with_image(Role::Assistant, "data:image/png;base64,aGk=")],
        vec![user(), call("c", r#"{"city":"#)],
        vec![user(), call("c", "[]")],
    ] {
        let prompt = Prompt { tools: vec![weather()], ..of(items) };

        assert_eq!(refused(&prompt, &json!({}), &[]), "messages", "{:?}", prompt.items);
    }
}

#[test]
fn tools_that_may_not_be_called_are_left_out_unless_they_were_called() {
    let none = |items| Prompt { tools: vec![weather()], tool_choice: Some(ToolChoice::None), ..of(items) };
    let called = || vec![message(Role::User, "a"), call("c", "{}"), result("c", &[])];

    let (request, _) = ask(&none(vec![message(Role::User, "a")]), &json!({}), &[]).unwrap();

    assert!(request.tool_config.is_none());
    assert_eq!(refused(&none(called()), &json!({}), &[]), "tool_choice");
    assert_eq!(refused(&of(called()), &json!({}), &[]), "tools");
}

#[test]
fn a_choice_is_one_of_converses_own() {
    let choose = |choice, tools| Prompt { tools, tool_choice: Some(choice), ..hello() };
    let function = |name: &str| ToolChoice::Function(name.to_owned());

    for (choice, expected) in [
        (ToolChoice::Auto, json!({"auto": {}})),
        (ToolChoice::Required, json!({"any": {}})),
        (function("get_weather"), json!({"tool": {"name": "get_weather"}})),
    ] {
        let (request, _) = ask(&choose(choice, vec![weather()]), &json!({}), &[]).unwrap();
        assert_eq!(json!(request)["toolConfig"]["toolChoice"], expected);
    }
    let (request, _) = ask(&choose(ToolChoice::Auto, vec![]), &json!({}), &[]).unwrap();
    assert!(request.tool_config.is_none());
    for (choice, tools) in [(ToolChoice::Required, vec![]), (function("other"), vec![weather()])] {
        assert_eq!(refused(&choose(choice, tools), &json!({}), &[]), "tool_choice");
    }
}

#[test]
fn what_converse_has_no_word_for_is_unfit() {
    let output_config = json!({"schema": "output-config"});
    for (prompt, wire, field) in [
        (Prompt { strange: vec!["modalities".to_owned()], ..hello() }, json!({}), "modalities"),
        (Prompt { continues: Some("resp_1".to_owned()), ..hello() }, json!({}), "previous_response_id"),
        (Prompt { format: schema(None), ..hello() }, json!({}), "response_format"),
        (Prompt { format: Some(Format::JsonObject), ..hello() }, json!({}), "response_format"),
        (Prompt { format: Some(Format::JsonObject), ..hello() }, output_config, "response_format"),
    ] {
        assert_eq!(refused(&prompt, &wire, &[]), field);
    }
    assert!(ask(&Prompt { format: Some(Format::Text), ..hello() }, &json!({}), &[]).is_ok());
}

#[test]
fn schemas_and_arguments_keep_the_order_of_their_members() {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let schema = r#"{"type":"object","properties":{"why":{},"answer":{}}}"#;
    let format =
        Format::JsonSchema { name: "a".to_owned(), description: None, schema: raw(schema), strict: None };
    let prompt = Prompt {
        tools: vec![Tool { parameters: Some(raw(schema)), ..weather() }],
        format: Some(format),
        ..of(vec![message(Role::User, "a"), call("c", r#"{"z":1,"a":2.50}"#), result("c", &[])])
    };
    let (request, _) = ask(&prompt, &json!({"schema": "text-format"}), &[]).unwrap();

    let tenant = Tenant::default();
    let body = request.body(&Identity { user: "u", team: "t", tenant_id: "x", tenant: &tenant }).unwrap();

    let body = std::str::from_utf8(&body).unwrap();
    assert_eq!(body.matches(schema).count(), 2, "{body}");
    assert!(body.contains(r#""input":{"z":1,"a":2.50}"#), "{body}");
    assert!(body.ends_with(r#""requestMetadata":{"tenant":"x","team":"t","user":"u"}}"#), "{body}");
}

#[test]
fn metadata_has_only_what_bedrock_allows() {
    let identity = Identity {
        user: "zoë@example.com; x",
        team: "a/b-c",
        tenant_id: &"t".repeat(300),
        tenant: &Tenant::default(),
    };

    let [(_, tenant), (_, team), (_, user)] = request_metadata(&identity);

    assert_eq!((tenant.len(), team.as_str(), user.as_str()), (256, "a/b-c", "zo_@example.com_ x"));
}
