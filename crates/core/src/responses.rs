//! The Responses dialect, `POST /responses`: requests are read into a prompt and written from one, answers are read
//! into events and written from them. Where both sides speak it, everything passes but what the gateway must say.

mod failure;
mod forward;
mod frame;
mod item;
mod node;
mod output;
mod pass;
mod read;
mod reader;
mod seal;
mod setting;
mod tool;
mod usage;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use pass::{ResponsesPass, glimpse, request_id_of};
pub use reader::ResponsesReader;
pub use writer::ResponsesWriter;
pub(crate) use {forward::forward, pass::id_in, read::read, write::write};

/// What is included to get the probabilities of tokens.
const INCLUDE_LOGPROBS: &str = "message.output_text.logprobs";
