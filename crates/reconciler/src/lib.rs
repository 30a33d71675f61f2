//! What must happen without a caller: reservations that nobody settled in time come back, or are charged; escrow that
//! lies idle goes back to its budgets; questions whose answers have expired are forgotten.

pub mod config;
pub mod handler;
mod sweep;

pub use config::Config;
pub use handler::Handler;
