//! The front door of the tests, and a client that sees what really came over the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tollgate_local::front_door::{FrontDoor, Stage};
use tollgate_local::function::Function;

use crate::stage::{function, soon, spec};

/// A front door that closes when this is dropped.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) stream: Arc<Function>,
    _server: JoinSet<()>,
}

impl Door {
    pub(crate) async fn open() -> Self {
        Self::with(&openapi(), function(spec("front_stream"))).await
    }

    pub(crate) async fn with(openapi: &Value, stream: Arc<Function>) -> Self {
        let stage = Stage {
            api_id: "api123".to_owned(),
            name: "live".to_owned(),
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            api_keys: ["api123-000000000000-planned".to_owned()].into(),
        };
        let functions = BTreeMap::from([
            ("StreamFunction".to_owned(), Arc::clone(&stream)),
            ("PlainFunction".to_owned(), function(spec("front_plain"))),
        ]);
        let door = Arc::new(FrontDoor::new(openapi, stage, functions).unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(door.serve(listener));
        Self { address, stream, _server: server }
    }

    /// Sends a request and leaves the connection to the caller.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        stream
    }

    /// Sends a request that ends its connection, and takes all that comes back.
    pub(crate) async fn exchange(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let headers = format!("connection: close\r\n{headers}");
        let mut stream = self.send(method, path, &headers, body).await;
        let mut bytes = Vec::new();
        soon(stream.read_to_end(&mut bytes)).await.unwrap();
        Reply::parse(&bytes)
    }

    pub(crate) async fn script(&self, script: &Value) -> Reply {
        self.exchange("POST", "/v1/stream", "", &script.to_string()).await
    }
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// Whether the body came to the end that its framing promises.
    pub(crate) is_whole: bool,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, raw) = text.split_once("\r\n\r\n").expect("an answer has a head");
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let (body, is_whole) = match headers.get("content-length") {
            Some(length) => (raw.to_owned(), raw.len().to_string() == *length),
            None => unchunk(raw),
        };
        Self { status, headers, body, is_whole }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The chunks' content, and whether the last one, which is empty, came.
fn unchunk(mut raw: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, rest)) = raw.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        body.push_str(&rest[..size]);
        raw = &rest[size + 2..];
    }
    (body, false)
}

fn integration(function: &str, mode: &str) -> Value {
    json!({
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"),
        "responseTransferMode": mode,
        "timeoutInMillis": 20_000,
    })
}

/// An API as the SAM translator writes it.
pub(crate) fn openapi() -> Value {
    let stream = integration("StreamFunction", "STREAM");
    let plain = integration("PlainFunction", "BUFFERED");
    let shape = r#"{"error":{"message":"$context.authorizer.message","code":"$context.authorizer.code","type":"requests"}}"#;
    json!({
        "swagger": "2.0",
        "paths": {
            "/v1/stream": {"post": {"x-amazon-apigateway-integration": stream}},
            "/v1/keyed": {"post": {"x-amazon-apigateway-integration": stream, "security": [{"Keys": []}]}},
            "/v1/planned": {"post": {
                "x-amazon-apigateway-integration": stream,
                "security": [{"Keys": []}, {"api_key": []}],
            }},
            "/v1/plain": {"post": {"x-amazon-apigateway-integration": plain}},
            "/v1/misfit": {"post": {"x-amazon-apigateway-integration": integration("PlainFunction", "STREAM")}},
            "/v1/files/{proxy+}": {"get": {"x-amazon-apigateway-integration": integration("PlainFunction", "STREAM")}},
        },
        "securityDefinitions": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}, "Keys": {"x-amazon-apigateway-authorizer": {
            "type": "request",
            "authorizerResultTtlInSeconds": 0,
            "identitySource": "method.request.header.Authorization",
            "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:front_plain/invocations",
        }}},
        "x-amazon-apigateway-gateway-responses": {
            "ACCESS_DENIED": {
                "statusCode": "429",
                "responseParameters": {
                    "gatewayresponse.header.Retry-After": "context.authorizer.retryAfter",
                    "gatewayresponse.header.x-should-retry": "'true'",
                },
                "responseTemplates": {"application/json": shape},
            },
            "AUTHORIZER_FAILURE": {
                "statusCode": "503",
                "responseParameters": {"gatewayresponse.header.Retry-After": "'1'"},
            },
            "MISSING_AUTHENTICATION_TOKEN": {"statusCode": "404"},
            "DEFAULT_5XX": {"responseTemplates": {
                "application/json": r#"{"error":{"message":$context.error.messageString,"id":"$context.requestId"}}"#,
            }},
        },
    })
}
