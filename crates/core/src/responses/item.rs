//! The items of a request's input.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::node::{Node, unbounded};
use super::seal::unseal;
use crate::error::Error;
use crate::prompt::{Item, Part, Prompt, Role};

/// Reads what stands at `input`: a text, or items.
pub(super) fn read_input(value: &RawValue, prompt: &mut Prompt) -> Result<(), Error> {
    let text = value.get();
    let wrong = |error| Error::invalid("input", format!("invalid value for \"input\": {error}"));
    if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(wrong)?;
        if !text.is_empty() {
            prompt.items.push(Item::Message { role: Role::User, parts: vec![Part::Text(text)] });
        }
        return Ok(());
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(wrong)?;
    for (index, item) in items.into_iter().enumerate() {
        read_item(&Node::open(format!("input[{index}]"), item)?, prompt)?;
    }
    Ok(())
}

fn read_item(node: &Node, prompt: &mut Prompt) -> Result<(), Error> {
    let kind: Option<String> = node.field("type")?;
    let item = match kind.as_deref() {
        None | Some("message") => {
            Item::Message { role: read_role(node)?, parts: read_parts(node, "content")? }
        }
        Some("function_call") => tool_call(node, "arguments")?,
        Some("custom_tool_call") => tool_call(node, "input")?,
        Some("function_call_output" | "custom_tool_call_output") => {
            Item::ToolResult { call_id: node.need("call_id")?, parts: read_parts(node, "output")? }
        }
        Some("reasoning") => {
            prompt.held += usize::from(is_held(node)?);
            read_reasoning(node)?
        }
        Some("item_reference") => {
            return Err(Error::invalid(
                &node.path_of("type"),
                "an item that is kept at the provider is not supported: the gateway cannot know beforehand what it \
                 would cost at most; send the item itself, as clients do where \"store\" is false",
            ));
        }
        Some(kind) => return Err(unbounded(&node.path_of("type"), &format!("an item of type \"{kind}\""))),
    };
    if kind.is_some_and(|kind| kind.starts_with("custom_")) {
        prompt.strange.push(node.path_of("type"));
    }
    prompt.items.push(item);
    Ok(())
}

fn tool_call(node: &Node, input: &str) -> Result<Item, Error> {
    Ok(Item::ToolCall {
        call_id: node.need("call_id")?,
        name: node.need("name")?,
        arguments: node.need(input)?,
    })
}

fn read_role(node: &Node) -> Result<Role, Error> {
    let role: String = node.need("role")?;
    match role.as_str() {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "system" => Ok(Role::System),
        "developer" => Ok(Role::Developer),
        _ => Err(Error::invalid(
            &node.path_of("role"),
            format!("\"{role}\" is no role: user, assistant, system and developer are"),
        )),
    }
}

fn read_parts(node: &Node, name: &str) -> Result<Vec<Part>, Error> {
    let value = node.raw(name).ok_or_else(|| node.missing(name))?;
    if value.get().starts_with('"') {
        return Ok(vec![Part::Text(node.need(name)?)]);
    }
    let parts: Vec<Box<RawValue>> = node.need(name)?;
    let path = node.path_of(name);
    let nodes = parts.iter().enumerate().map(|(index, part)| Node::open(format!("{path}[{index}]"), part));
    nodes.map(|node| read_part(&node?)).collect()
}

fn read_part(node: &Node) -> Result<Part, Error> {
    let kind: String = node.need("type")?;
    match kind.as_str() {
        "input_text" | "output_text" | "text" => Ok(Part::Text(node.need("text")?)),
        "refusal" => Ok(Part::Refusal(node.need("refusal")?)),
        "input_image" => read_image(node),
        _ => Err(unbounded(&node.path_of("type"), &format!("content of type \"{kind}\""))),
    }
}

fn read_image(node: &Node) -> Result<Part, Error> {
    if node.raw("file_id").is_some() {
        return Err(unbounded(&node.path_of("file_id"), "an image that is a file at the provider"));
    }
    Ok(Part::Image { url: node.need("image_url")?, detail: node.field("detail")? })
}

#[derive(Deserialize)]
struct Visible {
    text: String,
}

fn read_reasoning(node: &Node) -> Result<Item, Error> {
    let summary: Option<Vec<Visible>> = node.field("summary")?;
    let content: Option<Vec<Visible>> = node.field("content")?;
    let sealed: Option<String> = node.field("encrypted_content")?;
    let visible = summary.into_iter().chain(content).flatten();
    Ok(Item::Reasoning {
        summary: visible.map(|part| part.text).collect(),
        sealed: sealed.map(|text| unseal(&text)),
    })
}

/// Whether the provider has to look up what was thought: what is visible is only its summary.
fn is_held(node: &Node) -> Result<bool, Error> {
    let sealed: Option<String> = node.field("encrypted_content")?;
    Ok(node.raw("id").is_some() && sealed.is_none_or(|text| text.is_empty()))
}
