//! The stand-in over its wires: plain HTTP for what the bytes say, Bedrock's own client for what they mean.

mod catalogue;
mod chat;
mod chat_features;
mod control;
mod converse;
mod converse_features;
mod credentials;
mod faults;
mod invoke;
mod openai;
mod provider;
mod question;
mod responses;
mod rules;
mod vectors;
