//! What must happen without a caller: reservations that nobody settled in time come back, or are charged.

pub mod config;
pub mod handler;

pub use config::Config;
pub use handler::Handler;
