//! The ports over the AWS SDK and the model providers. Nothing here decides; it reads, writes and calls.

#![warn(missing_docs)]

#[cfg(feature = "bedrock")]
pub mod bedrock;
pub mod cache;
pub mod clock;
#[cfg(feature = "cloudwatch")]
pub mod cloudwatch;
pub mod contention;
#[cfg(feature = "bedrock")]
pub mod credentials;
pub mod ledger;
pub mod overdue;
pub mod rollups;
pub mod sdk;
pub mod settings;
mod store;
pub mod vars;

pub use store::unreachable;
