//! Which requests Converse refuses, and with which words.

use super::request::ConverseRequest;
use super::turns::check_turns;
use crate::standin::models::{Line, Model};
use crate::standin::refusal::Refusal;

const TIERS: &[&str] = &["default", "flex", "priority", "reserved"];
const MOST_TAGS: usize = 16;
const LONGEST_TAG: usize = 256;
const TAG_SIGNS: &str = " \t\n:_@$#=/+,-.";

pub(super) fn check(request: &ConverseRequest, model: Model) -> Result<(), Refusal> {
    check_config(request)?;
    check_metadata(request)?;
    check_tier(request, model)?;
    check_turns(request, model)?;
    match model.line {
        Line::LateGpt => check_late_gpt(request, model),
        Line::Open => check_effort(request.flat_effort(), model),
        Line::Claude => check_thinking(request),
        Line::Nova if !request.output_config["textFormat"].is_null() => {
            Err(Refusal::invalid("This model doesn't support the outputConfig.textFormat field."))
        }
        Line::EarlyGpt | Line::Nova | Line::Free => Ok(()),
    }
}

fn check_config(request: &ConverseRequest) -> Result<(), Refusal> {
    if request.inference_config.max_tokens == Some(0) {
        return Err(constraint(
            "0",
            "inferenceConfig.maxTokens",
            "Member must have value greater than or equal to 1",
        ));
    }
    Ok(())
}

fn check_metadata(request: &ConverseRequest) -> Result<(), Refusal> {
    let Some(tags) = &request.request_metadata else { return Ok(()) };
    if tags.len() > MOST_TAGS {
        return Err(constraint(
            &format!("{} entries", tags.len()),
            "requestMetadata",
            "Member must have length less than or equal to 16",
        ));
    }
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || TAG_SIGNS.contains(sign);
    for (name, value) in tags {
        let is_right = !name.is_empty()
            && [name, value].iter().all(|text| text.len() <= LONGEST_TAG && text.chars().all(is_plain));
        if !is_right {
            return Err(constraint(
                value,
                &format!("requestMetadata.{name}"),
                "Map keys and values must have at most 256 of the letters, digits and signs allowed",
            ));
        }
    }
    Ok(())
}

fn check_tier(request: &ConverseRequest, model: Model) -> Result<(), Refusal> {
    let Some(tier) = &request.service_tier else { return Ok(()) };
    if !TIERS.contains(&tier.kind.as_str()) {
        return Err(constraint(
            &tier.kind,
            "serviceTier.type",
            "Member must satisfy enum value set: [default, flex, priority, reserved]",
        ));
    }
    if model.line == Line::LateGpt && tier.kind != "default" {
        return Err(Refusal::invalid(format!(
            "The service tier '{}' is not supported for this model.",
            tier.kind
        )));
    }
    Ok(())
}

fn check_late_gpt(request: &ConverseRequest, model: Model) -> Result<(), Refusal> {
    let config = &request.inference_config;
    let has_temperature = config.temperature.as_ref().is_some_and(|value| value.as_f64() != Some(1.0));
    for (parameter, is_given) in [
        ("temperature", has_temperature),
        ("top_p", config.top_p.is_some()),
        ("stop", !config.stop_sequences.is_empty()),
    ] {
        if is_given {
            return Err(Refusal::invalid(format!(
                "Unsupported parameter: '{parameter}' is not supported with this model."
            )));
        }
    }
    if request.additional_model_request_fields.contains_key("reasoning_effort") {
        return Err(Refusal::invalid("Unknown parameter: 'reasoning_effort'."));
    }
    check_effort(request.nested_effort(), model)
}

fn check_effort(effort: Option<&str>, model: Model) -> Result<(), Refusal> {
    match effort {
        Some(effort) if !model.efforts.contains(&effort) => Err(Refusal::invalid(format!(
            "Unsupported value: 'reasoning.effort' does not support '{effort}' with this model. Supported values are: {}.",
            model.efforts.join(", ")
        ))),
        _ => Ok(()),
    }
}

fn check_thinking(request: &ConverseRequest) -> Result<(), Refusal> {
    let thinking = request.additional_model_request_fields.get("thinking");
    let budget = thinking.and_then(|thinking| thinking["budget_tokens"].as_u64());
    match (budget, request.inference_config.max_tokens) {
        (Some(0..1024), _) => Err(Refusal::invalid(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        )),
        (Some(budget), Some(cap)) if budget >= cap => {
            Err(Refusal::invalid("`max_tokens` must be greater than `thinking.budget_tokens`."))
        }
        _ => Ok(()),
    }
}

fn constraint(value: &str, place: &str, constraint: &str) -> Refusal {
    Refusal::invalid(format!(
        "1 validation error detected: Value '{value}' at '{place}' failed to satisfy constraint: {constraint}"
    ))
}
