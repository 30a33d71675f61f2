//! The ports over the AWS SDK and the model providers. Nothing here decides; it reads, writes and calls.

#![warn(missing_docs)]

#[cfg(feature = "bedrock")]
pub mod bedrock;
pub mod cache;
pub mod clock;
pub mod contention;
#[cfg(feature = "bedrock")]
pub mod credentials;
#[cfg(feature = "sqs")]
pub mod dead_letters;
pub mod flags;
pub mod keys;
pub mod ledger;
pub mod rates;
pub mod sdk;
#[cfg(feature = "secrets")]
pub mod secrets;
pub mod settings;
mod store;
pub mod vars;

pub use store::unreachable;
