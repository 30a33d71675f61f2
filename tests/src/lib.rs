//! The local stack and its clients, as the end-to-end tests use them.

pub mod books;
pub mod client;
pub mod raw;
pub mod stack;
pub mod standin;
