//! The local stack's own parts.

mod clock;
pub mod credentials;
pub mod embedded_metrics;
pub mod emulator;
pub mod front_door;
pub mod function;
mod http;
pub mod pump;
mod runtime_api;
pub mod schedule;
pub mod stack;
pub mod standin;
pub mod supervisor;
