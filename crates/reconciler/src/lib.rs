//! What must happen without a caller: reservations that nobody settled in time come back, or are charged; escrow that
//! lies idle goes back to its budgets; questions whose answers have expired are forgotten; the month is forecast; the ledger is
//! held against what AWS counts and bills; calls past the gateway are counted; a canary calls through the front door; and
//! targets of which too little is known are probed.

pub mod bypass;
pub mod canary;
pub mod config;
pub mod duties;
pub mod event;
pub mod figures;
pub mod handler;
pub mod probe;
pub mod sight;
mod sweep;
mod wiring;

pub use config::Config;
pub use duties::Duties;
pub use handler::Handler;
