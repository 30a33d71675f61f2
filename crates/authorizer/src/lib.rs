//! Who is calling, and may they call now.
//!
//! A key that nobody issued is refused without a look-up, a revoked one within ten seconds, and where a store does not
//! answer nobody is admitted.

mod answer;
pub mod config;
pub mod costs;
mod gate;
pub mod handler;
mod recent_keys;
mod request;
#[cfg(test)]
mod testing;
