//! The parts of an `OpenAPI` body, 2.0 or 3.0, that API Gateway acts on, as the SAM translator writes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Authorizer, Endpoint, ModelError, Resource, TransferMode};
use crate::front_door::gateway_response::GatewayResponseDocument;
use crate::front_door::path::PathPattern;
use crate::front_door::source::Source;

pub(super) const ANY_METHOD: &str = "x-amazon-apigateway-any-method";

/// An integration without a time of its own has this one, streams included.
const DEFAULT_TIMEOUT_MS: u64 = 29_000;

#[derive(Deserialize)]
pub(super) struct Document {
    paths: BTreeMap<String, BTreeMap<String, Operation>>,
    #[serde(default)]
    security: Vec<Requirement>,
    #[serde(default, rename = "securityDefinitions")]
    security_definitions: BTreeMap<String, Scheme>,
    #[serde(default)]
    components: Components,
    #[serde(default, rename = "x-amazon-apigateway-gateway-responses")]
    pub(super) gateway_responses: BTreeMap<String, GatewayResponseDocument>,
    #[serde(default, rename = "x-amazon-apigateway-binary-media-types")]
    pub(super) binary_media_types: Vec<String>,
}

type Requirement = BTreeMap<String, IgnoredAny>;

#[derive(Default, Deserialize)]
struct Components {
    #[serde(default, rename = "securitySchemes")]
    security_schemes: BTreeMap<String, Scheme>,
}

#[derive(Deserialize)]
struct Operation {
    #[serde(rename = "x-amazon-apigateway-integration")]
    integration: Integration,
    security: Option<Vec<Requirement>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Integration {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    uri: String,
    response_transfer_mode: Option<String>,
    timeout_in_millis: Option<u64>,
}

#[derive(Deserialize)]
struct Scheme {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    #[serde(rename = "x-amazon-apigateway-authorizer")]
    authorizer: Option<AuthorizerDocument>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizerDocument {
    #[serde(rename = "type")]
    kind: String,
    authorizer_uri: String,
    #[serde(default)]
    identity_source: String,
    authorizer_result_ttl_in_seconds: Option<u64>,
}

impl Document {
    /// In the order of preference.
    pub(super) fn resources(&self) -> Result<Vec<Resource>, ModelError> {
        let mut resources = Vec::new();
        for (path, operations) in &self.paths {
            let mut methods = BTreeMap::new();
            for (method, operation) in operations {
                let place = format!("{method} {path}");
                methods.insert(method.clone(), self.endpoint(operation, &place)?);
            }
            resources.push(Resource { path: PathPattern::parse(path), methods });
        }
        resources.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(resources)
    }

    fn endpoint(&self, operation: &Operation, place: &str) -> Result<Endpoint, ModelError> {
        let integration = &operation.integration;
        if !integration.kind.eq_ignore_ascii_case("aws_proxy") {
            let what = format!("an integration of type {}", integration.kind);
            return Err(ModelError::unsupported(place, what));
        }
        let mode = match integration.response_transfer_mode.as_deref() {
            None | Some("BUFFERED") => TransferMode::Buffered,
            Some("STREAM") => TransferMode::Stream,
            Some(other) => {
                let what = format!("the response transfer mode {other}");
                return Err(ModelError::unsupported(place, what));
            }
        };
        let timeout_ms = integration.timeout_in_millis.unwrap_or(DEFAULT_TIMEOUT_MS);
        let security = operation.security.as_ref().unwrap_or(&self.security);
        Ok(Endpoint {
            authorizer: self.authorizer(security, place)?,
            needs_api_key: security.iter().flat_map(BTreeMap::keys).any(|name| self.is_api_key(name)),
            function: function_of(&integration.uri, place)?,
            mode,
            timeout: Duration::from_millis(timeout_ms),
        })
    }

    fn scheme(&self, name: &str) -> Option<&Scheme> {
        let defined = self.security_definitions.get(name);
        defined.or_else(|| self.components.security_schemes.get(name))
    }

    /// Whether a method that asks for this scheme needs an API key, whose source is always the authorizer here.
    fn is_api_key(&self, name: &str) -> bool {
        self.scheme(name).is_some_and(|scheme| {
            scheme.authorizer.is_none()
                && scheme.kind.as_deref() == Some("apiKey")
                && scheme.name.as_ref().is_some_and(|header| header.eq_ignore_ascii_case("x-api-key"))
        })
    }

    /// SAM writes `NONE` for a method that wants no authorizer.
    fn authorizer(&self, security: &[Requirement], place: &str) -> Result<Option<Authorizer>, ModelError> {
        let names = security.iter().flat_map(BTreeMap::keys);
        let is_authorizer = |name: &&str| *name != "NONE" && !self.is_api_key(name);
        let names: Vec<&str> = names.map(String::as_str).filter(is_authorizer).collect();
        let name = match names.as_slice() {
            [] => return Ok(None),
            [name] => *name,
            _ => return Err(ModelError::unsupported(place, "more than one authorizer")),
        };
        let unsupported = |what: String| ModelError::unsupported(place, what);
        let authorizer = self.scheme(name).and_then(|scheme| scheme.authorizer.as_ref());
        let authorizer =
            authorizer.ok_or_else(|| unsupported(format!("{name}, which is no Lambda authorizer,")))?;
        if authorizer.kind != "request" {
            return Err(unsupported(format!("an authorizer of type {}", authorizer.kind)));
        }
        if authorizer.authorizer_result_ttl_in_seconds != Some(0) {
            return Err(unsupported("an authorizer whose results are kept".to_owned()));
        }
        let sources = authorizer.identity_source.split(',').map(str::trim);
        let sources = sources.filter(|source| !source.is_empty());
        let identity = sources.map(|source| {
            Source::parse(source).ok_or_else(|| unsupported(format!("the identity source {source}")))
        });
        Ok(Some(Authorizer {
            function: function_of(&authorizer.authorizer_uri, place)?,
            identity: identity.collect::<Result<_, _>>()?,
        }))
    }
}

/// `…:lambda:path/2015-03-31/functions/<ARN, name or logical id>/invocations`
fn function_of(uri: &str, place: &str) -> Result<String, ModelError> {
    let name = uri.split_once("/functions/").and_then(|(_, rest)| rest.split_once('/'));
    let Some((name, _)) = name else {
        return Err(ModelError::unsupported(place, format!("the integration {uri:?}")));
    };
    let reference = name.strip_prefix("${").and_then(|name| name.strip_suffix(".Arn}"));
    Ok(reference.unwrap_or(name).to_owned())
}
