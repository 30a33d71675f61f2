//! The items that a conversation on Responses consists of.

use http::StatusCode;
use serde_json::Value;

use super::store::Drawer;
use crate::standin::chat::check_image;
use crate::standin::going_on::{Asked, Turn};
use crate::standin::models::Model;
use crate::standin::refusal::Refusal;
use crate::standin::reply::{IMAGE_TOKENS, count_tokens};

const KINDS: &[&str] = &["message", "function_call", "function_call_output", "reasoning", "item_reference"];
const ROLES: &[&str] = &["user", "assistant", "system", "developer"];

/// An item that names a role needs no type.
pub(super) fn kind(item: &Value) -> &str {
    item["type"].as_str().unwrap_or("message")
}

/// The item itself, or the kept one that it refers to.
pub(super) fn resolve(item: &Value, drawer: &Drawer) -> Result<Value, Refusal> {
    if kind(item) != "item_reference" {
        return Ok(item.clone());
    }
    let id = item["id"].as_str().unwrap_or_default();
    drawer.item(id).ok_or_else(|| Refusal {
        param: Some("input".to_owned()),
        ..Refusal::new(StatusCode::NOT_FOUND, format!("Item with id '{id}' not found."))
    })
}

fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str().or(part["refusal"].as_str())).collect()
        }
        _ => String::new(),
    }
}

fn images(item: &Value) -> impl Iterator<Item = &Value> {
    let parts = item["content"].as_array().into_iter().flatten();
    parts.filter(|part| part["type"] == "input_image")
}

pub(super) fn tokens(item: &Value) -> u64 {
    match kind(item) {
        "message" => count_tokens(&text(&item["content"])) + images(item).map(|_| IMAGE_TOKENS).sum::<u64>(),
        "function_call" => count_tokens(item["arguments"].as_str().unwrap_or_default()),
        "function_call_output" => count_tokens(&text(&item["output"])),
        _ => 0,
    }
}

/// What is answered.
pub(super) fn asked(items: &[Value]) -> Asked {
    Asked::of(items.iter().filter_map(|item| match (kind(item), item["role"].as_str()) {
        ("function_call_output", _) => Some(Turn::Asks(text(&item["output"]))),
        ("message", Some("user")) => Some(Turn::Asks(text(&item["content"]))),
        ("message", Some("assistant")) => Some(Turn::Answers(text(&item["content"]))),
        _ => None,
    }))
}

pub(super) fn check(items: &[Value], drawer: &Drawer, model: Model) -> Result<(), Refusal> {
    let mut open: Vec<&str> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let id = item["call_id"].as_str().unwrap_or_default();
        match kind(item) {
            "message" => check_message(index, item, model)?,
            "function_call" => open.push(id),
            "function_call_output" => {
                let called = open.iter().position(|called| *called == id);
                let Some(at) = called else {
                    return Err(about_input(format!(
                        "No tool call found for function call output with call_id {id}."
                    )));
                };
                open.remove(at);
            }
            "reasoning" => check_seal(item, drawer)?,
            other => {
                let param = format!("input[{index}].type");
                return Err(invalid_value(&param, other, KINDS));
            }
        }
    }
    match open.first() {
        Some(id) => Err(about_input(format!("No tool output found for function call {id}."))),
        None => Ok(()),
    }
}

fn check_message(index: usize, item: &Value, model: Model) -> Result<(), Refusal> {
    let role = item["role"].as_str().unwrap_or_default();
    if !ROLES.contains(&role) {
        return Err(invalid_value(&format!("input[{index}].role"), role, ROLES));
    }
    let kinds: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        _ => &["input_text", "input_image", "input_file"],
    };
    for (part_index, part) in item["content"].as_array().into_iter().flatten().enumerate() {
        let kind = part["type"].as_str().unwrap_or_default();
        if !kinds.contains(&kind) {
            return Err(invalid_value(&format!("input[{index}].content[{part_index}].type"), kind, kinds));
        }
    }
    images(item).try_for_each(|part| check_image(part["image_url"].as_str().unwrap_or_default(), model))
}

/// Sealed reasoning is of use only where it was sealed.
fn check_seal(item: &Value, drawer: &Drawer) -> Result<(), Refusal> {
    match item["encrypted_content"].as_str() {
        Some(content) if !drawer.has_sealed(content) => Err(Refusal {
            code: Some("invalid_encrypted_content"),
            ..Refusal::invalid(format!(
                "The encrypted content for item {} could not be verified.",
                item["id"].as_str().unwrap_or_default()
            ))
        }),
        _ => Ok(()),
    }
}

fn about_input(message: String) -> Refusal {
    Refusal { param: Some("input".to_owned()), ..Refusal::invalid(message) }
}

fn invalid_value(param: &str, value: &str, allowed: &[&str]) -> Refusal {
    Refusal::invalid_param(
        "invalid_value",
        param,
        format!("Invalid value: '{value}'. Supported values are: {}.", allowed.join(", ")),
    )
}
