//! The answers that API Gateway gives itself: the API's own where it has one, else those of `DEFAULT_4XX` and
//! `DEFAULT_5XX`, else AWS's.

mod reason;

use std::collections::BTreeMap;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) use self::reason::Reason;
use super::call::Call;
use super::model::ModelError;
use super::source::{Source, in_context};
use crate::http::{Body, full};

const DEFAULT_TEMPLATE: &str = r#"{"message":$context.error.messageString}"#;
const JSON: &str = "application/json";

/// A request that API Gateway answers itself.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    /// What the authorizer said of the caller, for the templates.
    pub(super) caller: Map<String, Value>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, caller: Map::new() }
    }
}

/// A gateway response as the API's description has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GatewayResponseDocument {
    status_code: Option<Value>,
    #[serde(default)]
    response_parameters: BTreeMap<String, String>,
    #[serde(default)]
    response_templates: BTreeMap<String, String>,
}

pub(super) struct GatewayResponses(BTreeMap<String, GatewayResponse>);

#[derive(Default)]
struct GatewayResponse {
    status: Option<StatusCode>,
    headers: Vec<(HeaderName, Source)>,
    templates: BTreeMap<String, String>,
}

impl GatewayResponses {
    pub(super) fn parse(documents: &BTreeMap<String, GatewayResponseDocument>) -> Result<Self, ModelError> {
        let parsed = documents.iter().map(|(kind, document)| {
            let place = format!("gateway response {kind}");
            Ok((kind.clone(), GatewayResponse::parse(document, &place)?))
        });
        Ok(Self(parsed.collect::<Result<_, ModelError>>()?))
    }

    pub(super) fn render(&self, refusal: &Refusal, call: &Call, mut context: Value) -> Response<Body> {
        let reason = refusal.reason;
        let default_kind = if reason.status().is_client_error() { "DEFAULT_4XX" } else { "DEFAULT_5XX" };
        let kind = reason.kind().unwrap_or(default_kind);
        context["error"] = json!({
            "message": reason.message(),
            "messageString": json!(reason.message()).to_string(),
            "responseType": kind,
        });
        context["authorizer"] = Value::Object(refusal.caller.clone());

        let default = self.0.get(default_kind);
        let builtin = GatewayResponse::default();
        let chosen = self.0.get(kind).or(default).unwrap_or(&builtin);
        let default_status = default.and_then(|default| default.status);
        let (content_type, template) = chosen.template();
        let mut response = Response::new(full(substitute(template, &context)));
        *response.status_mut() = chosen.status.or(default_status).unwrap_or(reason.status());
        let headers = response.headers_mut();
        if let Ok(content_type) = HeaderValue::from_str(content_type) {
            headers.insert(CONTENT_TYPE, content_type);
        }
        headers.insert("x-amzn-errortype", HeaderValue::from_static(reason.error_type()));
        for (name, source) in &chosen.headers {
            let value = source.value(call, &context);
            // A header without a value, or with one that no header can have, is left out.
            if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(&value)) {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl GatewayResponse {
    fn parse(document: &GatewayResponseDocument, place: &str) -> Result<Self, ModelError> {
        let unsupported = |what: String| ModelError::unsupported(place, what);
        let status = document.status_code.as_ref().map(|status| {
            let text = status.as_str().map_or_else(|| status.to_string(), str::to_owned);
            let parsed = text.parse::<StatusCode>();
            parsed.map_err(|_| unsupported(format!("the status {status}")))
        });
        let headers = document.response_parameters.iter().map(|(target, expression)| {
            let name = target.strip_prefix("gatewayresponse.header.");
            let name = name.and_then(|name| name.parse::<HeaderName>().ok());
            let name = name.ok_or_else(|| unsupported(format!("the parameter {target}")))?;
            let source = Source::parse(expression);
            let source = source.ok_or_else(|| unsupported(format!("the value {expression}")))?;
            Ok((name, source))
        });
        Ok(Self {
            status: status.transpose()?,
            headers: headers.collect::<Result<_, ModelError>>()?,
            templates: document.response_templates.clone(),
        })
    }

    fn template(&self) -> (&str, &str) {
        let json = self.templates.get_key_value(JSON);
        match json.or_else(|| self.templates.first_key_value()) {
            Some((content_type, template)) => (content_type, template),
            None => (JSON, DEFAULT_TEMPLATE),
        }
    }
}

/// Puts values in the place of `$context.…`; nothing is evaluated, nothing escaped, and what is missing leaves nothing.
fn substitute(template: &str, context: &Value) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("$context.") {
        text.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
        // A full stop at the end belongs to the sentence.
        let name = after[..end].trim_end_matches('.');
        text.push_str(&in_context(context, name).unwrap_or_default());
        rest = &after[name.len()..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_values_in_their_places() {
        let context = json!({"requestId": "r-1", "authorizer": {"a-b": "x"}, "n": 7});

        let text = substitute("$context.requestId: $context.authorizer.a-b$context.n.", &context);

        assert_eq!(text, "r-1: x7.");
    }

    #[test]
    fn leaves_nothing_for_what_is_missing_and_the_rest_as_it_is() {
        let text = substitute("[$context.authorizer.code] $5 $context", &json!({}));

        assert_eq!(text, "[] $5 $context");
    }

    #[test]
    fn refuses_what_it_cannot_render() {
        let cases = [
            json!({"statusCode": "many"}),
            json!({"responseParameters": {"gatewayresponse.body": "'x'"}}),
            json!({"responseParameters": {"gatewayresponse.header.X": "x"}}),
        ];

        for case in cases {
            let document = serde_json::from_value(case.clone()).unwrap();
            assert!(GatewayResponse::parse(&document, "here").is_err(), "{case}");
        }
    }
}
