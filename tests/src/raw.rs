//! Plain HTTP at the front door, for what no client would send.

use reqwest::{Method, Response};
use serde_json::Value;

use crate::stack::Stack;

/// A request that is free in all of its parts.
#[derive(Clone, Debug)]
pub struct RawRequest<'a> {
    /// GET, POST, …
    pub method: Method,
    /// Behind the base URL, such as `/chat/completions`.
    pub path: &'a str,
    /// The Authorization header, if there is one.
    pub authorization: Option<&'a str>,
    /// The body as it is.
    pub body: Vec<u8>,
}

impl RawRequest<'_> {
    /// Sends it.
    ///
    /// # Panics
    /// If nobody answers.
    pub async fn send(self, stack: &Stack) -> Response {
        let url = format!("{}{}", stack.variable("OPENAI_BASE_URL"), self.path);
        let mut request = reqwest::Client::new().request(self.method, url).body(self.body);
        request = request.header("content-type", "application/json");
        if let Some(authorization) = self.authorization {
            request = request.header("authorization", authorization);
        }
        request.send().await.expect("the front door answers")
    }
}

/// One chat call with this key and text; the answer.
pub async fn chat(stack: &Stack, key: &str, body: &Value) -> Response {
    let request = RawRequest {
        method: Method::POST,
        path: "/chat/completions",
        authorization: Some(&format!("Bearer {key}")),
        body: body.to_string().into_bytes(),
    };
    request.send(stack).await
}

/// A header of a response, as text.
#[must_use]
pub fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
