//! Checks of single parameters, in OpenAI's words.

use serde_json::Number;

use super::models::{Line, Model};
use super::refusal::Refusal;

/// GPT takes the default temperature only, and no other sampling.
pub(super) fn check_sampling(temperature: Option<&Number>, has_top_p: bool) -> Result<(), Refusal> {
    match temperature {
        Some(value) if value.as_f64() != Some(1.0) => Err(Refusal::invalid_param(
            "unsupported_value",
            "temperature",
            format!(
                "Unsupported value: 'temperature' does not support {value} with this model. Only the default (1) value \
                 is supported."
            ),
        )),
        _ => refuse("top_p", has_top_p),
    }
}

pub(super) fn check_tier(tier: Option<&str>, model: Model) -> Result<(), Refusal> {
    let allowed: &[&str] = match model.line {
        Line::Open | Line::Free => &["auto", "default", "flex", "priority"],
        Line::EarlyGpt | Line::LateGpt | Line::Claude | Line::Nova => &["auto", "default"],
    };
    check_choice("service_tier", tier, allowed)
}

/// The tier that served the call, as an answer names it.
pub(super) fn served_tier(tier: Option<&str>) -> &str {
    tier.filter(|tier| *tier != "auto").unwrap_or("default")
}

pub(super) fn check_least(param: &str, value: Option<u64>, least: u64) -> Result<(), Refusal> {
    match value {
        Some(value) if value < least => Err(Refusal::invalid_param(
            "integer_below_min_value",
            param,
            format!(
                "Invalid '{param}': integer below minimum value. Expected a value >= {least}, but got {value} instead."
            ),
        )),
        _ => Ok(()),
    }
}

pub(super) fn check_choice(param: &str, value: Option<&str>, allowed: &[&str]) -> Result<(), Refusal> {
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

pub(super) fn refuse(param: &str, is_given: bool) -> Result<(), Refusal> {
    if is_given {
        return Err(Refusal::invalid_param(
            "unsupported_parameter",
            param,
            format!("Unsupported parameter: '{param}' is not supported with this model."),
        ));
    }
    Ok(())
}
