//! Which requests a line of models refuses on Responses.

use super::request::ResponsesRequest;
use crate::standin::models::{Line, Model, Surface};
use crate::standin::parameters::{check_choice, check_least, check_sampling, check_tier, refuse};
use crate::standin::refusal::Refusal;

const LEAST_OUTPUT: u64 = 16;

pub(super) fn check(request: &ResponsesRequest, surface: Surface, model: Model) -> Result<(), Refusal> {
    // On bedrock-runtime, gpt-oss has Chat Completions and the native operations only.
    if surface == Surface::RuntimeChat && model.line == Line::Open {
        return Err(Refusal::invalid(format!(
            "The model '{}' does not support the '/openai/v1/responses' API",
            request.model
        )));
    }
    check_least("max_output_tokens", request.max_output_tokens, LEAST_OUTPUT)?;
    check_tier(request.service_tier.as_deref(), model)?;
    check_choice("reasoning.effort", request.effort(), model.efforts)?;
    check_choice("truncation", request.truncation.as_deref(), &["auto", "disabled"])?;
    match model.line {
        Line::EarlyGpt => {
            check_sampling(request.temperature.as_ref(), request.top_p.is_some())?;
            refuse("prompt_cache_options", request.prompt_cache_options.is_some())?;
        }
        Line::LateGpt => check_sampling(request.temperature.as_ref(), request.top_p.is_some())?,
        Line::Open | Line::Claude | Line::Nova | Line::Free => {}
    }
    check_tools(request)
}

/// A function has its name at the top, unlike in Chat Completions.
fn check_tools(request: &ResponsesRequest) -> Result<(), Refusal> {
    for (index, tool) in request.tools.iter().flatten().enumerate() {
        let needed: &[&str] = if tool["type"] == "function" { &["type", "name"] } else { &["type"] };
        for name in needed {
            if !tool[name].is_string() {
                return Err(Refusal::missing_param(&format!("tools[{index}].{name}")));
            }
        }
    }
    Ok(())
}
