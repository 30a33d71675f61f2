//! The stand-in's own interface, for tests and demonstrations: rules in, calls out.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::Standin;
use super::answer::{Body, whole};
use super::calls::CallLog;
use super::fault::parse_rules;

pub(super) const PREFIX: &str = "/_standin/";

pub(super) fn answer(method: &Method, path: &str, body: &[u8], standin: &Standin) -> Response<Body> {
    let Standin { faults, calls, vector_calls, .. } = standin;
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
        ("GET", "calls") => list(calls),
        ("DELETE", "calls") => forget(calls),
        ("GET", "vector-calls") => list(vector_calls),
        ("DELETE", "vector-calls") => forget(vector_calls),
        _ => {
            let message =
                "the stand-in knows PUT and DELETE of faults, GET and DELETE of calls and vector-calls";
            said(StatusCode::NOT_FOUND, json!({ "error": { "message": message } }).to_string())
        }
    }
}

fn list(calls: &CallLog) -> Response<Body> {
    said(StatusCode::OK, json!(calls.list()).to_string())
}

fn forget(calls: &CallLog) -> Response<Body> {
    calls.forget();
    done()
}

fn done() -> Response<Body> {
    said(StatusCode::NO_CONTENT, Bytes::new())
}

fn said(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    whole(status, "application/json", body)
}
