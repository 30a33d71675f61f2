//! The ports over the AWS SDK and the model providers. Nothing here decides; it reads, writes and calls.

#![warn(missing_docs)]

pub mod clock;
pub mod config_store;
#[cfg(feature = "sqs")]
pub mod dead_letters;
pub mod flags;
pub mod key_register;
pub mod keys;
pub mod rates;
pub mod reports;
pub mod sdk;
#[cfg(feature = "secrets")]
pub mod secrets;
#[cfg(feature = "cloudformation")]
pub mod stack;
mod store;
pub mod tenants;
pub mod vars;

pub use aws_sdk_dynamodb::Client as DynamoClient;
pub use store::unreachable;
