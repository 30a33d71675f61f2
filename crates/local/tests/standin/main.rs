//! The stand-in over its wires: plain HTTP for what the bytes say, Bedrock's own client for what they mean.

mod chat;
mod control;
mod converse;
mod credentials;
mod faults;
mod provider;
mod question;
mod rules;
