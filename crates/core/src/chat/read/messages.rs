//! The messages of a chat request.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{is_set, member, note, required};
use crate::error::Error;
use crate::prompt::{Item, Part, Prompt, Role};
use crate::raw::RawObject;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

#[derive(Deserialize)]
struct WirePart {
    r#type: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<WireImage>,
}

#[derive(Deserialize)]
struct WireImage {
    url: String,
    detail: Option<String>,
}

/// Reads `messages`.
pub(super) fn read(body: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let raw: Vec<RawObject> = body
        .field("messages")?
        .ok_or_else(|| Error::invalid("messages", "you must provide a messages parameter"))?;
    if raw.is_empty() {
        return Err(Error::invalid("messages", "messages has at least one element"));
    }
    for (index, message) in raw.iter().enumerate() {
        read_message(&format!("messages[{index}]"), message, prompt)?;
    }
    if prompt.items.is_empty() {
        return Err(Error::invalid("messages", "one of the messages has content"));
    }
    Ok(())
}

fn read_message(at: &str, raw: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let speaker: Speaker = required(raw, at, "role")?;
    note_members(at, speaker, raw, prompt)?;
    match speaker {
        Speaker::System => read_said(at, Role::System, raw, prompt),
        Speaker::Developer => read_said(at, Role::Developer, raw, prompt),
        Speaker::User => read_said(at, Role::User, raw, prompt),
        Speaker::Assistant => read_assistant(at, raw, prompt),
        Speaker::Tool => read_result(at, "tool_call_id", raw, prompt),
        Speaker::Function => {
            note(prompt, format!("{at}.role"));
            read_result(at, "name", raw, prompt)
        }
    }
}

/// Names what no other dialect has a word for. A tool's `name` says again what its call said, and the annotations of
/// an answer that comes back tell the model nothing.
fn note_members(at: &str, speaker: Speaker, raw: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    if is_set(raw, "audio") {
        return Err(Error::invalid(&format!("{at}.audio"), "audio is not supported"));
    }
    for (name, _) in raw.members() {
        let is_known = match name {
            "role" | "content" => true,
            "name" | "tool_call_id" => matches!(speaker, Speaker::Tool | Speaker::Function),
            "tool_calls" | "refusal" | "annotations" | "reasoning" | "reasoning_content" => {
                speaker == Speaker::Assistant
            }
            _ => false,
        };
        if !is_known && is_set(raw, name) {
            note(prompt, format!("{at}.{name}"));
        }
    }
    Ok(())
}

fn read_said(at: &str, role: Role, raw: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let parts = read_content(at, raw)?;
    if parts.is_empty() {
        return Err(Error::invalid(&format!("{at}.content"), "a message has content"));
    }
    prompt.items.push(Item::Message { role, parts });
    Ok(())
}

fn read_result(at: &str, id: &str, raw: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let call_id = required(raw, at, id)?;
    if !is_set(raw, "content") {
        return Err(Error::invalid(&format!("{at}.content"), "a message has content"));
    }
    prompt.items.push(Item::ToolResult { call_id, parts: read_content(at, raw)? });
    Ok(())
}

fn read_assistant(at: &str, raw: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    for name in ["reasoning", "reasoning_content"] {
        if let Some(thought) = member::<String>(raw, at, name)?.filter(|thought| !thought.is_empty()) {
            prompt.items.push(Item::Reasoning { summary: vec![thought], sealed: None });
        }
    }
    let mut parts = read_content(at, raw)?;
    parts.extend(member(raw, at, "refusal")?.map(Part::Refusal));
    if !parts.is_empty() {
        prompt.items.push(Item::Message { role: Role::Assistant, parts });
    }
    let calls: Vec<RawObject> = member(raw, at, "tool_calls")?.unwrap_or_default();
    for (index, call) in calls.iter().enumerate() {
        read_call(&format!("{at}.tool_calls[{index}]"), call, prompt)?;
    }
    if let Some(call) = member::<RawObject>(raw, at, "function_call")? {
        let at = format!("{at}.function_call");
        let name: String = required(&call, &at, "name")?;
        let arguments = required(&call, &at, "arguments")?;
        prompt.items.push(Item::ToolCall { call_id: name.clone(), name, arguments });
    }
    Ok(())
}

fn read_call(at: &str, raw: &RawObject, prompt: &mut Prompt) -> Result<(), Error> {
    let call_id = required(raw, at, "id")?;
    let kind: String = member(raw, at, "type")?.unwrap_or_else(|| "function".to_owned());
    let input = match kind.as_str() {
        "function" => "arguments",
        "custom" => {
            note(prompt, format!("{at}.custom"));
            "input"
        }
        other => {
            let param = format!("{at}.type");
            return Err(Error::invalid(&param, format!("tool calls of type \"{other}\" are not supported")));
        }
    };
    let function: RawObject = required(raw, at, &kind)?;
    let at = format!("{at}.{kind}");
    let (name, arguments) = (required(&function, &at, "name")?, required(&function, &at, input)?);
    prompt.items.push(Item::ToolCall { call_id, name, arguments });
    Ok(())
}

fn read_content(at: &str, raw: &RawObject) -> Result<Vec<Part>, Error> {
    let Some(content) = raw.raw("content") else { return Ok(Vec::new()) };
    parts_of(content).map_err(|message| Error::invalid(&format!("{at}.content"), message))
}

fn parts_of(content: &RawValue) -> Result<Vec<Part>, String> {
    let text = content.get();
    if text == "null" {
        return Ok(Vec::new());
    }
    if text.starts_with('"') {
        let text = serde_json::from_str(text).map_err(|error| error.to_string())?;
        return Ok(vec![Part::Text(text)]);
    }
    let parts: Vec<WirePart> = serde_json::from_str(text)
        .map_err(|error| format!("content is a string or an array of parts: {error}"))?;
    parts.into_iter().map(part_of).collect()
}

fn part_of(part: WirePart) -> Result<Part, String> {
    let missing = |name: &str| format!("a part of type \"{name}\" has a field of that name");
    match part.r#type.as_str() {
        "text" => part.text.map(Part::Text).ok_or_else(|| missing("text")),
        "refusal" => part.refusal.map(Part::Refusal).ok_or_else(|| missing("refusal")),
        "image_url" => {
            let image = part.image_url.ok_or_else(|| missing("image_url"))?;
            Ok(Part::Image { url: image.url, detail: image.detail })
        }
        other => Err(format!("parts of type \"{other}\" are not supported")),
    }
}
