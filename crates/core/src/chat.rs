//! The Chat Completions dialect, `POST /chat/completions`: requests are read into a prompt and written from one, answers
//! are read into events and written from them. Where both sides speak it, the bytes pass.

mod fold;
mod forward;
mod glimpse;
mod read;
mod reader;
#[cfg(test)]
mod sample;
mod write;
mod writer;

pub use fold::ChatFold;
pub use glimpse::glimpse;
pub use reader::ChatReader;
pub use writer::ChatWriter;
pub(crate) use {forward::forward, read::read, write::write, writer::failure};
