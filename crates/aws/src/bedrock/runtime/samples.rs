//! Calls of `bedrock-runtime` for tests, and answers in AWS's event-stream encoding.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tollgate_core::catalogue::Target;
use tollgate_core::identity::Identity;
use tollgate_core::model::{Call, ModelError, Payload, Reply, Said};
use tollgate_core::settings::Tenant;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(in crate::bedrock) const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What a call refers to.
pub(in crate::bedrock) struct Sample {
    target: Target,
    tenant: Tenant,
    payload: Payload,
    stream: bool,
}

impl Sample {
    pub(in crate::bedrock) fn new(model_id: &str, wire: &Value, stream: bool) -> Self {
        let target = json!({
            "provider": "bedrock", "model_id": model_id, "region": "eu-west-2", "wire": wire,
            "context_tokens": 1_000, "max_output_tokens": 100, "max_image_tokens": 0
        });
        Self {
            target: serde_json::from_value(target).unwrap(),
            tenant: Tenant::default(),
            payload: Payload::Invoke(Vec::new()),
            stream,
        }
    }

    pub(in crate::bedrock) fn call(&self, timeout: Duration) -> Call<'_> {
        Call {
            request_id: "r-1",
            target: &self.target,
            payload: &self.payload,
            stream: self.stream,
            identity: Identity { user: "alice", team: "search", tenant_id: "acme", tenant: &self.tenant },
            traceparent: TRACE,
            timeout,
        }
    }
}

pub(in crate::bedrock) fn config(url: &str) -> SdkConfig {
    let own = Credentials::new("own", "own", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(own))
        .endpoint_url(url)
        .build()
}

pub(in crate::bedrock) fn assumed() -> Credentials {
    Credentials::new("ASIAASSUMED", "secret", Some("session".to_owned()), None, "test")
}

/// A server with one answer to all calls of one operation.
pub(in crate::bedrock) async fn serve(url_path: &str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path(url_path)).respond_with(answer).mount(&server).await;
    server
}

/// An error as Bedrock sends it instead of an answer.
pub(in crate::bedrock) fn refusal(status: u16, kind: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("x-amzn-errortype", kind)
        .set_body_json(json!({ "message": message }))
}

/// A stream of frames, however many bytes of them come.
pub(in crate::bedrock) fn stream(bytes: Vec<u8>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(bytes, "application/vnd.amazon.eventstream")
}

/// One event of a stream.
pub(in crate::bedrock) fn event(kind: &str, payload: &Value) -> Vec<u8> {
    frame("event", ":event-type", kind, payload)
}

/// An error in the middle of a stream.
pub(in crate::bedrock) fn exception(kind: &str) -> Vec<u8> {
    frame("exception", ":exception-type", kind, &json!({"message": "no", "originalStatusCode": 400}))
}

fn frame(message_type: &str, type_header: &'static str, kind: &str, payload: &Value) -> Vec<u8> {
    let header =
        |name: &'static str, value: &str| Header::new(name, HeaderValue::String(value.to_owned().into()));
    let headers = vec![
        header(type_header, kind),
        header(":content-type", "application/json"),
        header(":message-type", message_type),
    ];
    let mut bytes = Vec::new();
    write_message_to(&Message::new_from_parts(headers, payload.to_string()), &mut bytes).unwrap();
    bytes
}

/// All that comes of a stream.
pub(in crate::bedrock) async fn drain(reply: Reply) -> Vec<Result<Said, ModelError>> {
    match reply {
        Reply::Stream(pieces) => pieces.collect().await,
        Reply::Whole(_) => panic!("no stream"),
    }
}
