//! The whole translation, from a caller's body to a target's and back, as files that people can read: requests in
//! `fixtures/*/ask`, answers in `fixtures/*/answer`, and what becomes of each in `snapshots`.

mod answers;
mod asks;
mod costs;
mod embeddings;
mod events;
mod laws;
mod pairs;
mod stage;
mod text;
