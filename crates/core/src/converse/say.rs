//! A request in no dialect, said in Converse.

use serde_json::value::RawValue;

use crate::asking::Asking;
use crate::catalogue::{Guardrail, SchemaField, Wire};
use crate::converse::settings::Settings;
use crate::converse::talk::{Talk, is_object};
use crate::converse::{Choice, ConverseRequest, GuardrailConfig, InputSchema, Tool, ToolConfig};
use crate::parameter::Unfit;
use crate::prompt::{self, Prompt, ToolChoice};

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
    let mut tool_config = tools(prompt, talk.has_calls()).map_err(unfit)?;
    if let Some(config) = &mut tool_config {
        keep_strict(&mut config.tools, *schema, &mut notes);
    }
    let mut request = ConverseRequest {
        system: talk.system,
        messages: talk.turns,
        tool_config,
        guardrail_config: guardrail.as_ref().map(guardrail_config),
        ..ConverseRequest::default()
    };
    Settings { effort: *effort, schema: *schema, request: &mut request, notes: &mut notes }
        .write(asking.parameters, prompt.format.as_ref())
        .map_err(unfit)?;
    Ok((request, notes))
}

/// Converse has no word for "call nothing": the functions are left out. Where they were called before, it does not take
/// the talk without them.
fn tools(prompt: &Prompt, has_calls: bool) -> Result<Option<ToolConfig>, &'static str> {
    if has_calls && prompt.tools.is_empty() {
        return Err("tools");
    }
    let is_known = |name: &String| prompt.tools.iter().any(|tool| tool.name == *name);
    let tool_choice = match &prompt.tool_choice {
        Some(ToolChoice::None) if has_calls => return Err("tool_choice"),
        Some(ToolChoice::None) => return Ok(None),
        Some(ToolChoice::Required) if prompt.tools.is_empty() => return Err("tool_choice"),
        Some(ToolChoice::Required) => Some(Choice::Any {}),
        Some(ToolChoice::Function(name)) if !is_known(name) => return Err("tool_choice"),
        Some(ToolChoice::Function(name)) => Some(Choice::Tool { name: name.clone() }),
        Some(ToolChoice::Auto) => Some(Choice::Auto {}),
        None => None,
    };
    let tools: Vec<Tool> = prompt.tools.iter().map(tool).collect::<Option<_>>().ok_or("tools")?;
    Ok((!tools.is_empty()).then_some(ToolConfig { tools, tool_choice }))
}

fn tool(tool: &prompt::Tool) -> Option<Tool> {
    let no_arguments = || RawValue::from_string(r#"{"type":"object","properties":{}}"#.to_owned()).ok();
    let json = tool.parameters.clone().or_else(no_arguments).filter(|schema| is_object(schema))?;
    Some(Tool::ToolSpec {
        name: tool.name.clone(),
        description: tool.description.clone().filter(|text| !text.trim().is_empty()),
        input_schema: InputSchema { json },
        strict: tool.strict == Some(true),
    })
}

/// Models that take schemas by Converse's own word take `strict` too; others refuse it, and follow most schemas anyway.
fn keep_strict(tools: &mut [Tool], schema: SchemaField, notes: &mut Vec<String>) {
    if schema == SchemaField::OutputConfig {
        return;
    }
    let mut is_dropped = false;
    for Tool::ToolSpec { strict, .. } in tools {
        is_dropped |= std::mem::take(strict);
    }
    if is_dropped {
        notes.push("strict=dropped".to_owned());
    }
}

fn guardrail_config(guardrail: &Guardrail) -> GuardrailConfig {
    let Guardrail { id, version } = guardrail.clone();
    GuardrailConfig { guardrail_identifier: id, guardrail_version: version }
}
