//! A request in no dialect, said in Converse.

use serde_json::{Value, json};

use crate::asking::Asking;
use crate::catalogue::{SchemaField, Wire};
use crate::converse::settings::Settings;
use crate::converse::talk::Talk;
use crate::converse::{Choice, ConverseRequest, ToolSpec};
use crate::parameter::Unfit;
use crate::prompt::{Prompt, Tool, ToolChoice};

/// Says a request in Converse, with what was adapted; or names what cannot be said.
pub(crate) fn say(prompt: &Prompt, asking: &Asking<'_>) -> Result<(ConverseRequest, Vec<String>), Unfit> {
    let unfit = |field: &str| Unfit { field: field.to_owned(), model: asking.target.model_id.clone() };
    let Wire::Converse { effort, schema, guardrail } = &asking.target.wire else {
        return Err(unfit("model"));
    };
    if let Some(field) = prompt.strange.first() {
        return Err(unfit(field));
    }
    if prompt.continues.is_some() {
        return Err(unfit("previous_response_id"));
    }
    let talk = Talk::read(&prompt.items, asking.target_id).ok_or_else(|| unfit("messages"))?;
    let mut notes: Vec<String> = talk.notes.iter().map(|note| (*note).to_owned()).collect();
    let (tools, tool_choice) = tools(prompt, talk.has_calls()).map_err(unfit)?;
    let mut request = ConverseRequest {
        system: talk.system,
        messages: talk.turns,
        tools,
        tool_choice,
        guardrail: guardrail.clone(),
        ..ConverseRequest::default()
    };
    keep_strict(&mut request.tools, *schema, &mut notes);
    Settings::new((*effort, *schema), &mut request, &mut notes)
        .write(asking.parameters, prompt.format.as_ref())
        .map_err(unfit)?;
    Ok((request, notes))
}

/// Converse has no word for "call nothing": the functions are left out. Where they were called before, it does not take
/// the talk without them.
fn tools(prompt: &Prompt, has_calls: bool) -> Result<(Vec<ToolSpec>, Option<Choice>), &'static str> {
    if has_calls && prompt.tools.is_empty() {
        return Err("tools");
    }
    let is_known = |name: &String| prompt.tools.iter().any(|tool| tool.name == *name);
    let choice = match &prompt.tool_choice {
        Some(ToolChoice::None) if has_calls => return Err("tool_choice"),
        Some(ToolChoice::None) => return Ok((Vec::new(), None)),
        Some(ToolChoice::Required) if prompt.tools.is_empty() => return Err("tool_choice"),
        Some(ToolChoice::Required) => Some(Choice::Any),
        Some(ToolChoice::Function(name)) if !is_known(name) => return Err("tool_choice"),
        Some(ToolChoice::Function(name)) => Some(Choice::Tool(name.clone())),
        Some(ToolChoice::Auto) if !prompt.tools.is_empty() => Some(Choice::Auto),
        Some(ToolChoice::Auto) | None => None,
    };
    let specs = prompt.tools.iter().map(spec).collect::<Option<_>>().ok_or("tools")?;
    Ok((specs, choice))
}

fn spec(tool: &Tool) -> Option<ToolSpec> {
    let input_schema: Value = match &tool.parameters {
        Some(parameters) => serde_json::from_str(parameters.get()).ok()?,
        None => json!({"type": "object", "properties": {}}),
    };
    Some(ToolSpec {
        name: tool.name.clone(),
        description: tool.description.clone().filter(|text| !text.trim().is_empty()),
        input_schema,
        strict: tool.strict == Some(true),
    })
}

/// Models that take schemas by Converse's own word take `strict` too; others refuse it, and follow most schemas anyway.
fn keep_strict(tools: &mut [ToolSpec], schema: SchemaField, notes: &mut Vec<String>) {
    if schema == SchemaField::OutputConfig || !tools.iter().any(|tool| tool.strict) {
        return;
    }
    tools.iter_mut().for_each(|tool| tool.strict = false);
    notes.push("strict=dropped".to_owned());
}
