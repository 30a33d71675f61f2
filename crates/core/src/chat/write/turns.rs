//! The conversation in chat's messages: what the model says and which functions it then calls is one message.

use serde_json::{Value, json};

use crate::prompt::{Item, Part, Role};

/// The messages, and what could not be said in them.
pub(super) struct Turns {
    pub(super) messages: Vec<Value>,
    pub(super) has_dropped_reasoning: bool,
}

/// What the model said and called before anybody else spoke.
#[derive(Default)]
struct Turn<'a> {
    parts: Vec<&'a Part>,
    calls: Vec<Value>,
}

/// Writes the conversation, or names the field that chat has no word for.
pub(super) fn write(items: &[Item]) -> Result<Turns, &'static str> {
    let mut turns = Turns { messages: Vec::new(), has_dropped_reasoning: false };
    let mut open: Option<Turn<'_>> = None;
    for item in items {
        match item {
            Item::Message { role: Role::Assistant, parts } => {
                // Words after a call belong to its turn: nothing may stand between a call and its result.
                if open.as_ref().is_some_and(|turn| turn.calls.is_empty()) {
                    turns.close(&mut open)?;
                }
                open.get_or_insert_default().parts.extend(parts);
            }
            Item::ToolCall { call_id, name, arguments } => {
                let function = json!({"name": name, "arguments": arguments});
                let call = json!({"id": call_id, "type": "function", "function": function});
                open.get_or_insert_default().calls.push(call);
            }
            Item::Message { role, parts } => {
                turns.close(&mut open)?;
                let content = content_of(&parts.iter().collect::<Vec<_>>(), *role)?;
                turns.messages.push(json!({"role": name_of(*role), "content": content}));
            }
            Item::ToolResult { call_id, parts } => {
                turns.close(&mut open)?;
                // As an operator's text: chat has no images in results.
                let content = content_of(&parts.iter().collect::<Vec<_>>(), Role::System)?;
                turns.messages.push(json!({"role": "tool", "tool_call_id": call_id, "content": content}));
            }
            Item::Reasoning { summary, sealed } => {
                turns.has_dropped_reasoning |= !summary.is_empty() || sealed.is_some();
            }
        }
    }
    turns.close(&mut open)?;
    Ok(turns)
}

impl Turns {
    fn close(&mut self, open: &mut Option<Turn<'_>>) -> Result<(), &'static str> {
        let Some(Turn { parts, calls }) = open.take() else { return Ok(()) };
        let content = if parts.is_empty() { Value::Null } else { content_of(&parts, Role::Assistant)? };
        let mut message = json!({"role": "assistant", "content": content});
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        self.messages.push(message);
        Ok(())
    }
}

/// What somebody says: one text is a string. Only the model refuses, and only the user shows images.
fn content_of(parts: &[&Part], role: Role) -> Result<Value, &'static str> {
    let part = |part: &&Part| match part {
        Part::Text(text) => Ok(json!({"type": "text", "text": text})),
        Part::Refusal(refusal) if role == Role::Assistant => {
            Ok(json!({"type": "refusal", "refusal": refusal}))
        }
        Part::Refusal(_) => Err("refusal"),
        Part::Image { url, detail } if role == Role::User => {
            let mut image = json!({"url": url});
            if let Some(detail) = detail {
                image["detail"] = json!(detail);
            }
            Ok(json!({"type": "image_url", "image_url": image}))
        }
        Part::Image { .. } => Err("image_url"),
    };
    match parts {
        [Part::Text(text)] => Ok(json!(text)),
        [] => Ok(json!("")),
        parts => parts.iter().map(part).collect(),
    }
}

const fn name_of(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}
