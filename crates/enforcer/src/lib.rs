//! Notices about money become graded action.
//!
//! What a notice does is said by a policy: people are told, caps come down, calls stop, and at last what could call a
//! model is taken away. A notice never lets anything go on; each is obeyed once, whatever order they come in. What cannot
//! be read is kept whole for people to look at, and what cannot be written fails, so that Lambda tries again.

pub mod config;
pub mod handler;
mod obey;
mod record;
mod summary;
