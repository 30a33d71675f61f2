//! From method, path and endpoint to what is asked for.

use bytes::Bytes;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::chat::{self, Chat};
use super::converse::Converse;
use super::credentials::Service;
use super::models::{Surface, mantle_ids};
use super::refusal::Refusal;
use super::wire::Wire;

pub(super) enum Route {
    /// A model is asked.
    Model(Box<dyn Wire>),
    /// The answer is always the same.
    Document(Value),
}

pub(super) fn route(method: &Method, path: &str, service: Service, body: &Bytes) -> Result<Route, Refusal> {
    let chat = |surface| Ok(Route::Model(Box::new(Chat::read(body, surface)?)));
    match (method.as_str(), path, service) {
        ("GET", "/v1/models", Service::Mantle) => Ok(Route::Document(chat::list(mantle_ids()))),
        ("POST", "/openai/v1/chat/completions", Service::Mantle) => chat(Surface::MantleGpt),
        ("POST", "/v1/chat/completions", Service::Mantle) => chat(Surface::MantleOpen),
        ("POST", "/openai/v1/chat/completions", Service::Runtime) => chat(Surface::RuntimeChat),
        (_, _, Service::Runtime) if path.starts_with("/v1/") => Ok(Route::Document(unknown_operation())),
        ("POST", _, Service::Runtime) => converse(path, body),
        _ => Err(not_found()),
    }
}

/// `/model/{id}/converse` and `/model/{id}/converse-stream`, the id percent-encoded.
fn converse(path: &str, body: &Bytes) -> Result<Route, Refusal> {
    let (id, operation) =
        path.strip_prefix("/model/").and_then(|rest| rest.split_once('/')).ok_or_else(not_found)?;
    let streamed = match operation {
        "converse" => false,
        "converse-stream" => true,
        _ => return Err(not_found()),
    };
    let id = percent_decode_str(id)
        .decode_utf8()
        .map_err(|_| Refusal::invalid("The provided model identifier is invalid."))?;
    Ok(Route::Model(Box::new(Converse::read(body, id.into_owned(), streamed)?)))
}

fn not_found() -> Refusal {
    Refusal {
        exception: Some("UnknownOperationException"),
        ..Refusal::new(StatusCode::NOT_FOUND, "There is no such operation.")
    }
}

/// What bedrock-runtime answers under `/v1/`, with status 200.
fn unknown_operation() -> Value {
    json!({
        "Output": { "__type": "com.amazon.coral.service#UnknownOperationException" },
        "Version": "1.0",
    })
}
