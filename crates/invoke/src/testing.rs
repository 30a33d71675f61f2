//! The handler over ports in memory, on a clock that the tests move: tokio's, which stands still until somebody waits.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use lambda_http::request::from_reader;
use lambda_http::{Context, RequestExt};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use tollgate_core::metrics::Refusals;
use tollgate_core::record::Record;
use tollgate_core::sse::SseDecoder;
use tollgate_core::time::Timestamp;

use crate::answer::{AnswerBody, Job};
use crate::config::Settle;
use crate::gateway::{Gateway, Options, Ports};
use crate::handler::Handler;

mod answers;
mod breakers;
mod cache;
mod ledger;
mod model;
mod names;
mod ports;
mod semantic;

pub(crate) use answers::MemoryAnswers;
pub(crate) use breakers::MemoryBreakers;
pub(crate) use cache::MemoryCache;
pub(crate) use ledger::MemoryLedger;
pub(crate) use model::{
    Piece, ScriptedModel, Turn, answers, at_once, content, fails, finish, piece, role, streams, usage,
    usage_chunk, whole,
};
pub(crate) use names::MemoryNames;
pub(crate) use ports::{MemorySettings, MemorySpans, Mood};
pub(crate) use semantic::{MemoryEvidence, MemoryVectors};

pub(crate) const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

/// What Lambda gives each invocation.
pub(crate) const LAMBDA_TIME: Duration = Duration::from_secs(900);

thread_local! {
    /// Tokio's instant that is noon.
    static ORIGIN: Cell<Option<Instant>> = const { Cell::new(None) };
    /// The lines of calls that a brake refused.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn remember(line: &str) {
    LINES.with_borrow_mut(|lines| lines.push(line.to_owned()));
}

/// The lines that were written since the last call of this.
pub(crate) fn take_lines() -> Vec<Value> {
    LINES.take().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn clock() -> Timestamp {
    NOON.plus(ORIGIN.get().map(|origin| origin.elapsed()).unwrap_or_default())
}

/// An event of `events/invoke`.
pub(crate) fn event(case: &str) -> Value {
    let text = match case {
        "chat" => include_str!("../../../events/invoke/chat.json"),
        "stream" => include_str!("../../../events/invoke/stream.json"),
        "models" => include_str!("../../../events/invoke/models.json"),
        _ => panic!("no event {case}"),
    };
    serde_json::from_str(text).unwrap()
}

/// The chat event with another body.
pub(crate) fn chat(body: impl Into<String>) -> Value {
    with("chat", "/body", body.into().into())
}

/// A POST of this body to a path.
pub(crate) fn post(path: &str, body: impl Into<String>) -> Value {
    let mut event = chat(body);
    event["path"] = path.into();
    event
}

/// An event with one thing changed.
pub(crate) fn with(case: &str, pointer: &str, value: Value) -> Value {
    let mut event = event(case);
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

/// A chat of a user who may spend so many nano-dollars a day.
pub(crate) fn with_day_budget(nanos: u64) -> Value {
    let budget = serde_json::json!({"budget_day_nanos": nanos}).to_string();
    with("chat", "/requestContext/authorizer/budget", budget.into())
}

/// An event with one more header.
pub(crate) fn with_header(case: &str, name: &str, value: &str) -> Value {
    let mut event = event(case);
    event["headers"][name] = value.into();
    event["multiValueHeaders"][name] = serde_json::json!([value]);
    event
}

/// The bound of one attempt at the first and at the second target, at 1 and 2 dollars per million bytes, and 10 and
/// 20 for the hundred tokens of the default cap.
pub(crate) fn bounds(event: &Value) -> (u64, u64) {
    let bytes = event["body"].as_str().unwrap().len() as u64;
    (bytes * 1_000 + 1_000_000, bytes * 2_000 + 2_000_000)
}

/// How a world is made.
pub(crate) struct Setup {
    pub(crate) settle: Settle,
    pub(crate) cache_ttl: Duration,
    pub(crate) turns: Vec<Turn>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { settle: Settle::AfterAnswer, cache_ttl: Duration::from_secs(3_600), turns: Vec::new() }
    }
}

/// A handler and the ports under it.
pub(crate) struct World {
    pub(crate) settings: Arc<MemorySettings>,
    pub(crate) breakers: Arc<MemoryBreakers>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) cache: Arc<MemoryCache>,
    pub(crate) answers: Arc<MemoryAnswers>,
    pub(crate) model: Arc<ScriptedModel>,
    pub(crate) names: Arc<MemoryNames>,
    pub(crate) spans: Arc<MemorySpans>,
    pub(crate) vectors: Arc<MemoryVectors>,
    pub(crate) evidence: Arc<MemoryEvidence>,
    handler: Handler,
    jobs: Mutex<mpsc::UnboundedReceiver<Option<Job>>>,
    invocations: AtomicU32,
}

