//! What is asked of a model, in no dialect: each of the clients' dialects is read into it, and each of the targets' is
//! written from it.

use serde_json::value::RawValue;

use crate::parameter::Parameters;

/// A request's meaning.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// The conversation, in its order; operators' texts included.
    pub items: Vec<Item>,
    /// The functions that the model may call.
    pub tools: Vec<Tool>,
    /// Whether and what it must call.
    pub tool_choice: Option<ToolChoice>,
    /// The form of the answer's text; free where absent.
    pub format: Option<Format>,
    /// Sampling, caps, effort and the like.
    pub parameters: Parameters,
    /// The response that this one goes on from: `previous_response_id`.
    pub continues: Option<String>,
    /// How many items of reasoning are given by their id only: where the provider keeps answers, it knows the rest, and
    /// counts it as input.
    pub held: usize,
    /// Fields that only the request's own dialect has a word for, in its own words: with one of them the request can be
    /// passed on, and not be translated.
    pub strange: Vec<String>,
}

/// A piece of the conversation.
#[derive(Clone, Debug)]
pub enum Item {
    /// Somebody says something.
    Message {
        /// Who.
        role: Role,
        /// What.
        parts: Vec<Part>,
    },
    /// The model calls a function. Calls that follow each other, or an assistant's message, belong to one turn.
    ToolCall {
        /// The name of this call, by which its result is known.
        call_id: String,
        /// The function.
        name: String,
        /// JSON text, as the model wrote it; it need not be valid.
        arguments: String,
    },
    /// What a function gave back.
    ToolResult {
        /// The call that it answers.
        call_id: String,
        /// Texts and images.
        parts: Vec<Part>,
    },
    /// What the model thought before, given back to it.
    Reasoning {
        /// What may be seen of it.
        summary: Vec<String>,
        /// What only the target that made it can read.
        sealed: Option<Sealed>,
    },
}

/// Reasoning that only one target can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The target's id in the catalogue; unknown where the text does not say it.
    pub target: Option<String>,
    /// The target's own text.
    pub text: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator of the application.
    System,
    /// The same, as newer models call it.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A part of what is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text.
    Text(String),
    /// The model's own refusal.
    Refusal(String),
    /// An image.
    Image {
        /// An address, or a `data:` URL with the image in it.
        url: String,
        /// `low`, `high` or `auto`.
        detail: Option<String>,
    },
}

/// A function that the model may call.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    pub parameters: Option<Box<RawValue>>,
    /// Whether the arguments must follow the schema.
    pub strict: Option<bool>,
}

/// Whether and what the model must call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Nothing.
    None,
    /// Something.
    Required,
    /// This function.
    Function(String),
}

/// The form of the answer's text.
#[derive(Clone, Debug)]
pub enum Format {
    /// Free.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The schema.
        schema: Box<RawValue>,
        /// Whether the answer must follow it.
        strict: Option<bool>,
    },
}

impl Prompt {
    /// All parts of messages and of tools' results.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.items.iter().flat_map(|item| match item {
            Item::Message { parts, .. } | Item::ToolResult { parts, .. } => parts.as_slice(),
            Item::ToolCall { .. } | Item::Reasoning { .. } => &[],
        })
    }
}
