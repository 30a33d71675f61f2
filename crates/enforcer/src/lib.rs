//! Budget notices become flags.
//!
//! A notice that has reached the share of its budget stops calls; it never lets them go on. What cannot be read is kept
//! whole for people to look at, and what cannot be written fails, so that Lambda tries again.

pub mod config;
pub mod handler;
mod record;
