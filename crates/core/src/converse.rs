//! What is asked of Converse. What cannot be said in it without a change of meaning makes the target unfit: the call then
//! goes to a target that has the word, or is refused.
//!
//! Turns alternate and none is empty: Converse takes neither two turns of one speaker in a row nor a blank text.

mod image;
mod say;
mod seal;
mod settings;
mod talk;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::catalogue::Guardrail;
use crate::model::Identity;

pub use image::{Image, ImageFormat};
pub(crate) use say::say;
pub use seal::Seal;

/// A Converse request, nearly in the words of its own wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConverseRequest {
    /// Texts of the operator.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<String>,
    /// Turns, the user's first, alternating.
    pub messages: Vec<Turn>,
    /// The output cap.
    pub max_tokens: u64,
    /// Sampling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Sampling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Texts that end the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
    /// The functions that the model may call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// Whether and what it must call; only where there are tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Choice>,
    /// The schema of the answer, for `outputConfig.textFormat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// `additionalModelRequestFields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional: Option<Value>,
    /// The tier, where it is not the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The guardrail that the call goes through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<Guardrail>,
}

/// A turn of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Speaker,
    /// What they say; never empty.
    pub content: Vec<Block>,
}

/// The roles of Converse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The person, and the functions that answer the model.
    User,
    /// The model.
    Assistant,
}

/// A piece of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Block {
    /// Text; never blank.
    Text(String),
    /// An image.
    Image(Image),
    /// The model calls a function.
    #[serde(rename_all = "camelCase")]
    ToolUse {
        /// The name of this call.
        tool_use_id: String,
        /// The function.
        name: String,
        /// Its arguments.
        input: Value,
    },
    /// What a function gave back.
    #[serde(rename_all = "camelCase")]
    ToolResult {
        /// The call that it answers.
        tool_use_id: String,
        /// Texts and images.
        content: Vec<Content>,
    },
    /// What the model thought before.
    Reasoning {
        /// The thought.
        text: String,
        /// The model's proof that it is its own.
        signature: String,
    },
    /// What the model thought before, for its eyes only.
    Redacted(#[serde(serialize_with = "base64")] Bytes),
}

/// What both people and functions can say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// Text; never blank.
    Text(String),
    /// An image.
    Image(Image),
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does; never blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    pub input_schema: Value,
    /// Whether the arguments must follow it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// Whether and what the model must call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Choice {
    /// As it likes.
    Auto,
    /// Something.
    Any,
    /// This function.
    Tool(String),
}

/// The schema of a structured answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// What it is for; never blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON text, as the caller wrote it: models heed the order of properties.
    pub schema: String,
}

impl From<Content> for Block {
    fn from(content: Content) -> Self {
        match content {
            Content::Text(text) => Self::Text(text),
            Content::Image(image) => Self::Image(image),
        }
    }
}

fn base64<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    use ::base64::prelude::{BASE64_STANDARD, Engine as _};

    serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
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
