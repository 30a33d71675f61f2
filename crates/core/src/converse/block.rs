//! Turns of a conversation, and what they are made of.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::converse::Image;

/// A turn of the conversation.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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
        /// Its arguments: a JSON object.
        input: Box<RawValue>,
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
    ReasoningContent(Reasoning),
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

/// What the model thought before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reasoning {
    /// For all to see.
    ReasoningText {
        /// The thought.
        text: String,
        /// The model's proof that it is its own.
        signature: String,
    },
    /// For its eyes only.
    RedactedContent(#[serde(serialize_with = "blob")] Bytes),
}

impl From<Content> for Block {
    fn from(content: Content) -> Self {
        match content {
            Content::Text(text) => Self::Text(text),
            Content::Image(image) => Self::Image(image),
        }
    }
}

/// Bytes are base64 on this wire.
pub(super) fn blob<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
}
