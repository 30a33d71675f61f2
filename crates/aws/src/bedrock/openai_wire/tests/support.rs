//! Calls, and providers that answer them.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::{Value, json};
use tollgate_core::catalogue::Target;
use tollgate_core::dialect::Dialect;
use tollgate_core::identity::Identity;
use tollgate_core::settings::Tenant;
use wiremock::matchers::{body_partial_json, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::bedrock::broken_servers;
pub(super) use crate::bedrock::broken_servers::{PATIENCE, Then, keep_alive, nowhere, serve_once};
use crate::secrets::Secrets;

pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(super) const ANSWER: &str = r#"{"id":"c","choices":[{"message":{"content":"because"}}]}"#;
pub(super) const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A call and everything that it refers to. The target's host is where the call goes: no stand-in unless there is one.
pub(super) struct Sample {
    pub(super) target: Target,
    pub(super) payload: Payload,
    pub(super) stream: bool,
    pub(super) timeout: Duration,
    pub(super) stand_in: Option<String>,
    pub(super) allow_private: bool,
    pub(super) session_token: Option<String>,
    /// Where Secrets Manager is.
    pub(super) vault: String,
    pub(super) tenant: Tenant,
}

impl Sample {
    pub(super) fn new(host: &str, auth: &Value) -> Self {
        let target = json!({
            "provider": "bedrock", "model_id": "openai.gpt-5.5", "region": "eu-west-2",
            "wire": {"kind": "openai", "host": host, "path_prefix": "/openai/v1", "dialects": ["chat"], "auth": auth},
            "context_tokens": 1_000, "max_output_tokens": 100, "max_image_tokens": 0
        });
        let body = Bytes::from_static(br#"{"model": "openai.gpt-5.5", "odd":  {"b":1,"a":0.30}}"#);
        Self {
            target: serde_json::from_value(target).unwrap(),
            payload: Payload::Openai { dialect: Dialect::Chat, body },
            stream: false,
            timeout: PATIENCE,
            stand_in: None,
            allow_private: true,
            session_token: None,
            vault: nowhere(),
            tenant: Tenant::default(),
        }
    }

    pub(super) fn signed(host: &str) -> Self {
        Self::new(host, &json!({"kind": "sigv4", "signing_name": "bedrock-mantle"}))
    }

    pub(super) fn with_key(host: &str, vault: &str) -> Self {
        let sample = Self::new(host, &json!({"kind": "bearer", "secret": "openai-key"}));
        Self { vault: vault.to_owned(), ..sample }
    }

    pub(super) fn anonymous(host: &str) -> Self {
        Self::new(host, &json!({"kind": "none"}))
    }

    pub(super) fn speaking(self, dialect: Dialect) -> Self {
        let Payload::Openai { body, .. } = self.payload else { panic!("another wire") };
        Self { payload: Payload::Openai { dialect, body }, ..self }
    }

    pub(super) fn wire(&self) -> OpenaiWire {
        let keys = ApiKeys::new(Secrets::new(&sdk(&self.vault, None)));
        OpenaiWire::new(self.stand_in.clone(), keys, self.allow_private).unwrap()
    }

    pub(super) async fn ask(&self) -> Result<Reply, ModelError> {
        self.ask_over(&self.wire()).await
    }

    pub(super) async fn ask_over(&self, wire: &OpenaiWire) -> Result<Reply, ModelError> {
        let credentials = CallCredentials::new(&sdk(&self.vault, self.session_token.clone())).unwrap();
        self.ask_as(wire, &credentials).await
    }

    pub(super) async fn ask_as(
        &self,
        wire: &OpenaiWire,
        credentials: &CallCredentials,
    ) -> Result<Reply, ModelError> {
        wire.call(&self.call(), credentials).await
    }

    /// One request with a key, while `start_by` says whether another may leave.
    pub(super) async fn send_with_key(
        &self,
        wire: &OpenaiWire,
        url: &str,
        start_by: Instant,
    ) -> Result<Response, ModelError> {
        let (call, end) = (self.call(), Instant::now() + self.timeout);
        let body = Bytes::from_static(b"{}");
        let request = unsigned(url, &body, false).unwrap();
        let errand = Errand { call: &call, request, reach: Reach::Anywhere, end, start_by };
        wire.send_with_key(&errand, "openai-key").await
    }

    fn call(&self) -> Call<'_> {
        Call {
            request_id: "r-1",
            target: &self.target,
            payload: &self.payload,
            stream: self.stream,
            identity: Identity { user: "alice", team: "search", tenant_id: "acme", tenant: &self.tenant },
            traceparent: TRACE,
            timeout: self.timeout,
        }
    }
}

/// An SDK whose services are all at `endpoint`.
pub(super) fn sdk(endpoint: &str, session_token: Option<String>) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, session_token, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-2"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// A Secrets Manager in which `openai-key` has these texts, one a fetch, the last for good.
pub(super) async fn vault(texts: &[&str]) -> MockServer {
    let server = MockServer::start().await;
    for (index, text) in texts.iter().enumerate() {
        let secret = json!({"Name": "openai-key", "SecretString": text}).to_string();
        let response = ResponseTemplate::new(200).set_body_raw(secret, "application/x-amz-json-1.1");
        let fetch = Mock::given(method("POST"))
            .and(body_partial_json(json!({"SecretId": "openai-key"})))
            .respond_with(response);
        if index + 1 < texts.len() {
            fetch.up_to_n_times(1).mount(&server).await;
        } else {
            fetch.mount(&server).await;
        }
    }
    server
}

/// A provider with one answer to everything.
pub(super) async fn server(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(response).mount(&server).await;
    server
}

pub(super) fn text_of(said: &Said) -> &str {
    let Said::Json(json) = said else { panic!("no JSON") };
    std::str::from_utf8(json).unwrap()
}

/// What an error decides, in a word, and whether it may be billed.
pub(super) const fn kind(error: &ModelError) -> (&'static str, bool) {
    (broken_servers::kind(error), error.may_be_billed())
}
