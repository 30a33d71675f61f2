//! The calls that are made, as API Gateway would hand them over.

use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_tests::stack::root;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Chat,
    ChatStream,
    ResponsesStream,
    Embeddings,
    /// A cheap target is asked first, and never suffices.
    Cascade,
}

/// The model whose calls the routing of the tests cascades.
pub(crate) const CASCADED: &str = "gpt-oss-20b";

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Chat, Self::ChatStream, Self::ResponsesStream, Self::Embeddings, Self::Cascade];

    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::ChatStream | Self::ResponsesStream)
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Chat | Self::ChatStream | Self::Cascade => "/v1/chat/completions",
            Self::ResponsesStream => "/v1/responses",
            Self::Embeddings => "/v1/embeddings",
        }
    }

    fn body(self, text: &str) -> Value {
        let messages = json!([{"role": "user", "content": text}]);
        let model = if self == Self::Cascade { CASCADED } else { "gpt-5.5" };
        let chat = json!({"model": model, "messages": messages, "stream": self.is_stream(), "max_completion_tokens": 200});
        match self {
            Self::Chat | Self::ChatStream | Self::Cascade => chat,
            Self::ResponsesStream => {
                json!({"model": "gpt-5.5", "input": text, "stream": true, "max_output_tokens": 200})
            }
            Self::Embeddings => json!({"model": "titan-embed-text-v2", "input": text}),
        }
    }

    /// The event of a call with this text, by a user who follows from it.
    pub(crate) fn event(self, text: &str) -> Bytes {
        let path = root().join("events/invoke/chat.json");
        let sample = std::fs::read(path).expect("the sample event is shipped");
        let mut event: Value = serde_json::from_slice(&sample).expect("the sample is JSON");
        let user = ["alice", "bob", "carol"][text.len() % 3];
        event["resource"] = self.path().into();
        event["path"] = self.path().into();
        event["requestContext"]["resourcePath"] = self.path().into();
        event["requestContext"]["path"] = format!("/live{}", self.path()).into();
        let authorizer = &mut event["requestContext"]["authorizer"];
        authorizer["user"] = user.into();
        authorizer["principalId"] = user.into();
        authorizer["budgetDayNanos"] = "1000000000000000".into();
        event["body"] = self.body(text).to_string().into();
        event.to_string().into()
    }
}
