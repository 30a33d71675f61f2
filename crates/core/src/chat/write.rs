//! A prompt, said in chat. What chat has no word for is left out and noted where the answer is the same without it;
//! else the target is unfit.

mod turns;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::asking::Asking;
use crate::dialect::Dialect;
use crate::parameter::{Parameter, Unfit};
use crate::prompt::{Format, Prompt, Tool, ToolChoice};
use crate::raw::RawObject;

/// The body for a target that speaks chat, and what was left out of it.
pub(crate) fn write(prompt: &Prompt, asking: &Asking<'_>) -> Result<(Bytes, Vec<String>), Unfit> {
    let unfit = |field: &str| Unfit { field: field.to_owned(), model: asking.target.model_id.clone() };
    if let Some(field) = prompt.strange.first() {
        return Err(unfit(field));
    }
    if prompt.continues.is_some() {
        return Err(unfit("previous_response_id"));
    }
    // Of an answer that is translated, the first choice is read: the others would be paid for and lost.
    if asking.parameters.count(Parameter::N).is_some_and(|choices| choices > 1) {
        return Err(unfit("n"));
    }
    let turns = turns::write(&prompt.items).map_err(unfit)?;
    let mut notes = Vec::new();
    if turns.has_dropped_reasoning {
        notes.push("reasoning=dropped".to_owned());
    }
    let body = write_body(prompt, &turns.messages, asking, &mut notes)
        .expect("texts, values and JSON that was read before are always JSON");
    Ok((body, notes))
}

fn write_body(
    prompt: &Prompt,
    messages: &[Value],
    asking: &Asking<'_>,
    notes: &mut Vec<String>,
) -> Result<Bytes, serde_json::Error> {
    let mut body = RawObject::default();
    body.set("model", &asking.target.model_id)?;
    body.set("messages", messages)?;
    if !prompt.tools.is_empty() {
        body.set("tools", &prompt.tools.iter().map(WireTool::from).collect::<Vec<_>>())?;
    }
    if let Some(choice) = &prompt.tool_choice {
        body.set("tool_choice", &choice_of(choice))?;
    }
    if let Some(format) = &prompt.format {
        body.set("response_format", &WireFormat::from(format))?;
    }
    for (parameter, value) in asking.parameters.iter() {
        match field_of(parameter, asking) {
            Some(name) if means_something(parameter, asking) => body.set(name, value)?,
            Some(_) => {}
            None => notes.push(format!("{}=dropped", parameter.as_str())),
        }
    }
    if asking.stream {
        body.set("stream", &true)?;
        body.set("stream_options", &json!({"include_usage": true}))?;
    }
    serde_json::to_vec(&body).map(Bytes::from)
}

fn field_of<'a>(parameter: Parameter, asking: &'a Asking<'_>) -> Option<&'a str> {
    asking.name_of(parameter).or_else(|| Some(parameter.place(Dialect::Chat)?.name))
}

/// Providers refuse `top_logprobs` where no probabilities are asked for, and `metadata` of answers that nobody keeps.
fn means_something(parameter: Parameter, asking: &Asking<'_>) -> bool {
    let is_on = |parameter| asking.parameters.get(parameter).and_then(Value::as_bool).unwrap_or(false);
    match parameter {
        Parameter::TopLogprobs => is_on(Parameter::Logprobs),
        Parameter::Metadata => is_on(Parameter::Store),
        _ => true,
    }
}

fn choice_of(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Function(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

#[derive(Serialize)]
struct WireTool<'a> {
    r#type: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

impl<'a> From<&'a Tool> for WireTool<'a> {
    fn from(tool: &'a Tool) -> Self {
        let Tool { name, description, parameters, strict } = tool;
        Self {
            r#type: "function",
            function: WireFunction {
                name,
                description: description.as_deref(),
                parameters: parameters.as_deref(),
                strict: *strict,
            },
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireFormat<'a> {
    Text,
    JsonObject,
    JsonSchema { json_schema: WireSchema<'a> },
}

#[derive(Serialize)]
struct WireSchema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

impl<'a> From<&'a Format> for WireFormat<'a> {
    fn from(format: &'a Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::JsonObject => Self::JsonObject,
            Format::JsonSchema { name, description, schema, strict } => Self::JsonSchema {
                json_schema: WireSchema {
                    name,
                    description: description.as_deref(),
                    schema,
                    strict: *strict,
                },
            },
        }
    }
}

#[cfg(test)]
mod tests;
