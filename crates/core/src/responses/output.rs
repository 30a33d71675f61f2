//! A response as callers get it: with every member that the official clients' models require.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::usage::ResponsesUsage;
use crate::parameter::{Parameter, Parameters};

/// An item of the output.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Output {
    Message {
        id: String,
        status: Status,
        role: &'static str,
        content: Vec<Part>,
    },
    Reasoning {
        id: String,
        summary: Vec<Part>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Part>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<String>,
    },
    FunctionCall {
        id: String,
        status: Status,
        call_id: String,
        name: String,
        arguments: String,
    },
}

/// A part of an item.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    OutputText { text: String, annotations: [(); 0], logprobs: Vec<Box<RawValue>> },
    Refusal { refusal: String },
    SummaryText { text: String },
    ReasoningText { text: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
}

impl Output {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Message { id, .. } | Self::Reasoning { id, .. } | Self::FunctionCall { id, .. } => id,
        }
    }

    /// The parts among which such a part stands.
    pub(super) const fn parts_mut(&mut self, part: &Part) -> Option<&mut Vec<Part>> {
        match (self, part) {
            (Self::Reasoning { summary, .. }, Part::SummaryText { .. }) => Some(summary),
            (Self::Reasoning { content, .. } | Self::Message { content, .. }, _) => Some(content),
            (Self::FunctionCall { .. }, _) => None,
        }
    }

    pub(super) const fn set_status(&mut self, now: Status) {
        match self {
            Self::Message { status, .. } | Self::FunctionCall { status, .. } => *status = now,
            Self::Reasoning { .. } => {}
        }
    }
}

impl Part {
    pub(super) const fn text(text: String) -> Self {
        Self::OutputText { text, annotations: [], logprobs: Vec::new() }
    }

    pub(super) const fn words_mut(&mut self) -> &mut String {
        match self {
            Self::OutputText { text, .. } | Self::SummaryText { text } | Self::ReasoningText { text } => text,
            Self::Refusal { refusal } => refusal,
        }
    }

    pub(super) fn wording(&self) -> Wording {
        let content = |delta, done| Wording {
            added: "response.content_part.added",
            delta,
            done,
            closed: "response.content_part.done",
        };
        match self {
            Self::OutputText { .. } => content("response.output_text.delta", "response.output_text.done"),
            Self::Refusal { .. } => content("response.refusal.delta", "response.refusal.done"),
            Self::ReasoningText { .. } => {
                content("response.reasoning_text.delta", "response.reasoning_text.done")
            }
            Self::SummaryText { .. } => Wording {
                added: "response.reasoning_summary_part.added",
                delta: "response.reasoning_summary_text.delta",
                done: "response.reasoning_summary_text.done",
                closed: "response.reasoning_summary_part.done",
            },
        }
    }
}

/// The names of the events of a part's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wording {
    pub(super) added: &'static str,
    pub(super) delta: &'static str,
    pub(super) done: &'static str,
    pub(super) closed: &'static str,
}

/// What stays the same in all that is said of a response.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) created_at: u64,
    pub(super) parameters: Parameters,
    /// Whether the target keeps it.
    pub(super) is_kept: bool,
}

/// How far a response is.
#[derive(Clone, Copy, Debug)]
pub(super) struct State<'a> {
    pub(super) status: Status,
    /// Why it is not whole.
    pub(super) reason: Option<&'static str>,
    pub(super) output: &'a [Output],
    pub(super) service_tier: Option<&'a str>,
    pub(super) usage: Option<ResponsesUsage>,
}

#[derive(Serialize)]
pub(super) struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: Status,
    error: Option<()>,
    incomplete_details: Option<Value>,
    instructions: Option<()>,
    max_output_tokens: Value,
    metadata: Value,
    model: &'a str,
    output: &'a [Output],
    parallel_tool_calls: Value,
    previous_response_id: Option<()>,
    reasoning: Value,
    service_tier: Value,
    store: bool,
    temperature: Value,
    text: Value,
    tool_choice: &'static str,
    tools: [(); 0],
    top_p: Value,
    truncation: &'static str,
    usage: Option<ResponsesUsage>,
}

impl Heading {
    pub(super) fn response<'a>(&'a self, state: State<'a>) -> Response<'a> {
        let said = |parameter, other: Value| self.parameters.get(parameter).cloned().unwrap_or(other);
        let mut text = json!({"format": {"type": "text"}});
        if let Some(verbosity) = self.parameters.get(Parameter::Verbosity) {
            text["verbosity"] = verbosity.clone();
        }
        Response {
            id: &self.id,
            object: "response",
            created_at: self.created_at,
            status: state.status,
            error: None,
            incomplete_details: state.reason.map(|reason| json!({"reason": reason})),
            instructions: None,
            max_output_tokens: said(Parameter::MaxOutputTokens, Value::Null),
            metadata: said(Parameter::Metadata, json!({})),
            model: &self.model,
            output: state.output,
            parallel_tool_calls: said(Parameter::ParallelToolCalls, json!(true)),
            previous_response_id: None,
            reasoning: json!({
                "effort": said(Parameter::ReasoningEffort, Value::Null),
                "summary": said(Parameter::ReasoningSummary, Value::Null),
            }),
            service_tier: state.service_tier.map_or(Value::Null, Value::from),
            store: self.is_kept,
            temperature: said(Parameter::Temperature, Value::Null),
            text,
            tool_choice: "auto",
            tools: [],
            top_p: said(Parameter::TopP, Value::Null),
            truncation: "disabled",
            usage: state.usage,
        }
    }
}
