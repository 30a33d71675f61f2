//! From method, path and endpoint to what is asked for.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use super::chat::Chat;
use super::converse::Converse;
use super::credentials::{Caller, Service};
use super::embeddings;
use super::guardrail;
use super::invoke;
use super::models::{Surface, mantle_ids, openai_ids};
use super::refusal::Refusal;
use super::responses::{Drawer, Responses, Store};
use super::wire::Wire;

pub(super) enum Route {
    /// A model is asked.
    Model(Box<dyn Wire>),
    /// The answer is always the same.
    Document(Value),
}

impl Route {
    fn to(wire: impl Wire + 'static) -> Self {
        Self::Model(Box::new(wire))
    }
}

pub(super) fn route(
    parts: &Parts,
    caller: &Caller,
    body: &Bytes,
    store: &Arc<Store>,
) -> Result<Route, Refusal> {
    let (method, path) = (&parts.method, parts.uri.path());
    let service = caller.service(path, &model_of(body));
    let chat = |surface| Ok(Route::to(Chat::read(body, surface)?));
    let responses = |surface| {
        let drawer = Drawer::new(store, service, caller.region());
        Ok(Route::to(Responses::read(body, surface, drawer)?))
    };
    match (method.as_str(), path, service) {
        ("POST", "/openai/v1/chat/completions", Service::Mantle) => chat(Surface::MantleGpt),
        ("POST", "/v1/chat/completions", Service::Mantle) => chat(Surface::MantleOpen),
        ("POST", "/openai/v1/chat/completions", Service::Runtime) => chat(Surface::RuntimeChat),
        ("POST", "/v1/chat/completions", Service::OpenAi) => chat(Surface::OpenAi),
        ("POST", "/compatible/v1/chat/completions", _) => chat(Surface::Compatible),
        ("POST", "/openai/v1/responses", Service::Mantle) => responses(Surface::MantleGpt),
        ("POST", "/v1/responses", Service::Mantle) => responses(Surface::MantleOpen),
        ("POST", "/openai/v1/responses", Service::Runtime) => responses(Surface::RuntimeChat),
        ("POST", "/v1/responses", Service::OpenAi) => responses(Surface::OpenAi),
        ("POST", "/v1/embeddings", Service::OpenAi) => Ok(Route::to(embeddings::OpenAi::read(body, false)?)),
        ("POST", "/compatible/v1/embeddings", _) => Ok(Route::to(embeddings::OpenAi::read(body, true)?)),
        ("GET", _, Service::Mantle) => models(path, "/v1/models", &mantle_ids()),
        ("GET", _, Service::OpenAi) => models(path, "/v1/models", &openai_ids()),
        ("GET", _, Service::Compatible) => models(path, "/compatible/v1/models", &["on-premises"]),
        (_, _, Service::Runtime) if path.starts_with("/v1/") => Ok(Route::Document(unknown_operation())),
        ("POST", path, Service::Runtime) if guardrail::is_apply(path) => {
            Ok(Route::Document(guardrail::apply(body)?))
        }
        (_, _, Service::Runtime) if *method == Method::POST => native(parts, path, body),
        _ => Err(not_found()),
    }
}

/// The model that an OpenAI body names, as far as it can be read.
fn model_of(body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    struct Named {
        #[serde(default)]
        model: String,
    }
    serde_json::from_slice::<Named>(body).unwrap_or_default().model
}

/// The list of models, or one of it.
fn models(path: &str, list: &str, ids: &[&str]) -> Result<Route, Refusal> {
    let entry =
        |id: &str| json!({ "id": id, "object": "model", "created": 1_780_272_000, "owned_by": "openai" });
    if path == list {
        let data: Vec<_> = ids.iter().map(|id| entry(id)).collect();
        return Ok(Route::Document(json!({ "object": "list", "data": data })));
    }
    let id = path.strip_prefix(list).and_then(|rest| rest.strip_prefix('/')).ok_or_else(not_found)?;
    match ids.contains(&id) {
        true => Ok(Route::Document(entry(id))),
        false => Err(Refusal::unknown_model(id)),
    }
}

/// `/model/{id}/{operation}`, the id percent-encoded.
fn native(parts: &Parts, path: &str, body: &Bytes) -> Result<Route, Refusal> {
    let (id, operation) =
        path.strip_prefix("/model/").and_then(|rest| rest.split_once('/')).ok_or_else(not_found)?;
    let id = percent_decode_str(id)
        .decode_utf8()
        .map_err(|_| Refusal::invalid("The provided model identifier is invalid."))?
        .into_owned();
    match operation {
        "converse" => Ok(Route::to(Converse::read(body, id, false)?)),
        "converse-stream" => Ok(Route::to(Converse::read(body, id, true)?)),
        "invoke" => Ok(Route::Model(invoke::read(parts, body, id, false)?)),
        "invoke-with-response-stream" => Ok(Route::Model(invoke::read(parts, body, id, true)?)),
        _ => Err(not_found()),
    }
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