/// What a caller got.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl World {
    /// With these turns of the model, and nothing special.
    pub(crate) fn scripted(turns: impl Into<Vec<Turn>>) -> Self {
        Self::of(Setup { turns: turns.into(), ..Setup::default() })
    }

    pub(crate) fn of(setup: Setup) -> Self {
        ORIGIN.set(Some(Instant::now()));
        let settings = Arc::new(MemorySettings::default());
        let breakers = Arc::new(MemoryBreakers::default());
        let ledger = Arc::new(MemoryLedger::default());
        let cache = Arc::new(MemoryCache::default());
        let answers = Arc::new(MemoryAnswers::over(ledger.tables.clone()));
        let model = Arc::new(ScriptedModel::of(setup.turns));
        let names = Arc::new(MemoryNames::default());
        let spans = Arc::new(MemorySpans::default());
        let vectors = Arc::new(MemoryVectors::default());
        let evidence = Arc::new(MemoryEvidence::default());
        let refusals =
            Refusals { namespace: "Tollgate".to_owned(), environment: "test".to_owned(), write: remember };
        let draw = || 999_999;
        let options = Options { retention_days: 90, cache_ttl: setup.cache_ttl, clock, draw, refusals };
        let ports = Ports {
            settings: settings.clone(),
            breakers: breakers.clone(),
            ledger: ledger.clone(),
            records: ledger.clone(),
            cache: cache.clone(),
            quotas: ledger.clone(),
            answers: answers.clone(),
            model: model.clone(),
            names: names.clone(),
            spans: spans.clone(),
            vectors: Some(vectors.clone()),
            evidence: evidence.clone(),
            ratings: ledger.clone(),
        };
        let gateway = Gateway::new(ports, options);
        let (outbox, jobs) = mpsc::unbounded_channel();
        let handler = Handler::new(gateway, setup.settle, outbox);
        Self {
            settings,
            breakers,
            ledger,
            cache,
            answers,
            model,
            names,
            spans,
            vectors,
            evidence,
            handler,
            jobs: jobs.into(),
            invocations: AtomicU32::new(0),
        }
    }

    /// One invocation up to its headers, and what is left to do after them. The ids are `r-1`, `r-2` and so on.
    pub(crate) async fn begin(&self, event: Value) -> (Response<AnswerBody>, Option<Job>) {
        let mut context = Context::default();
        context.request_id = format!("r-{}", self.invocations.fetch_add(1, Ordering::Relaxed) + 1);
        context.deadline = clock().plus(LAMBDA_TIME).as_micros() / 1_000;
        let request = from_reader(event.to_string().as_bytes()).unwrap().with_lambda_context(context);
        let response = self.handler.handle(request).await.unwrap();
        (response, self.jobs.lock().await.try_recv().unwrap_or_default())
    }

    /// Whether the extension has been told, once more, that it need not wait.
    pub(crate) async fn has_released_the_extension(&self) -> bool {
        matches!(self.jobs.lock().await.try_recv(), Ok(None))
    }

    /// One invocation to its very end.
    pub(crate) async fn call(&self, event: Value) -> Said {
        let (response, job) = self.begin(event).await;
        let (said, ()) = join(read(response), run(job)).await;
        self.ledger.check_balance();
        said
    }

    /// The ledger's record of the first call.
    pub(crate) fn record(&self) -> Record {
        self.ledger.record("r-1").expect("the call is in the ledger")
    }

    /// Whether no provider was called, and nothing was written anywhere.
    pub(crate) fn is_untouched(&self) -> bool {
        self.model.calls().is_empty() && self.ledger.steps().is_empty() && self.cache.is_untouched()
    }
}

/// Reads a response to its end.
pub(crate) async fn read(response: Response<AnswerBody>) -> Said {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    Said { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// Does what is left.
pub(crate) async fn run(job: Option<Job>) {
    if let Some(job) = job {
        job.await;
    }
}

impl Said {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The code of OpenAI's error body.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The data of the events.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = SseDecoder::default().feed(self.body.as_bytes()).unwrap();
        events.iter().map(|event| String::from_utf8(event.to_vec()).unwrap()).collect()
    }
}
