//! The local stack's own parts.

mod clock;
pub mod pump;
