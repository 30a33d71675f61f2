//! The ports over the AWS SDK and the model providers. Nothing here decides; it reads, writes and calls.

#![warn(missing_docs)]

pub mod clock;
pub mod sdk;
mod store;
pub mod vars;

pub use store::unreachable;
