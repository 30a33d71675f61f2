//! The ports over the AWS SDK and the model providers. Nothing here decides; it reads, writes and calls.

#![warn(missing_docs)]

pub mod clock;
#[cfg(feature = "sqs")]
pub mod dead_letters;
pub mod flags;
pub mod keys;
pub mod rates;
pub mod sdk;
#[cfg(feature = "secrets")]
pub mod secrets;
mod store;
pub mod vars;

pub use aws_sdk_dynamodb::Client as DynamoClient;
pub use store::unreachable;
