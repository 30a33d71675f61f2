//! Which model answers under which id on which surface. Bedrock's ids differ by endpoint, and so do its refusals.

use http::StatusCode;

use super::refusal::Refusal;

/// A set of operations that know the same ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// bedrock-mantle under `/openai/v1`: GPT.
    MantleGpt,
    /// bedrock-mantle under `/v1`: open-weight models.
    MantleOpen,
    /// bedrock-runtime under `/openai/v1`.
    RuntimeChat,
    /// bedrock-runtime's Converse and ConverseStream.
    RuntimeNative,
}

/// Models that obey the same parameter rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// GPT-5.4 and 5.5, on mantle only.
    EarlyGpt,
    /// GPT-5.6 and later, on both endpoints.
    LateGpt,
    /// gpt-oss.
    Open,
    /// Claude and Nova, on bedrock-runtime.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) line: Line,
    /// The reasoning efforts that it takes.
    pub(super) efforts: &'static [&'static str],
}

const UP_TO_XHIGH: &[&str] = &["none", "low", "medium", "high", "xhigh"];
const UP_TO_MAX: &[&str] = &["none", "low", "medium", "high", "xhigh", "max"];
const ALWAYS_THINKING: &[&str] = &["low", "medium", "high", "xhigh", "max"];
const OPEN: &[&str] = &["low", "medium", "high"];

/// Ids as bedrock-mantle lists them.
const MANTLE: &[(&str, Line, &[&str])] = &[
    ("openai.gpt-5.4", Line::EarlyGpt, UP_TO_XHIGH),
    ("openai.gpt-5.5", Line::EarlyGpt, UP_TO_XHIGH),
    ("openai.gpt-5.5-2026-04-23", Line::EarlyGpt, UP_TO_XHIGH),
    ("openai.gpt-5.6-sol", Line::LateGpt, UP_TO_MAX),
    ("openai.gpt-5.6-terra", Line::LateGpt, UP_TO_MAX),
    ("openai.gpt-5.6-luna", Line::LateGpt, UP_TO_MAX),
    ("openai.gpt-6-sol", Line::LateGpt, UP_TO_MAX),
    ("openai.gpt-6-luna", Line::LateGpt, UP_TO_MAX),
    ("openai.gpt-6-astra", Line::LateGpt, ALWAYS_THINKING),
    ("openai.gpt-6.1-sol", Line::LateGpt, ALWAYS_THINKING),
    ("openai.gpt-6.1-terra", Line::LateGpt, UP_TO_MAX),
    ("openai.gpt-oss-120b", Line::Open, OPEN),
    ("openai.gpt-oss-20b", Line::Open, OPEN),
];

const OPEN_ON_RUNTIME: &[&str] = &["openai.gpt-oss-120b-1:0", "openai.gpt-oss-20b-1:0"];
const PROFILE_AREAS: &[&str] = &["us", "eu", "in", "jp", "apac", "global"];

pub(super) fn mantle_ids() -> impl Iterator<Item = &'static str> {
    MANTLE.iter().map(|(id, ..)| *id)
}

impl Surface {
    pub(super) fn find(self, id: &str) -> Result<Model, Refusal> {
        match self {
            Self::MantleGpt | Self::MantleOpen => self.find_on_mantle(id),
            Self::RuntimeChat | Self::RuntimeNative => self.find_on_runtime(id),
        }
    }

    fn find_on_mantle(self, id: &str) -> Result<Model, Refusal> {
        let Some(model) = mantle_model(id) else {
            return Err(Refusal {
                code: Some("model_not_found"),
                ..Refusal::new(StatusCode::NOT_FOUND, format!("The model '{id}' does not exist"))
            });
        };
        let is_at_home = (model.line == Line::Open) == (self == Self::MantleOpen);
        if !is_at_home {
            return Err(Refusal::invalid(format!("The model '{id}' is not served on this path.")));
        }
        Ok(model)
    }

    fn find_on_runtime(self, id: &str) -> Result<Model, Refusal> {
        if OPEN_ON_RUNTIME.contains(&id) {
            return Ok(Model { line: Line::Open, efforts: OPEN });
        }
        let (is_profile, base) = match id.split_once('.') {
            Some((area, base)) if PROFILE_AREAS.contains(&area) => (true, base),
            _ => (false, id),
        };
        let known = match mantle_model(base) {
            Some(model) => Some(model).filter(|model| model.line == Line::LateGpt),
            None if self == Self::RuntimeNative => other_model(base),
            None => None,
        };
        match known {
            None => Err(Refusal::invalid("The provided model identifier is invalid.")),
            Some(_) if !is_profile && !base.starts_with("amazon.") => Err(Refusal::invalid(format!(
                "Invocation of model ID {id} with on-demand throughput isn\u{2019}t supported. Retry your request with \
                     the ID or ARN of an inference profile that contains this model."
            ))),
            Some(model) => Ok(model),
        }
    }
}

fn mantle_model(id: &str) -> Option<Model> {
    MANTLE.iter().find(|(known, ..)| *known == id).map(|&(_, line, efforts)| Model { line, efforts })
}

fn other_model(base: &str) -> Option<Model> {
    let is_known = base.starts_with("anthropic.claude-") || base.starts_with("amazon.nova-");
    is_known.then_some(Model { line: Line::Other, efforts: &[] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(surface: Surface, id: &str) -> String {
        surface.find(id).unwrap_err().to_string()
    }

    #[test]
    fn each_surface_knows_its_own_ids() {
        for (surface, id) in [
            (Surface::MantleGpt, "openai.gpt-5.5"),
            (Surface::MantleOpen, "openai.gpt-oss-120b"),
            (Surface::RuntimeChat, "us.openai.gpt-5.6-terra"),
            (Surface::RuntimeNative, "global.openai.gpt-6-sol"),
            (Surface::RuntimeNative, "openai.gpt-oss-120b-1:0"),
            (Surface::RuntimeNative, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            (Surface::RuntimeNative, "amazon.nova-lite-v1:0"),
        ] {
            assert!(surface.find(id).is_ok(), "{surface:?} {id}");
        }
    }

    #[test]
    fn an_id_of_another_surface_is_refused_as_bedrock_refuses_it() {
        insta::assert_snapshot!(refusal(Surface::MantleOpen, "openai.gpt-5.5"), @"400 Bad Request: The model 'openai.gpt-5.5' is not served on this path.");
        insta::assert_snapshot!(refusal(Surface::MantleGpt, "us.openai.gpt-5.6-terra"), @"404 Not Found: The model 'us.openai.gpt-5.6-terra' does not exist");
        insta::assert_snapshot!(refusal(Surface::RuntimeNative, "openai.gpt-5.6-terra"), @"400 Bad Request: Invocation of model ID openai.gpt-5.6-terra with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.");
        insta::assert_snapshot!(refusal(Surface::RuntimeNative, "us.openai.gpt-5.5"), @"400 Bad Request: The provided model identifier is invalid.");
        insta::assert_snapshot!(refusal(Surface::RuntimeChat, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"), @"400 Bad Request: The provided model identifier is invalid.");
        insta::assert_snapshot!(refusal(Surface::RuntimeNative, "openai.gpt-oss-120b"), @"400 Bad Request: The provided model identifier is invalid.");
    }
}
