//! The local stack's own parts.

pub mod standin;
