//! The ledger's stream becomes rollups and metrics. A definite failure loses and doubles nothing; after a lost reply
//! at most that request's postings are doubled, and that is counted.

pub mod config;
pub mod event;
pub mod handler;
pub mod health;

pub use config::Config;
pub use handler::Handler;
