//! The local stack's own parts.

pub mod front_door;
pub mod function;
mod http;
mod runtime_api;
