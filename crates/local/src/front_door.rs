//! API Gateway's part in the local stack: a REST API as the template describes it, in front of local functions.
//!
//! A body that is streamed is passed on as it is made; a client that leaves stops no function; and an answer that breaks
//! after its head is cut, never ended.

mod answer;
mod authorizer;
mod call;
mod event;
mod gateway_response;
mod model;
mod path;
mod policy;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::Instant;

use self::answer::respond;
use self::call::Call;
use self::gateway_response::{Reason, Refusal};
pub use self::model::ModelError;
use self::model::{ApiModel, Endpoint};
use crate::function::{Function, InvokeError};
use crate::http::Body;

/// API Gateway refuses a larger request.
const MAX_REQUEST_BYTES: usize = 10 * 1024 * 1024;

/// What is read of a larger one before its connection is cut.
const MAX_DRAINED_BYTES: usize = 64 * 1024 * 1024;

/// Which deployment of which API this is.
#[derive(Clone, Debug)]
pub struct Stage {
    pub api_id: String,
    pub name: String,
    pub region: String,
    pub account_id: String,
    /// The values of the API keys that belong to a usage plan of it.
    pub api_keys: BTreeSet<String>,
}

/// Why an API cannot be served.
#[derive(Debug, Error)]
pub enum FrontDoorError {
    #[error("the API's description cannot be served")]
    Model(#[from] ModelError),
    #[error("the API names the function {0}, which there is not")]
    UnknownFunction(String),
}

/// A REST API with its functions.
pub struct FrontDoor {
    stage: Stage,
    api: ApiModel,
    functions: BTreeMap<String, Arc<Function>>,
}

impl FrontDoor {
    /// Takes the processed `OpenAPI` body of the REST API, whose integrations name their functions by ARN, by name or
    /// by logical id, and the functions by logical id.
    pub fn new(
        openapi: &Value,
        stage: Stage,
        functions: BTreeMap<String, Arc<Function>>,
    ) -> Result<Self, FrontDoorError> {
        let api = ApiModel::parse(openapi)?;
        let door = Self { stage, api, functions };
        for name in door.api.functions() {
            door.function(name).ok_or_else(|| FrontDoorError::UnknownFunction(name.to_owned()))?;
        }
        Ok(door)
    }

    /// Serves until this future is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        crate::http::serve(listener, move |request, peer| {
            let door = Arc::clone(&self);
            async move { door.answer(request, peer).await }
        })
        .await;
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let mut call = Call::new(parts, peer, &self.stage);
        let mut response = match self.handle(&mut call, body).await {
            Ok(response) => response,
            Err(refusal) => {
                let context = event::context(&call, &self.stage);
                self.api.gateway_responses.render(&refusal, &call, context)
            }
        };
        if let Ok(id) = HeaderValue::from_str(&call.request_id) {
            response.headers_mut().insert("x-amzn-requestid", id);
        }
        response
    }

    async fn handle(&self, call: &mut Call, body: Incoming) -> Result<Response<Body>, Refusal> {
        let endpoint = self.find(call)?;
        let body = read(body).await?;
        let caller = self.authorize(endpoint, call).await?;
        self.integrate(endpoint, call, caller, &body).await
    }

    fn find(&self, call: &mut Call) -> Result<&Endpoint, Refusal> {
        let reason = match call.header("authorization") {
            Some(_) => Reason::InvalidSignature,
            None => Reason::MissingAuthenticationToken,
        };
        let missing = || Refusal::from(reason);
        let (resource, parameters) = self.api.resource(&call.path).ok_or_else(missing)?;
        call.resource = resource.path.to_string();
        call.path_parameters = parameters;
        resource.endpoint(&call.method).ok_or_else(missing)
    }

    /// What the authorizer says of the caller; none where the method asks for no authorizer.
    async fn authorize(
        &self,
        endpoint: &Endpoint,
        call: &Call,
    ) -> Result<Option<Map<String, Value>>, Refusal> {
        let Some(authorizer) = &endpoint.authorizer else {
            // The source of keys is the authorizer: without one there is no key.
            return if endpoint.needs_api_key { Err(Reason::InvalidApiKey.into()) } else { Ok(None) };
        };
        let context = event::context(call, &self.stage);
        if !authorizer.identity.iter().all(|source| source.is_present(call, &context)) {
            return Err(Reason::Unauthorized.into());
        }
        let method_arn = call.method_arn(&self.stage);
        let question = event::authorizer(call, &self.stage, &method_arn);
        let function = self.known(&authorizer.function);
        let authorized = authorizer::ask(function, question, &method_arn).await?;
        let has_key = authorized.usage_key.is_some_and(|key| self.stage.api_keys.contains(&key));
        if endpoint.needs_api_key && !has_key {
            return Err(Refusal { reason: Reason::InvalidApiKey, caller: authorized.caller });
        }
        Ok(Some(authorized.caller))
    }

    async fn integrate(
        &self,
        endpoint: &Endpoint,
        call: &Call,
        caller: Option<Map<String, Value>>,
        body: &Bytes,
    ) -> Result<Response<Body>, Refusal> {
        let event = event::proxy(call, &self.stage, caller, self.api.encode(call, body));
        let deadline = Instant::now() + endpoint.timeout;
        let function = self.known(&endpoint.function);
        let answered = tokio::time::timeout_at(deadline, async {
            let answer = function.invoke(event.to_string().into()).await?;
            respond(answer, endpoint.mode, deadline).await
        });
        match answered.await {
            Ok(response) => response,
            Err(_) => Err(Reason::IntegrationTimeout.into()),
        }
    }

    fn known(&self, name: &str) -> &Function {
        self.function(name).expect("every function that the API names was looked up when it was read")
    }

    fn function(&self, name: &str) -> Option<&Function> {
        let is_meant = |f: &&Arc<Function>| f.spec().arn == name || f.spec().name == name;
        let by_id = self.functions.get(name);
        by_id.or_else(|| self.functions.values().find(is_meant)).map(AsRef::as_ref)
    }
}

/// Reads a body. One that is too large is read to its end all the same, because a client that is still writing does not
/// see what it is answered.
async fn read(mut body: Incoming) -> Result<Bytes, Refusal> {
    let (mut bytes, mut length) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        // The connection is broken, so nobody will read this.
        let frame = frame.map_err(|_| Reason::BadGateway)?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > MAX_DRAINED_BYTES {
            break;
        }
        if length <= MAX_REQUEST_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if length > MAX_REQUEST_BYTES { Err(Reason::RequestTooLarge.into()) } else { Ok(bytes.freeze()) }
}

impl From<InvokeError> for Refusal {
    fn from(error: InvokeError) -> Self {
        let reason = match &error {
            InvokeError::EventTooLarge => Reason::RequestTooLarge,
            InvokeError::Throttled => Reason::InternalError,
            InvokeError::Function(_) => Reason::BadGateway,
            InvokeError::Unavailable(_) | InvokeError::Closed => Reason::IntegrationFailure,
        };
        tracing::warn!(error = &error as &dyn std::error::Error, "an integration failed");
        reason.into()
    }
}
