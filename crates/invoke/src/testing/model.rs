//! A model that says what the test wrote down.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tollgate_core::model::{Call, ModelError, Payload, Reply, Said};
use tollgate_core::ports::Model;
use tollgate_core::usage::{ChatUsage, Usage};

/// A piece of a stream, and how long it takes to come.
pub(crate) type Piece = (Duration, Result<Said, ModelError>);

/// One answer of the model.
pub(crate) struct Turn {
    /// How long its headers take.
    pub(crate) delay: Duration,
    /// What happens in the world meanwhile.
    pub(crate) meanwhile: Box<dyn FnOnce() + Send>,
    pub(crate) reply: Result<Reply, ModelError>,
}

/// What the model was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) model_id: String,
    /// What left on OpenAI's wire or over Converse; null on others.
    pub(crate) body: Value,
    pub(crate) timeout: Duration,
    pub(crate) traceparent: String,
    pub(crate) role_arn: Option<String>,
}

#[derive(Default)]
pub(crate) struct ScriptedModel {
    turns: Mutex<VecDeque<Turn>>,
    calls: Mutex<Vec<Called>>,
}

impl ScriptedModel {
    pub(crate) fn of(turns: Vec<Turn>) -> Self {
        Self { turns: Mutex::new(turns.into()), calls: Mutex::default() }
    }

    pub(crate) fn calls(&self) -> Vec<Called> {
        self.calls.lock().unwrap().clone()
    }

    /// The ids of the models that were called.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.calls().into_iter().map(|called| called.model_id).collect()
    }

    pub(crate) fn add(&self, turn: Turn) {
        self.turns.lock().unwrap().push_back(turn);
    }
}

#[async_trait]
impl Model for ScriptedModel {
    async fn call(&self, call: &Call<'_>) -> Result<Reply, ModelError> {
        self.calls.lock().unwrap().push(Called {
            model_id: call.target.model_id.clone(),
            body: match call.payload {
                Payload::Openai { body, .. } => serde_json::from_slice(body).unwrap(),
                Payload::Converse(request) => json!(request),
                Payload::Invoke(_) => Value::Null,
            },
            timeout: call.timeout,
            traceparent: call.traceparent.to_owned(),
            role_arn: call.identity.tenant.role_arn.clone(),
        });
        let turn = self.turns.lock().unwrap().pop_front().expect("no call more than the script has turns");
        (turn.meanwhile)();
        if turn.delay >= call.timeout {
            tokio::time::sleep(call.timeout).await;
            return Err(ModelError::TimedOut);
        }
        tokio::time::sleep(turn.delay).await;
        turn.reply
    }
}

impl Turn {
    /// The same turn, later.
    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl From<Result<Reply, ModelError>> for Turn {
    fn from(reply: Result<Reply, ModelError>) -> Self {
        Self { delay: Duration::ZERO, meanwhile: Box::new(|| {}), reply }
    }
}

/// A whole answer.
pub(crate) fn answers(text: &str, finish_reason: &str, usage: Option<Usage>) -> Turn {
    let mut body = json!({
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}],
    });
    if let Some(usage) = usage {
        body["usage"] = json!(ChatUsage::from(usage));
    }
    whole(&body)
}

/// A whole answer on OpenAI's wire.
pub(crate) fn whole(body: &Value) -> Turn {
    Ok(Reply::Whole(Said::Json(body.to_string().into()))).into()
}

pub(crate) fn fails(error: ModelError) -> Turn {
    Err(error).into()
}

/// A stream of these pieces.
pub(crate) fn streams(pieces: impl IntoIterator<Item = Piece>) -> Turn {
    let pieces: Vec<Piece> = pieces.into_iter().collect();
    let paced = stream::iter(pieces).then(|(delay, piece)| async move {
        tokio::time::sleep(delay).await;
        piece
    });
    Ok(Reply::Stream(paced.boxed())).into()
}

/// A piece on OpenAI's wire.
pub(crate) fn piece(text: impl Into<Bytes>) -> Result<Said, ModelError> {
    Ok(Said::Json(text.into()))
}

/// Pieces that come without delay.
pub(crate) fn at_once(chunks: impl IntoIterator<Item = String>) -> Vec<Piece> {
    chunks.into_iter().map(|chunk| (Duration::ZERO, piece(chunk))).collect()
}

pub(crate) fn role() -> String {
    r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#.to_owned()
}

pub(crate) fn content(text: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#)
}

pub(crate) fn finish(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

pub(crate) fn usage_chunk(input: u64, output: u64) -> String {
    format!(r#"{{"choices":[],"usage":{{"prompt_tokens":{input},"completion_tokens":{output}}}}}"#)
}

pub(crate) fn usage(input: u64, output: u64) -> Usage {
    Usage { input, output, ..Usage::default() }
}
