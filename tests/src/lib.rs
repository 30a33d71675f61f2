//! The local stack and its clients, as the end-to-end tests use them; and DynamoDB Local behind a proxy that fails.

pub mod accounts;
pub mod books;
pub mod calls;
pub mod client;
pub mod fault_proxy;
pub mod raw;
pub mod shared;
pub mod stack;
pub mod standin;
pub mod tables;
