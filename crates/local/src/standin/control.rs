//! The stand-in's own interface, for tests and demonstrations: rules in, calls out.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::answer::{Body, whole};
use super::calls::CallLog;
use super::fault::{FaultBook, parse_rules};

pub(super) const PREFIX: &str = "/_standin/";

pub(super) fn answer(
    method: &Method,
    path: &str,
    body: &[u8],
    faults: &FaultBook,
    calls: &CallLog,
) -> Response<Body> {
    match (method.as_str(), path.strip_prefix(PREFIX).unwrap_or_default()) {
        ("PUT", "faults") => match parse_rules(body) {
            Ok(rules) => {
                faults.replace(rules);
                done()
            }
            Err(invalid) => {
                let error = json!({ "field": invalid.field, "message": invalid.problem });
                said(StatusCode::BAD_REQUEST, json!({ "error": error }).to_string())
            }
        },
        ("DELETE", "faults") => {
            faults.replace(Vec::new());
            done()
        }
        ("GET", "calls") => said(StatusCode::OK, json!(calls.list()).to_string()),
        ("DELETE", "calls") => {
            calls.forget();
            done()
        }
        _ => {
            let message = "the stand-in knows PUT and DELETE of faults, GET and DELETE of calls";
            said(StatusCode::NOT_FOUND, json!({ "error": { "message": message } }).to_string())
        }
    }
}

fn done() -> Response<Body> {
    said(StatusCode::NO_CONTENT, Bytes::new())
}

fn said(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    whole(status, "application/json", body)
}
