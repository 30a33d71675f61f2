//! What leaves and what comes back, in every form in which it can.

mod classes;
mod laws;
mod requests;
mod streams;

use super::{Redact, Redacted, redact};
use crate::catalogue::{Catalogue, Target};
use crate::dialect::Dialect;
use crate::request::Request;

/// A target outside of AWS.
fn outside() -> Target {
    let catalogue: Catalogue =
        serde_json::from_str(include_str!("../../../../config/catalogue.json")).unwrap();
    catalogue.targets["openai/gpt-5.5"].clone()
}

fn request(dialect: Dialect, body: &serde_json::Value) -> Request {
    Request::parse(dialect, body.to_string().as_bytes()).unwrap()
}

/// The request as it leaves, with these names found in it.
fn redacted(dialect: Dialect, body: &serde_json::Value, names: &[&str]) -> Redacted {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    redact(&request(dialect, body), (&outside(), &Redact::default()), &names).unwrap()
}

/// What leaves.
fn left(redacted: &Redacted) -> serde_json::Value {
    serde_json::to_value(redacted.request.body()).unwrap()
}
