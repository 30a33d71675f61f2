//! One call, as its caller sees it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_core::sse::SseDecoder;
use tollgate_local::function::{Answer, Function, InvokeError};
use tollgate_tests::stack::root;

use crate::chaos::fault::Form;

/// A call that is not over by then has outlasted the function.
const PATIENCE: Duration = Duration::from_secs(60);

const WHILE_BUSY: Duration = Duration::from_millis(50);

/// What a caller saw.
pub(crate) struct Seen {
    pub(crate) status: u64,
    head: Value,
    pub(crate) body: String,
    pub(crate) took: Duration,
}

/// Calls a model.
pub(crate) async fn call(function: &Function, model: &str, form: Form) -> Seen {
    let begun = now();
    let read = tokio::time::timeout(PATIENCE, read(function, event(model, form))).await;
    let answer = read.unwrap_or_else(|_| panic!("a call of {model} outlasts its function"));
    let took = begun.elapsed();
    let (head, body) = answer.split_once("\0\0\0\0\0\0\0\0").expect("an answer has a head");
    let head: Value = serde_json::from_str(head).expect("a head is JSON");
    let status = head["statusCode"].as_u64().expect("an answer has a status");
    Seen { status, head, body: body.to_owned(), took }
}

#[expect(clippy::disallowed_methods, reason = "what is measured is the machine's own time")]
fn now() -> Instant {
    Instant::now()
}

async fn read(function: &Function, event: Bytes) -> String {
    let mut stream = loop {
        match function.invoke(event.clone()).await {
            Ok(Answer::Stream(stream)) => break stream,
            Ok(Answer::Whole(whole)) => panic!("no stream: {whole:?}"),
            // Environments are busy for a moment after their answer, until it is settled.
            Err(InvokeError::Throttled) => tokio::time::sleep(WHILE_BUSY).await,
            Err(error) => panic!("no answer: {error}"),
        }
    };
    let mut answer = Vec::new();
    while let Some(chunk) = stream.next().await {
        answer.extend_from_slice(&chunk.expect("the function lives"));
    }
    String::from_utf8(answer).expect("an answer is text")
}

fn event(model: &str, form: Form) -> Bytes {
    let sample = std::fs::read(root().join("events/invoke/chat.json")).expect("the sample event is shipped");
    let mut event: Value = serde_json::from_slice(&sample).expect("the sample is JSON");
    let text = format!("Is anybody there? {:016x}", fastrand::u64(..));
    let messages = json!([{"role": "user", "content": text}]);
    let is_stream = form == Form::Stream;
    let body =
        json!({"model": model, "messages": messages, "stream": is_stream, "max_completion_tokens": 40});
    event["body"] = body.to_string().into();
    event.to_string().into()
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        let single = self.head["headers"][name].as_str();
        single.or_else(|| self.head["multiValueHeaders"][name][0].as_str()).unwrap_or_default()
    }

    /// The code of its error, whether it is the answer or the end of a stream.
    pub(crate) fn code(&self) -> Option<String> {
        let coded = |value: &Value| value["error"]["code"].as_str().map(str::to_owned);
        self.values().iter().find_map(coded)
    }

    /// The finish reasons that it told.
    pub(crate) fn finishes(&self) -> Vec<String> {
        let of = |value: &Value| value["choices"][0]["finish_reason"].as_str().map(str::to_owned);
        self.values().iter().filter_map(of).collect()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.body.ends_with("data: [DONE]\n\n")
    }

    fn values(&self) -> Vec<Value> {
        match serde_json::from_str(&self.body) {
            Ok(whole) => vec![whole],
            Err(_) => {
                let events = SseDecoder::default().feed(self.body.as_bytes()).expect("events are short");
                events.iter().filter_map(|event| serde_json::from_slice(event).ok()).collect()
            }
        }
    }

    /// In a few words.
    pub(crate) fn words(&self) -> String {
        let mut words = vec![self.status.to_string()];
        words.extend(self.finishes());
        words.extend(self.is_done().then(|| "[DONE]".to_owned()));
        words.extend(self.code());
        words.extend(
            Some(self.header("retry-after"))
                .filter(|wait| !wait.is_empty())
                .map(|wait| format!("retry-after {wait}")),
        );
        words.join(" ")
    }
}
