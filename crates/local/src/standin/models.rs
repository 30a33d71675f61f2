//! Which model answers under which id on which surface. Bedrock's ids differ by endpoint, and so do its refusals.

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
    /// bedrock-runtime's InvokeModel with OpenAI's body: gpt-oss.
    Invoke,
    /// OpenAI itself.
    OpenAi,
    /// A server on somebody's own premises, which serves whatever it is asked for.
    Compatible,
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
    /// Claude, on bedrock-runtime.
    Claude,
    /// Nova, on bedrock-runtime.
    Nova,
    /// Models that take every parameter: OpenAI's older ones, and those on premises.
    Free,
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
const ANY: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

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

/// Ids as OpenAI lists them.
const OPENAI: &[(&str, Line, &[&str])] = &[
    ("gpt-4.1", Line::Free, ANY),
    ("gpt-5.4", Line::EarlyGpt, UP_TO_XHIGH),
    ("gpt-5.5", Line::EarlyGpt, UP_TO_XHIGH),
    ("gpt-5.5-2026-04-23", Line::EarlyGpt, UP_TO_XHIGH),
    ("gpt-5.6-sol", Line::LateGpt, UP_TO_MAX),
    ("gpt-5.6-terra", Line::LateGpt, UP_TO_MAX),
    ("gpt-5.6-luna", Line::LateGpt, UP_TO_MAX),
];

const OPENAI_EMBEDDINGS: &[&str] = &["text-embedding-3-small", "text-embedding-3-large"];

const OPEN_ON_RUNTIME: &[&str] = &["openai.gpt-oss-120b-1:0", "openai.gpt-oss-20b-1:0"];
const PROFILE_AREAS: &[&str] = &["us", "eu", "in", "jp", "apac", "global"];

pub(super) fn mantle_ids() -> Vec<&'static str> {
    MANTLE.iter().map(|(id, ..)| *id).collect()
}

pub(super) fn openai_ids() -> Vec<&'static str> {
    OPENAI.iter().map(|(id, ..)| *id).chain(OPENAI_EMBEDDINGS.iter().copied()).collect()
}

/// Whether only bedrock-runtime knows an id of this form: what an API key does not tell, the model does.
pub(super) fn is_runtime_id(id: &str) -> bool {
    OPEN_ON_RUNTIME.contains(&id) || profile_base(id).is_some()
}

/// The model behind an inference profile.
pub(super) fn profile_base(id: &str) -> Option<&str> {
    id.split_once('.').filter(|(area, _)| PROFILE_AREAS.contains(area)).map(|(_, base)| base)
}

impl Surface {
    pub(super) fn find(self, id: &str) -> Result<Model, Refusal> {
        match self {
            Self::MantleGpt | Self::MantleOpen => self.find_on_mantle(id),
            Self::RuntimeChat | Self::RuntimeNative => self.find_on_runtime(id),
            Self::Invoke => find_for_invoke(id),
            Self::OpenAi => find_at_openai(id),
            Self::Compatible => Ok(Model { line: Line::Free, efforts: ANY }),
        }
    }

    fn find_on_mantle(self, id: &str) -> Result<Model, Refusal> {
        let Some(model) = known(MANTLE, id) else { return Err(Refusal::unknown_model(id)) };
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
        let (is_profile, base) = profile_base(id).map_or((false, id), |base| (true, base));
        let known = match known(MANTLE, base) {
            Some(model) => Some(model).filter(|model| model.line == Line::LateGpt),
            None if self == Self::RuntimeNative => other_model(base),
            None => None,
        };
        match known {
            None => Err(invalid_identifier()),
            Some(_) if !is_profile && !base.starts_with("amazon.") => Err(Refusal::invalid(format!(
                "Invocation of model ID {id} with on-demand throughput isn\u{2019}t supported. Retry your request with \
                     the ID or ARN of an inference profile that contains this model."
            ))),
            Some(model) => Ok(model),
        }
    }
}

fn find_for_invoke(id: &str) -> Result<Model, Refusal> {
    match Surface::RuntimeNative.find(id)? {
        model if model.line == Line::Open => Ok(model),
        _ => Err(Refusal::invalid("The model does not support the InvokeModel operation.")),
    }
}

fn find_at_openai(id: &str) -> Result<Model, Refusal> {
    if OPENAI_EMBEDDINGS.contains(&id) {
        return Err(Refusal::invalid_param(
            "unsupported_model",
            "model",
            format!("The model '{id}' embeds texts and does not answer them."),
        ));
    }
    known(OPENAI, id).ok_or_else(|| Refusal::unknown_model(id))
}

fn known(models: &[(&str, Line, &'static [&'static str])], id: &str) -> Option<Model> {
    models.iter().find(|(known, ..)| *known == id).map(|&(_, line, efforts)| Model { line, efforts })
}

fn other_model(base: &str) -> Option<Model> {
    let line = match base {
        _ if base.starts_with("anthropic.claude-") => Line::Claude,
        _ if base.starts_with("amazon.nova-") && !base.contains("embeddings") => Line::Nova,
        _ => return None,
    };
    Some(Model { line, efforts: &[] })
}

pub(super) fn invalid_identifier() -> Refusal {
    Refusal::invalid("The provided model identifier is invalid.")
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
            (Surface::RuntimeNative, "us.amazon.nova-lite-v1:0"),
            (Surface::RuntimeNative, "amazon.nova-lite-v1:0"),
            (Surface::Invoke, "openai.gpt-oss-20b-1:0"),
            (Surface::OpenAi, "gpt-5.5"),
            (Surface::Compatible, "anything/at-all"),
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
        insta::assert_snapshot!(refusal(Surface::Invoke, "us.openai.gpt-5.6-sol"), @"400 Bad Request: The model does not support the InvokeModel operation.");
        insta::assert_snapshot!(refusal(Surface::OpenAi, "openai.gpt-5.5"), @"404 Not Found: The model 'openai.gpt-5.5' does not exist");
        insta::assert_snapshot!(refusal(Surface::RuntimeNative, "openai.gpt-oss-120b"), @"400 Bad Request: The provided model identifier is invalid.");
    }
}
