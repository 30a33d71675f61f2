//! A stand-in on a free port, and signed requests to it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Config, Region};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tollgate_local::standin::{Standin, VectorIndex};

/// Signatures carry a time, but the stand-in does not mind which.
const SIGNED_AT: Duration = Duration::from_secs(1_795_000_000);

pub(crate) struct Provider {
    pub(crate) url: String,
    http: reqwest::Client,
    _server: JoinSet<()>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let mut server = JoinSet::new();
        let index = VectorIndex { bucket: "vectors".to_owned(), index: "questions".to_owned(), dimension: 2 };
        server.spawn(async move {
            let Err(error) = Standin::with_indexes([index]).serve(listener).await;
            panic!("the stand-in stopped: {error}");
        });
        Self {
            url: format!("http://{address}"),
            http: reqwest::Client::builder().no_proxy().build().expect("a client without TLS files"),
            _server: server,
        }
    }

    /// A stand-in whose streams do not wait between chunks.
    pub(crate) async fn unpaced() -> Self {
        let provider = Self::start().await;
        provider.rule(serde_json::json!({ "model": "*", "chunk_delay_ms": 0 })).await;
        provider
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Posts JSON, signed with the root key for `service`.
    pub(crate) async fn post(&self, service: &str, path: &str, body: &Value) -> Response {
        self.post_bytes(service, path, body.to_string()).await
    }

    pub(crate) async fn post_bytes(&self, service: &str, path: &str, body: String) -> Response {
        let headers =
            self.signature(&Credentials::new("test", "test", None, None, "test"), service, path, &body);
        self.request(Method::POST, path).headers(headers).body(body).send().await.expect("an answer")
    }

    /// The headers that sign a POST.
    pub(crate) fn signature(
        &self,
        credentials: &Credentials,
        service: &str,
        path: &str,
        body: &str,
    ) -> HeaderMap {
        let identity = credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(service)
            .time(SystemTime::UNIX_EPOCH + SIGNED_AT)
            .settings(SigningSettings::default())
            .build()
            .expect("all parameters are given")
            .into();
        let url = format!("{}{path}", self.url);
        let request =
            SignableRequest::new("POST", &url, std::iter::empty(), SignableBody::Bytes(body.as_bytes()))
                .expect("a valid URL");
        let (instructions, _) = sign(request, &params).expect("a signature").into_parts();
        let headers = instructions.headers().map(|(name, value)| {
            let name = name.parse().expect("a header name");
            (name, value.parse().expect("a header value"))
        });
        headers.collect()
    }

    pub(crate) async fn put_rules(&self, rules: &Value) -> Response {
        self.request(Method::PUT, "/_standin/faults").json(rules).send().await.expect("an answer")
    }

    pub(crate) async fn rule(&self, rule: Value) {
        let response = self.put_rules(&Value::Array(vec![rule])).await;
        assert_eq!(response.status(), 204);
    }

    pub(crate) async fn calls(&self) -> Vec<Value> {
        let response = self.request(Method::GET, "/_standin/calls").send().await.expect("an answer");
        response.json().await.expect("a JSON array")
    }

    pub(crate) fn bedrock(&self) -> Client {
        Client::from_conf(
            Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                .retry_config(RetryConfig::disabled())
                .endpoint_url(&self.url)
                .build(),
        )
    }
}

/// The `data:` of each event of a stream.
pub(crate) fn events(stream: &str) -> Vec<&str> {
    stream
        .split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").expect("every event is data"))
        .collect()
}
