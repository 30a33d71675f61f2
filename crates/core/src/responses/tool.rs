//! The tools of a request, and which of them the model must call.

use serde_json::value::RawValue;

use super::node::{Node, unbounded};
use crate::error::Error;
use crate::prompt::{Prompt, Tool, ToolChoice};
use crate::raw::RawObject;

pub(super) fn read_tools(body: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let tools: Vec<Box<RawValue>> = body.field("tools")?.unwrap_or_default();
    for (index, tool) in tools.iter().enumerate() {
        let node = Node::open(format!("tools[{index}]"), tool)?;
        let kind: String = node.need("type")?;
        match kind.as_str() {
            "function" => prompt.tools.push(read_function(&node)?),
            "custom" => prompt.strange.push(node.path_of("type")),
            _ => return Err(unbounded(&node.path_of("type"), &format!("a tool of type \"{kind}\""))),
        }
    }
    prompt.tool_choice = read_choice(body, &mut prompt.strange)?;
    Ok(())
}

fn read_function(node: &Node) -> Result<Tool, Error> {
    if let Some(parameters) = node.raw("parameters") {
        Node::open(node.path_of("parameters"), parameters)?;
    }
    Ok(Tool {
        name: node.need("name")?,
        description: node.field("description")?,
        parameters: node.field("parameters")?,
        strict: node.field("strict")?,
    })
}

fn read_choice(body: &RawObject, strange: &mut Vec<String>) -> Result<Option<ToolChoice>, Error> {
    let is_text = body.raw("tool_choice").is_some_and(|value| value.get().starts_with('"'));
    if is_text {
        let mode: Option<String> = body.field("tool_choice")?;
        return match mode.as_deref() {
            None => Ok(None),
            Some("auto") => Ok(Some(ToolChoice::Auto)),
            Some("none") => Ok(Some(ToolChoice::None)),
            Some("required") => Ok(Some(ToolChoice::Required)),
            Some(mode) => Err(Error::invalid(
                "tool_choice",
                format!("\"{mode}\" is no choice: auto, none, required or a function are"),
            )),
        };
    }
    let Some(node) = Node::member(body, "tool_choice")? else { return Ok(None) };
    let kind: String = node.need("type")?;
    match kind.as_str() {
        "function" => Ok(Some(ToolChoice::Function(node.need("name")?))),
        "custom" | "allowed_tools" => {
            strange.push(node.path_of("type"));
            Ok(None)
        }
        _ => Err(unbounded(&node.path_of("type"), &format!("a tool of type \"{kind}\""))),
    }
}
