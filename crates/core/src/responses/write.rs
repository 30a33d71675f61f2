//! A prompt of another dialect, said in Responses.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::forward::set;
use super::seal::is_readable;
use crate::asking::Asking;
use crate::parameter::{Parameter, Unfit};
use crate::prompt::{Format, Item, Part, Prompt, Role, Sealed, Tool, ToolChoice};
use crate::raw::RawObject;

/// Writes the request for a target, with notes on what it lost. What would change the meaning makes the target unfit.
pub(crate) fn write(prompt: &Prompt, asking: &Asking<'_>) -> Result<(Bytes, Vec<String>), Unfit> {
    let unfit = |field: &str| Unfit { field: field.to_owned(), model: asking.target.model_id.clone() };
    if let Some(field) = prompt.strange.first() {
        return Err(unfit(field));
    }
    let mut notes = Vec::new();
    let mut settings = Vec::new();
    for (parameter, value) in asking.parameters.iter() {
        match fate(parameter, value) {
            _ if asking.name_of(parameter).is_some() => settings.push(parameter),
            Fate::Said => settings.push(parameter),
            Fate::Same => {}
            Fate::Dropped => notes.push(format!("{}=dropped", parameter.as_str())),
            Fate::Unfit => return Err(unfit(parameter.as_str())),
        }
    }
    if prompt.items.iter().any(|item| is_taken(item, asking.target_id)) {
        notes.push("encrypted_reasoning=dropped".to_owned());
    }
    let body =
        body(prompt, &settings, asking).expect("texts, numbers and JSON can always be written as JSON");
    Ok((body, notes))
}

enum Fate {
    Said,
    /// Leaving it out says the same.
    Same,
    Dropped,
    Unfit,
}

fn fate(parameter: Parameter, value: &Value) -> Fate {
    let is_empty = || match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::String(_) => false,
    };
    match parameter {
        Parameter::Seed => Fate::Dropped,
        Parameter::N if value.as_u64() == Some(1) => Fate::Same,
        Parameter::N => Fate::Unfit,
        Parameter::Stop | Parameter::PresencePenalty | Parameter::FrequencyPenalty | Parameter::LogitBias => {
            if is_empty() {
                Fate::Same
            } else {
                Fate::Unfit
            }
        }
        _ => Fate::Said,
    }
}

fn body(prompt: &Prompt, settings: &[Parameter], asking: &Asking<'_>) -> Result<Bytes, serde_json::Error> {
    let mut body = RawObject::default();
    body.set("model", &asking.target.model_id)?;
    let input: Vec<_> = prompt.items.iter().filter_map(|item| say_item(item, asking.target_id)).collect();
    body.set("input", &input)?;
    if let Some(id) = asking.continues {
        body.set("previous_response_id", id)?;
    }
    if !prompt.tools.is_empty() {
        body.set("tools", &prompt.tools.iter().map(say_tool).collect::<Vec<_>>())?;
    }
    if let Some(choice) = &prompt.tool_choice {
        body.set("tool_choice", &say_choice(choice))?;
    }
    if let Some(format) = &prompt.format {
        body.set("text", &Text { format: say_format(format) })?;
    }
    body.set("store", &false)?;
    for parameter in settings {
        set(&mut body, *parameter, asking)?;
    }
    if asking.stream {
        body.set("stream", &true)?;
    }
    serde_json::to_vec(&body).map(Bytes::from)
}

fn is_foreign(sealed: Option<&Sealed>, target_id: &str) -> bool {
    sealed.is_some_and(|sealed| !is_readable(sealed, target_id))
}

fn is_taken(item: &Item, target_id: &str) -> bool {
    matches!(item, Item::Reasoning { sealed, .. } if is_foreign(sealed.as_ref(), target_id))
}

fn say_item(item: &Item, target_id: &str) -> Option<Value> {
    Some(match item {
        Item::Message { role, parts } => {
            let parts: Vec<_> = parts.iter().map(|part| say_part(*role, part)).collect();
            json!({"type": "message", "role": role_name(*role), "content": parts})
        }
        Item::ToolCall { call_id, name, arguments } => {
            json!({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})
        }
        Item::ToolResult { call_id, parts } => {
            let output = match parts.as_slice() {
                [Part::Text(text)] => json!(text),
                parts => parts.iter().map(|part| say_part(Role::User, part)).collect(),
            };
            json!({"type": "function_call_output", "call_id": call_id, "output": output})
        }
        Item::Reasoning { summary, sealed } => {
            let sealed = sealed.as_ref().filter(|sealed| is_readable(sealed, target_id));
            if summary.is_empty() && sealed.is_none() {
                return None;
            }
            let parts: Vec<_> =
                summary.iter().map(|text| json!({"type": "summary_text", "text": text})).collect();
            match sealed {
                Some(Sealed { text, .. }) => {
                    json!({"type": "reasoning", "summary": parts, "encrypted_content": text})
                }
                None => json!({"type": "reasoning", "summary": parts}),
            }
        }
    })
}

fn say_part(role: Role, part: &Part) -> Value {
    match (part, role) {
        (Part::Text(text), Role::Assistant) => json!({"type": "output_text", "text": text}),
        (Part::Refusal(refusal), Role::Assistant) => json!({"type": "refusal", "refusal": refusal}),
        (Part::Text(text) | Part::Refusal(text), _) => json!({"type": "input_text", "text": text}),
        (Part::Image { url, detail: Some(detail) }, _) => {
            json!({"type": "input_image", "image_url": url, "detail": detail})
        }
        (Part::Image { url, detail: None }, _) => json!({"type": "input_image", "image_url": url}),
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// Functions and schemas keep their order of members: models answer in it.
#[derive(Serialize)]
struct Function<'a> {
    r#type: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: &'a RawValue,
    /// Always said: what is not said is strict here, and is not elsewhere.
    strict: bool,
}

fn say_tool(tool: &Tool) -> Function<'_> {
    Function {
        r#type: "function",
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters: match &tool.parameters {
            Some(parameters) => parameters,
            None => no_arguments(),
        },
        strict: tool.strict.unwrap_or(false),
    }
}

fn no_arguments() -> &'static RawValue {
    serde_json::from_str(r#"{"type":"object","properties":{}}"#).expect("it is JSON")
}

fn say_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Function(name) => json!({"type": "function", "name": name}),
    }
}

#[derive(Serialize)]
struct Text<'a> {
    format: FormatWord<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FormatWord<'a> {
    Text,
    JsonObject,
    JsonSchema {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        schema: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

fn say_format(format: &Format) -> FormatWord<'_> {
    match format {
        Format::Text => FormatWord::Text,
        Format::JsonObject => FormatWord::JsonObject,
        Format::JsonSchema { name, description, schema, strict } => {
            FormatWord::JsonSchema { name, description: description.as_deref(), schema, strict: *strict }
        }
    }
}
