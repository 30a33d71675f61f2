//! What is asked of Converse. What cannot be said in it without a change of meaning makes the target unfit: the call then
//! goes to a target that has the word, or is refused.
//!
//! Turns alternate and none is empty: Converse takes neither two turns of one speaker in a row nor a blank text. Schemas
//! and arguments keep the order of their members: models heed it, and prompt caches know a request by its beginning.

mod block;
mod image;
mod say;
mod seal;
mod settings;
mod talk;

use bytes::Bytes;
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::Number;
use serde_json::value::RawValue;

use crate::identity::Identity;

pub use block::{Block, Content, Reasoning, Speaker, Turn};
pub use image::{Image, ImageFormat, ImageSource};
pub(crate) use say::say;
pub use seal::Seal;

/// A Converse request in the words of its own wire; the model, which stands in the path, and the metadata, which are the
/// call's, are not in it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConverseRequest {
    /// Texts of the operator.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<Content>,
    /// Turns, the user's first, alternating.
    pub messages: Vec<Turn>,
    /// Sampling and ends.
    pub inference_config: Inference,
    /// The functions that the model may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_config: Option<ToolConfig>,
    /// The schema of the answer.
    #[serde(rename = "outputConfig", skip_serializing_if = "Option::is_none", serialize_with = "output")]
    pub schema: Option<Schema>,
    /// Fields that only some models know.
    #[serde(rename = "additionalModelRequestFields", skip_serializing_if = "Additional::is_empty")]
    pub additional: Additional,
    /// The tier, where it is not the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<ServiceTier>,
    /// The guardrail that the call goes through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrail_config: Option<GuardrailConfig>,
}

/// Sampling and ends.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inference {
    /// The output cap.
    pub max_tokens: u64,
    /// Sampling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Number>,
    /// Sampling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<Number>,
    /// Texts that end the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
}

/// The functions that the model may call.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolConfig {
    /// At least one.
    pub tools: Vec<Tool>,
    /// Whether and what it must call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Choice>,
}

/// What the model may call.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tool {
    /// A function.
    #[serde(rename_all = "camelCase")]
    ToolSpec {
        /// Its name.
        name: String,
        /// What it does; never blank.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// What its arguments are like.
        input_schema: InputSchema,
        /// Whether the arguments must follow it.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        strict: bool,
    },
}

/// What a function's arguments are like.
#[derive(Clone, Debug, Serialize)]
pub struct InputSchema {
    /// A JSON schema.
    pub json: Box<RawValue>,
}

/// Whether and what the model must call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Choice {
    /// As it likes.
    Auto {},
    /// Something.
    Any {},
    /// This function.
    Tool {
        /// Its name.
        name: String,
    },
}

/// The schema of a structured answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// What it is for; never blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON text.
    pub schema: String,
}

/// Fields of OpenAI's models.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Additional {
    /// Where the effort stands for GPT-5.6 and later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Effort>,
    /// Where it stands for gpt-oss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    /// Form and length of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

/// How much the model thinks.
#[derive(Clone, Debug, Serialize)]
pub struct Effort {
    /// `low`, `high` and the like.
    pub effort: String,
}

/// Form and length of the text, as Responses has them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Text {
    /// `low`, `medium` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<String>,
    /// Its form; free where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<TextFormat>,
}

/// The form of the text, as Responses has it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TextFormat {
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// What it is for.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The schema.
        schema: Box<RawValue>,
        /// Whether the answer must follow it.
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

/// The provider's tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceTier {
    /// `flex` or `priority`.
    pub r#type: String,
}

/// The guardrail that a call goes through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GuardrailConfig {
    /// Its id or ARN.
    pub guardrail_identifier: String,
    /// Its version, or `DRAFT`.
    pub guardrail_version: String,
}

impl Additional {
    fn is_empty(&self) -> bool {
        self.reasoning.is_none() && self.reasoning_effort.is_none() && self.text.is_none()
    }
}

impl ConverseRequest {
    /// The body of a call on somebody's behalf.
    pub fn body(&self, identity: &Identity<'_>) -> Result<Bytes, serde_json::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            #[serde(flatten)]
            request: &'a ConverseRequest,
            #[serde(serialize_with = "pairs")]
            request_metadata: [(String, String); 3],
        }
        let body = Body { request: self, request_metadata: request_metadata(identity) };
        serde_json::to_vec(&body).map(Bytes::from)
    }
}

fn pairs<S: Serializer>(pairs: &[(String, String); 3], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

fn output<S: Serializer>(schema: &Option<Schema>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Format<'a> {
        r#type: &'static str,
        structure: Structure<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Structure<'a> {
        json_schema: &'a Schema,
    }
    let json_schema = schema.as_ref().ok_or_else(|| S::Error::custom("no schema"))?;
    let mut config = serializer.serialize_map(Some(1))?;
    let format = Format { r#type: "json_schema", structure: Structure { json_schema } };
    config.serialize_entry("textFormat", &format)?;
    config.end()
}

/// The longest value in Converse's request metadata, in characters.
const MAX_METADATA_CHARS: usize = 256;

/// What goes into Converse's request metadata, and so into the invocation log. Bedrock refuses values with other
/// characters than `[a-zA-Z0-9\s:_@$#=/+,-.]`: they become `_`.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
#[must_use]
pub fn request_metadata(identity: &Identity<'_>) -> [(String, String); 3] {
    let is_allowed = |c: char| {
        let is_mark =
            |c: char| matches!(c, ' ' | ':' | '_' | '@' | '$' | '#' | '=' | '/' | '+' | ',' | '-' | '.');
        c.is_ascii_alphanumeric() || is_mark(c)
    };
    let clean = |value: &str| {
        value.chars().take(MAX_METADATA_CHARS).map(|c| if is_allowed(c) { c } else { '_' }).collect()
    };
    [
        ("tenant".to_owned(), clean(identity.tenant_id)),
        ("team".to_owned(), clean(identity.team)),
        ("user".to_owned(), clean(identity.user)),
    ]
}

#[cfg(test)]
mod tests;
