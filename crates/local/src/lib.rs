//! The local stack's own parts.

pub mod function;
mod http;
mod runtime_api;
