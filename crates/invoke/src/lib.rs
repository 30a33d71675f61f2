//! Lambda: the call itself.

pub mod answer;
pub mod arrival;
mod attempt;
mod breakers;
mod choice;
pub mod config;
mod continuation;
mod exact;
pub mod extension;
mod feedback;
pub mod gateway;
pub mod handler;
mod idempotency;
mod models;
mod plan;
mod pump;
mod quota;
mod redacting;
mod refused;
mod reserve;
mod route;
mod semantic;
mod settings;
mod settling;
mod single_flight;
mod trimming;

#[cfg(test)]
mod testing;
