//! The API as its `OpenAPI` body describes it. What is not served here is refused when it is read, not when it is called.

mod document;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use thiserror::Error;

use self::document::Document;
use super::call::Call;
use super::event::EncodedBody;
use super::gateway_response::GatewayResponses;
use super::path::PathPattern;
use super::source::Source;

/// Why an API's description cannot be served.
#[derive(Debug, Error)]
pub enum ModelError {
    #[error("it cannot be read")]
    Unreadable(#[from] serde_path_to_error::Error<serde_json::Error>),
    #[error("{place}: {what} is not served here")]
    Unsupported { place: String, what: String },
}

impl ModelError {
    pub(super) fn unsupported(place: &str, what: impl Into<String>) -> Self {
        Self::Unsupported { place: place.to_owned(), what: what.into() }
    }
}

pub(super) struct ApiModel {
    /// In the order of preference.
    resources: Vec<Resource>,
    pub(super) gateway_responses: GatewayResponses,
    binary_media_types: Vec<String>,
}

pub(super) struct Resource {
    pub(super) path: PathPattern,
    methods: BTreeMap<String, Endpoint>,
}

pub(super) struct Endpoint {
    pub(super) authorizer: Option<Authorizer>,
    pub(super) needs_api_key: bool,
    pub(super) function: String,
    pub(super) mode: TransferMode,
    pub(super) timeout: Duration,
}

#[derive(Clone)]
pub(super) struct Authorizer {
    pub(super) function: String,
    pub(super) identity: Vec<Source>,
}

/// How a function's answer is read and passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferMode {
    Buffered,
    Stream,
}

impl ApiModel {
    pub(super) fn parse(openapi: &Value) -> Result<Self, ModelError> {
        let document: Document = serde_path_to_error::deserialize(openapi)?;
        Ok(Self {
            resources: document.resources()?,
            gateway_responses: GatewayResponses::parse(&document.gateway_responses)?,
            binary_media_types: document.binary_media_types,
        })
    }

    /// The resource that the path means, and the path's parameters.
    pub(super) fn resource(&self, path: &str) -> Option<(&Resource, BTreeMap<String, String>)> {
        let matched = |resource| Some((resource, Resource::matches(resource, path)?));
        self.resources.iter().find_map(matched)
    }

    /// The names by which integrations and authorizers call their functions.
    pub(super) fn functions(&self) -> impl Iterator<Item = &str> {
        let endpoints = self.resources.iter().flat_map(|r| r.methods.values());
        endpoints.flat_map(|endpoint| {
            let authorizer = endpoint.authorizer.as_ref().map(|a| a.function.as_str());
            authorizer.into_iter().chain([endpoint.function.as_str()])
        })
    }

    /// Text, unless the API takes the body's type for binary.
    pub(super) fn encode(&self, call: &Call, body: &Bytes) -> EncodedBody {
        let content_type = call.header("content-type").unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let is_meant = |binary: &String| binary == "*/*" || binary.eq_ignore_ascii_case(media_type);
        let is_base64 = self.binary_media_types.iter().any(is_meant);
        let text = if is_base64 { STANDARD.encode(body) } else { String::from_utf8_lossy(body).into_owned() };
        EncodedBody { text: (!body.is_empty()).then_some(text), is_base64 }
    }
}

impl Resource {
    pub(super) fn endpoint(&self, method: &Method) -> Option<&Endpoint> {
        let exact = self.methods.get(&method.as_str().to_ascii_lowercase());
        exact.or_else(|| self.methods.get(document::ANY_METHOD))
    }

    fn matches(&self, path: &str) -> Option<BTreeMap<String, String>> {
        self.path.matches(path)
    }
}

#[cfg(test)]
mod tests;
