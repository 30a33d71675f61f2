//! Every decision of the gateway: no I/O, no clock, no randomness, no async runtime. Whatever varies is an argument.

#![warn(missing_docs)]

pub mod asking;
pub mod bound;
pub mod budget;
pub mod cache_key;
pub mod caller;
pub mod catalogue;
pub mod chat;
pub mod completion;
pub mod converse;
pub mod dialect;
pub mod embedding;
pub mod error;
pub mod event;
pub mod idempotency;
pub mod identity;
pub mod interpreter;
pub mod key;
pub mod metrics;
pub mod model;
pub mod money;
pub mod name;
pub mod notice;
pub mod output_policy;
pub mod parameter;
pub mod ports;
pub mod price;
pub mod prompt;
pub mod rate;
pub mod raw;
pub mod ready;
pub mod record;
pub mod request;
pub mod responses;
pub mod rollup;
pub mod routing;
pub mod settings;
pub mod spend;
pub mod sse;
pub mod time;
pub mod trace;
pub mod trim;
pub mod usage;
