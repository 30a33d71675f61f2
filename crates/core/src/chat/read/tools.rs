//! The functions of a chat request, and which of them the model must call.

use serde_json::value::RawValue;

use super::{is_set, member, note, read_schema, required};
use crate::error::Error;
use crate::prompt::{Prompt, Tool, ToolChoice};
use crate::raw::RawObject;

/// Reads `tools` and `tool_choice`.
pub(super) fn read(body: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let tools: Vec<RawObject> = body.field("tools")?.unwrap_or_default();
    for (index, tool) in tools.iter().enumerate() {
        read_tool(&format!("tools[{index}]"), tool, prompt)?;
    }
    if is_set(body, "tool_choice") {
        read_choice(body, prompt)?;
    }
    Ok(())
}

fn read_tool(at: &str, raw: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let kind: String = required(raw, at, "type")?;
    match kind.as_str() {
        "function" => {
            let function: RawObject = required(raw, at, "function")?;
            let at = format!("{at}.function");
            prompt.tools.push(Tool {
                name: read_name(&function, &at)?,
                description: member(&function, &at, "description")?,
                parameters: read_schema(&function, &at, "parameters")?,
                strict: member(&function, &at, "strict")?,
            });
            Ok(())
        }
        "custom" => {
            note(prompt, "tools".to_owned());
            Ok(())
        }
        other => {
            Err(Error::invalid(&format!("{at}.type"), format!("tools of type \"{other}\" are not supported")))
        }
    }
}

fn read_choice(body: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    const AT: &str = "tool_choice";
    let is_text = body.raw(AT).map(RawValue::get).is_some_and(|text| text.starts_with('"'));
    if is_text {
        prompt.tool_choice = body.field::<String>(AT)?.map(|word| word_of(&word)).transpose()?;
        return Ok(());
    }
    let Some(choice) = body.field::<RawObject>(AT)? else { return Ok(()) };
    let kind: String = required(&choice, AT, "type")?;
    if kind == "function" {
        let function: RawObject = required(&choice, AT, "function")?;
        prompt.tool_choice = Some(ToolChoice::Function(read_name(&function, "tool_choice.function")?));
    } else {
        note(prompt, AT.to_owned());
    }
    Ok(())
}

fn word_of(word: &str) -> Result<ToolChoice, Error> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        _ => {
            Err(Error::invalid("tool_choice", "tool_choice is \"auto\", \"none\", \"required\" or an object"))
        }
    }
}

fn read_name(function: &RawObject, at: &str) -> Result<String, Error> {
    let name: String = required(function, at, "name")?;
    if name.is_empty() {
        return Err(Error::invalid(&format!("{at}.name"), "a function has a name"));
    }
    Ok(name)
}
