//! The gateway as its clients see it: over its public address, with a key.

use std::time::Duration;

use reqwest::header::CACHE_CONTROL;
use secrecy::{ExposeSecret, SecretString};
use tollgate_core::canary::{Fault, check, question};
use tollgate_core::constraint::TARGET_HEADER;
use tollgate_core::model::Cause;

/// The front door.
#[derive(Clone, Debug)]
pub struct FrontDoor {
    client: reqwest::Client,
    url: String,
}

/// Why the canary's call is no good.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answered, or not in time.
    #[error("the front door did not answer")]
    Unanswered(#[source] Cause),
    /// The answer is not as it should be.
    #[error(transparent)]
    Wrong(#[from] Fault),
}

impl FrontDoor {
    /// An answer that takes longer is none: API Gateway holds a call for 29 s where it is not told otherwise.
    pub const PATIENCE: Duration = Duration::from_secs(25);

    /// At this base address of OpenAI clients, such as `https://…/v1`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            client: reqwest::Client::new(),
            url: format!("{}/chat/completions", url.trim_end_matches('/')),
        }
    }

    /// Asks a model the canary's question, past every cache, of this target if one is named; the request id of an answer
    /// that is as it should be.
    pub async fn ask(
        &self,
        key: &SecretString,
        model: &str,
        target: Option<&str>,
    ) -> Result<String, CallError> {
        let call = self.client.post(&self.url).bearer_auth(key.expose_secret().trim());
        let call =
            target.into_iter().fold(call.timeout(Self::PATIENCE), |call, id| call.header(TARGET_HEADER, id));
        let sent = call.header(CACHE_CONTROL, "no-store").json(&question(model)).send().await;
        let answer = sent.map_err(unanswered)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        // A head without a body is no answer.
        answer.bytes().await.map_err(unanswered)?;
        Ok(check(status, |name| headers.get(name)?.to_str().ok().map(str::to_owned))?)
    }
}

fn unanswered(error: reqwest::Error) -> CallError {
    CallError::Unanswered(Box::new(error.without_url()))
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{body_partial_json, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn ask(response: ResponseTemplate) -> Result<String, CallError> {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/v1/chat/completions"))
            .and(header("authorization", "Bearer tg-key"))
            .and(header("cache-control", "no-store"))
            .and(header("x-tollgate-target", "a/gpt-oss-20b"))
            .and(body_partial_json(serde_json::json!({"model": "gpt-oss-20b", "max_completion_tokens": 16})))
            .respond_with(response)
            .mount(&server)
            .await;
        FrontDoor::new(&format!("{}/v1/", server.uri()))
            .ask(&"tg-key\n".into(), "gpt-oss-20b", Some("a/gpt-oss-20b"))
            .await
    }

    #[tokio::test]
    async fn the_question_is_asked_as_a_client_asks_it() {
        let headers = [
            ("x-tollgate-request-id", "r-1"),
            ("x-tollgate-provider", "bedrock"),
            ("x-tollgate-model", "m"),
            ("x-tollgate-attempts", "1"),
            ("x-tollgate-cache", "bypass"),
        ];
        let right = headers
            .iter()
            .fold(ResponseTemplate::new(200), |answer, (name, value)| answer.insert_header(*name, *value));

        assert_eq!(ask(right).await.unwrap(), "r-1");
    }

    #[tokio::test]
    async fn a_refusal_and_a_closed_door_are_told_apart() {
        let refused = ask(ResponseTemplate::new(429)).await.unwrap_err();
        assert!(matches!(refused, CallError::Wrong(Fault::Status(429))), "{refused}");

        let closed =
            FrontDoor::new("http://127.0.0.1:1/v1").ask(&"tg-key".into(), "m", None).await.unwrap_err();
        assert!(matches!(closed, CallError::Unanswered(_)), "{closed}");
    }
}
