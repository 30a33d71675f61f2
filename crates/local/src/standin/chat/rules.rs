//! Which requests a line of models refuses on Chat Completions.

use super::request::{ChatRequest, Message, Role};
use crate::standin::frame::decode;
use crate::standin::models::{Line, Model};
use crate::standin::parameters::{check_choice, check_least, check_sampling, check_tier, refuse};
use crate::standin::refusal::Refusal;

const MOST_CHOICES: u64 = 128;
const MOST_TOP_LOGPROBS: u64 = 20;

pub(super) fn check(request: &ChatRequest, model: Model) -> Result<(), Refusal> {
    check_least("max_completion_tokens", request.max_completion_tokens, 1)?;
    check_least("max_tokens", request.max_tokens, 1)?;
    check_tier(request.service_tier.as_deref(), model)?;
    check_choice("reasoning_effort", request.reasoning_effort.as_deref(), model.efforts)?;
    match model.line {
        Line::EarlyGpt => {
            check_sampling(request.temperature.as_ref(), request.top_p.is_some())?;
            refuse("prompt_cache_options", request.prompt_cache_options.is_some())?;
        }
        Line::LateGpt => {
            check_sampling(request.temperature.as_ref(), request.top_p.is_some())?;
            check_late(request)?;
        }
        Line::Open | Line::Claude | Line::Nova | Line::Free => {}
    }
    check_counts(request)?;
    check_tool_turns(&request.messages)?;
    check_images(request, model)
}

fn check_late(request: &ChatRequest) -> Result<(), Refusal> {
    for (param, is_given) in [
        ("max_tokens", request.max_tokens.is_some()),
        ("stop", request.stop.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("logprobs", request.logprobs.is_some()),
        ("top_logprobs", request.top_logprobs.is_some()),
        ("n", request.n.is_some()),
    ] {
        refuse(param, is_given)?;
    }
    if !request.tools.is_empty() && request.reasoning_effort.as_deref() != Some("none") {
        return Err(Refusal::invalid_param(
            "unsupported_value",
            "tools",
            "Function tools need reasoning_effort 'none' with this model.".to_owned(),
        ));
    }
    Ok(())
}

fn check_counts(request: &ChatRequest) -> Result<(), Refusal> {
    check_least("n", request.n, 1)?;
    for (param, value, most) in
        [("n", request.n, MOST_CHOICES), ("top_logprobs", request.top_logprobs, MOST_TOP_LOGPROBS)]
    {
        if let Some(value) = value.filter(|value| *value > most) {
            return Err(Refusal::invalid_param(
                "integer_above_max_value",
                param,
                format!(
                    "Invalid '{param}': integer above maximum value. Expected a value <= {most}, but got {value} instead."
                ),
            ));
        }
    }
    Ok(())
}

/// Every call is answered before anything else is said, and nothing is answered that was not called.
fn check_tool_turns(messages: &[Message]) -> Result<(), Refusal> {
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if message.role == Role::Tool {
            let id = message.tool_call_id.as_deref().unwrap_or_default();
            let Some(at) = open.iter().position(|called| *called == id) else {
                return Err(wrong_turn(
                    index,
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                ));
            };
            open.remove(at);
            continue;
        }
        check_answered(index, &open)?;
        open = message.calls().iter().map(|call| call.id.as_str()).collect();
    }
    check_answered(messages.len(), &open)
}

fn check_answered(index: usize, open: &[&str]) -> Result<(), Refusal> {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The \
         following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(wrong_turn(index.saturating_sub(1), &message))
}

fn wrong_turn(index: usize, message: &str) -> Refusal {
    let param = format!("messages.[{index}].role");
    Refusal { param: Some(param), ..Refusal::invalid(format!("Invalid parameter: {message}")) }
}

fn check_images(request: &ChatRequest, model: Model) -> Result<(), Refusal> {
    for url in request.messages.iter().flat_map(Message::images) {
        check_image(url, model)?;
    }
    Ok(())
}

/// An address is believed; data has to be what it says.
pub(in crate::standin) fn check_image(url: &str, model: Model) -> Result<(), Refusal> {
    if model.line == Line::Open {
        return Err(Refusal::invalid("This model does not support image inputs."));
    }
    let is_data = url.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    let is_right = match is_data {
        Some((_, data)) => decode(data).is_some(),
        None => url.starts_with("https://") || url.starts_with("http://"),
    };
    if is_right {
        return Ok(());
    }
    Err(Refusal {
        code: Some("invalid_image_url"),
        ..Refusal::invalid(
            "Expected a base64-encoded data URL with an image MIME type, or an address of an image.",
        )
    })
}
