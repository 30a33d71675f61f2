//! The ports over the AWS SDK and the model providers. Nothing here decides; it reads, writes and calls.

#![warn(missing_docs)]

pub mod clock;
pub mod config_store;
pub mod key_register;
pub mod reports;
pub mod sdk;
#[cfg(feature = "cloudformation")]
pub mod stack;
mod store;
pub mod tenants;
pub mod vars;

pub use store::unreachable;
