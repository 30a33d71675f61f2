//! Which parameters a line of models refuses on Chat Completions.

use serde_json::Number;

use super::request::ChatRequest;
use crate::standin::models::{Line, Model};
use crate::standin::refusal::Refusal;

pub(super) fn check(request: &ChatRequest, model: Model) -> Result<(), Refusal> {
    check_cap(request)?;
    check_tier(request, model)?;
    check_effort(request, model)?;
    match model.line {
        Line::EarlyGpt => {
            check_sampling(request)?;
            refuse("prompt_cache_options", request.prompt_cache_options.is_some())
        }
        Line::LateGpt => {
            check_sampling(request)?;
            check_late(request)
        }
        Line::Open | Line::Other => Ok(()),
    }
}

fn check_cap(request: &ChatRequest) -> Result<(), Refusal> {
    for (param, cap) in
        [("max_completion_tokens", request.max_completion_tokens), ("max_tokens", request.max_tokens)]
    {
        if cap == Some(0) {
            return Err(Refusal::invalid_param(
                "integer_below_min_value",
                param,
                format!(
                    "Invalid '{param}': integer below minimum value. Expected a value >= 1, but got 0 instead."
                ),
            ));
        }
    }
    Ok(())
}

fn check_tier(request: &ChatRequest, model: Model) -> Result<(), Refusal> {
    let allowed: &[&str] = match model.line {
        Line::Open => &["auto", "default", "flex", "priority"],
        Line::EarlyGpt | Line::LateGpt | Line::Other => &["auto", "default"],
    };
    check_choice("service_tier", request.service_tier.as_deref(), allowed)
}

fn check_effort(request: &ChatRequest, model: Model) -> Result<(), Refusal> {
    check_choice("reasoning_effort", request.reasoning_effort.as_deref(), model.efforts)
}

/// GPT takes the default temperature only, and no other sampling.
fn check_sampling(request: &ChatRequest) -> Result<(), Refusal> {
    if let Some(value) = &request.temperature
        && value.as_f64() != Some(1.0)
    {
        return Err(only_default_temperature(value));
    }
    refuse("top_p", request.top_p.is_some())
}

fn only_default_temperature(value: &Number) -> Refusal {
    Refusal::invalid_param(
        "unsupported_value",
        "temperature",
        format!(
            "Unsupported value: 'temperature' does not support {value} with this model. Only the default (1) value is \
             supported."
        ),
    )
}

fn check_late(request: &ChatRequest) -> Result<(), Refusal> {
    for (param, is_given) in [
        ("max_tokens", request.max_tokens.is_some()),
        ("stop", request.stop.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("logprobs", request.logprobs.is_some()),
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

fn check_choice(param: &str, value: Option<&str>, allowed: &[&str]) -> Result<(), Refusal> {
    match value {
        Some(value) if !allowed.contains(&value) => Err(Refusal::invalid_param(
            "unsupported_value",
            param,
            format!(
                "Unsupported value: '{param}' does not support '{value}' with this model. Supported values are: {}.",
                allowed.join(", ")
            ),
        )),
        _ => Ok(()),
    }
}

fn refuse(param: &str, is_given: bool) -> Result<(), Refusal> {
    if is_given {
        return Err(Refusal::invalid_param(
            "unsupported_parameter",
            param,
            format!("Unsupported parameter: '{param}' is not supported with this model."),
        ));
    }
    Ok(())
}
