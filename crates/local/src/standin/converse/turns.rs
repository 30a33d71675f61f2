//! Which conversations Converse refuses.

use serde_json::Value;

use super::request::{Block, ConverseRequest, Message, Role};
use super::signature;
use crate::standin::frame::decode;
use crate::standin::models::{Line, Model};
use crate::standin::refusal::Refusal;

const IMAGE_FORMATS: &[&str] = &["png", "jpeg", "gif", "webp"];

pub(super) fn check_turns(request: &ConverseRequest, model: Model) -> Result<(), Refusal> {
    let messages = &request.messages;
    if messages.first().map(|message| message.role) != Some(Role::User) {
        return Err(Refusal::invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
        ));
    }
    if messages.windows(2).any(|pair| pair[0].role == pair[1].role) {
        return Err(Refusal::invalid(
            "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between \
             user and assistant roles and try again.",
        ));
    }
    for (index, message) in messages.iter().enumerate() {
        for (block_index, block) in message.content.iter().enumerate() {
            check_block(&format!("messages.{index}.content.{block_index}"), block, model)?;
        }
        let before = index.checked_sub(1).and_then(|index| messages.get(index));
        check_results(index, message, before)?;
    }
    let mut blocks = messages.iter().flat_map(|message| &message.content);
    if request.tool_config.is_none()
        && blocks.any(|block| block.tool_use.is_some() || block.tool_result.is_some())
    {
        return Err(Refusal::invalid(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
        ));
    }
    Ok(())
}

fn check_block(place: &str, block: &Block, model: Model) -> Result<(), Refusal> {
    if block.text.as_deref().is_some_and(|text| text.trim().is_empty()) {
        return Err(Refusal::invalid(format!(
            "The text field in the ContentBlock object at {place} is blank. Add text to the text field, and try again."
        )));
    }
    if let Some(image) = &block.image {
        if model.line == Line::Open {
            return Err(Refusal::invalid(
                "This model doesn't support the image content block that you provided.",
            ));
        }
        let bytes = image.source["bytes"].as_str().and_then(decode);
        if !IMAGE_FORMATS.contains(&image.format.as_str()) || bytes.is_none() {
            return Err(Refusal::invalid(format!(
                "The image at {place} is not in the format that it names."
            )));
        }
    }
    if block.tool_use.as_ref().is_some_and(|tool_use| !tool_use.input.is_object()) {
        return Err(Refusal::invalid(format!(
            "The format of the value at {place}.toolUse.input is invalid. Provide a json object for the field and try again."
        )));
    }
    match &block.reasoning_content {
        Some(thought) if model.line == Line::Claude => check_signature(place, thought),
        _ => Ok(()),
    }
}

/// A thought that is brought back is the one that was signed.
fn check_signature(place: &str, thought: &Value) -> Result<(), Refusal> {
    let Some(text) = thought.pointer("/reasoningText/text").and_then(Value::as_str) else { return Ok(()) };
    if thought["reasoningText"]["signature"] == signature(text).as_str() {
        return Ok(());
    }
    Err(Refusal::invalid(format!("{place}: Invalid `signature` in `thinking` block")))
}

/// Every use is answered in the next message, and nothing is answered that was not used.
fn check_results(index: usize, message: &Message, before: Option<&Message>) -> Result<(), Refusal> {
    let used: Vec<_> = before.into_iter().flat_map(Message::uses).map(|used| &used.tool_use_id).collect();
    let brought: Vec<_> = message.results().map(|result| &result.tool_use_id).collect();
    if brought.len() > used.len() || brought.iter().any(|id| !used.contains(id)) {
        return Err(Refusal::invalid(format!(
            "The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of previous turn."
        )));
    }
    let missing: Vec<_> = used.iter().filter(|id| !brought.contains(id)).map(|id| id.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "Expected toolResult blocks at messages.{index}.content for the following Ids: {}",
        missing.join(", ")
    )))
}
