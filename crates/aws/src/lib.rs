//! The ports over the AWS SDK and the model providers. Nothing here decides; it reads, writes and calls.

#![warn(missing_docs)]

#[cfg(feature = "sns")]
pub mod alerts;
#[cfg(feature = "answers")]
pub mod answers;
#[cfg(feature = "bedrock")]
pub mod api_keys;
#[cfg(feature = "bedrock")]
pub mod bedrock;
#[cfg(feature = "costs")]
pub mod bills;
pub mod breakers;
pub mod bypasses;
#[cfg(feature = "answers")]
pub mod cache;
pub mod causes;
#[cfg(feature = "answers")]
mod claims;
pub mod clock;
#[cfg(feature = "cloudwatch")]
pub mod cloudwatch;
#[cfg(feature = "cloudwatch")]
pub mod comparison;
pub mod config_store;
#[cfg(any(feature = "bedrock", feature = "cloudwatch"))]
mod connection;
pub mod contention;
pub mod counters;
#[cfg(feature = "bedrock")]
pub mod credentials;
#[cfg(feature = "sqs")]
pub mod dead_letters;
pub mod enforcement;
pub mod entries;
pub mod evidence;
#[cfg(feature = "failed-records")]
pub mod failed_records;
pub mod feedback;
#[cfg(feature = "canary")]
pub mod front_door;
pub mod key_register;
pub mod keys;
pub mod lanes;
pub mod ledger;
#[cfg(feature = "locks")]
pub mod locks;
pub mod log_line;
#[cfg(feature = "cloudwatch")]
pub mod meters;
pub mod outcomes;
pub mod outlook;
pub mod overdue;
#[cfg(feature = "answers")]
mod packing;
pub mod quotas;
pub mod rates;
pub mod records;
pub mod reports;
pub mod rollups;
pub mod sdk;
#[cfg(feature = "secrets")]
pub mod secrets;
pub mod settings;
#[cfg(feature = "cloudformation")]
pub mod stack;
mod store;
pub mod tenants;
#[cfg(feature = "valkey")]
pub mod valkey;
pub mod vars;
#[cfg(feature = "vectors")]
pub mod vectors;
pub mod writes;
pub mod xray;

#[cfg(feature = "cloudformation")]
pub use aws_sdk_cloudformation::Client as CloudFormationClient;
pub use aws_sdk_dynamodb::Client as DynamoClient;
pub use store::unreachable;
