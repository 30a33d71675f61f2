//! The Extensions API, for internal extensions: those that live in the runtime's own process.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use super::{RuntimeApi, refuse};
use crate::http::{Body, full, json as respond};

const IDENTIFIER: &str = "lambda-extension-identifier";
const MAX_REGISTRATION_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

impl RuntimeApi {
    pub(super) async fn extension(&self, path: &[&str], request: Request<Incoming>) -> Response<Body> {
        if (request.method(), path) == (&Method::POST, &["register"]) {
            return self.register(request).await;
        }
        let id = request.headers().get(IDENTIFIER);
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        if !self.board.is_registered(&id) {
            let message = "the extension is not registered";
            return refuse(StatusCode::FORBIDDEN, "Extension.UnknownExtensionIdentifier", message);
        }
        match (request.method(), path) {
            (&Method::GET, ["event", "next"]) => json_bytes(self.board.next_event(&id).await),
            (&Method::POST, ["init" | "exit", "error"]) => self.give_up(request).await,
            _ => refuse(StatusCode::NOT_FOUND, "InvalidPath", "there is no such path"),
        }
    }

    async fn register(&self, request: Request<Incoming>) -> Response<Body> {
        let body = Limited::new(request.into_body(), MAX_REGISTRATION_BYTES).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let Ok(registration) = serde_json::from_slice::<Registration>(&body) else {
            let message = "the registration could not be read";
            return refuse(StatusCode::BAD_REQUEST, "InvalidRequestFormat", message);
        };
        // Lambda sends SHUTDOWN to external extensions only, and refuses it here.
        if registration.events.iter().any(|event| event != "INVOKE") {
            let message = "an internal extension may register for INVOKE only";
            return refuse(StatusCode::FORBIDDEN, "Extension.InvalidEventType", message);
        }
        let Some(id) = self.board.register(!registration.events.is_empty()) else {
            let message = "the environment is initialised";
            return refuse(StatusCode::FORBIDDEN, "Extension.RegistrationClosed", message);
        };
        let mut response = respond(
            StatusCode::OK,
            &json!({
                "functionName": self.function_name,
                "functionVersion": "$LATEST",
                "handler": "bootstrap",
                "accountId": self.function_arn.split(':').nth(4),
            }),
        );
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(IDENTIFIER, id);
        }
        response
    }
}

fn json_bytes(event: Bytes) -> Response<Body> {
    let mut response = Response::new(full(event));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
