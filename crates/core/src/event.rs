//! What a model says, piece by piece, in no dialect: each of the targets' dialects is read into events, and each of the
//! clients' is written from them. A whole answer is the events of one that came at once.

use serde_json::value::RawValue;

use crate::usage::Usage;

/// A piece of an answer. Pieces of one kind that follow each other belong together; a piece of another kind begins
/// something new.
#[derive(Clone, Debug)]
pub enum Event {
    /// A piece of the text.
    Text(String),
    /// The probabilities of the tokens of the text before it, each as both of OpenAI's dialects write it.
    Logprobs(Vec<Box<RawValue>>),
    /// A piece of a refusal in the model's own words.
    Refusal(String),
    /// A piece of the reasoning itself, where the target shows it.
    Thought(String),
    /// A piece of the reasoning's summary.
    Summary {
        /// Which part of the summary.
        index: usize,
        /// The piece.
        text: String,
    },
    /// Reasoning that only the target itself can read, whole; it closes the reasoning before it.
    Sealed(String),
    /// A call of a function begins. Its arguments follow.
    ToolCall {
        /// Which of the answer's calls, from 0.
        index: usize,
        /// The name of this call.
        call_id: String,
        /// The function.
        name: String,
    },
    /// A piece of a call's arguments.
    Arguments {
        /// Which of the answer's calls.
        index: usize,
        /// JSON text, or a piece of it.
        text: String,
    },
    /// The answer is finished.
    Finish(FinishReason),
    /// What the provider counted. It may come before or after the finish.
    Usage(Usage),
    /// The tier that served the call.
    ServiceTier(String),
}

/// Why an answer is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model had said all, or came to a stop sequence.
    Stop,
    /// The output cap, or the end of the context.
    Length,
    /// It waits for the results of its calls.
    ToolCalls,
    /// A filter cut it.
    ContentFilter,
}
