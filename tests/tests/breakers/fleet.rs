//! Environments of invoke that call at a steady rate, and the function that moves their breakers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tollgate_aws::clock;
use tollgate_core::settings::Document;
use tollgate_core::time::Timestamp;
use tollgate_local::function::{Answer, Function};
use tollgate_local::standin::Standin;
use tollgate_tests::accounts::Accounts;
use tollgate_tests::stack::root;

use super::site::Site;

const PRIMARY: &str = "mantle-us-east-1/gpt-5.5";
const SECONDARY: &str = "runtime-us-east-1/gpt-5.6-sol";

/// The primary's model, as the provider knows it.
const PRIMARY_MODEL: &str = "openai.gpt-5.5";

/// Each environment begins a call so often.
const EVERY: Duration = Duration::from_secs(3);

pub(crate) struct Fleet {
    accounts: Accounts,
    functions: Vec<Arc<Function>>,
    health: Arc<Function>,
    standin: String,
    calls: Arc<Mutex<Vec<Call>>>,
    is_over: Arc<AtomicBool>,
    callers: JoinSet<()>,
    _parts: JoinSet<()>,
}

/// A call as its caller saw it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) began: Timestamp,
    answer: String,
}

impl Call {
    fn is_answered(&self) -> bool {
        self.answer.starts_with(r#"{"statusCode":200,"#)
    }

    /// Whether its caller noticed that a provider was dead. Tables that are late, as on a busy machine, are another matter.
    pub(crate) fn has_noticed(&self) -> bool {
        let is_late = ["gateway_unavailable", "contended"].iter().any(|code| self.answer.contains(code));
        !self.is_answered() && !is_late
    }
}

impl Fleet {
    /// `None` where there is no DynamoDB Local.
    pub(crate) async fn open(name: &str, environments: usize, faster: u64) -> Option<Self> {
        let accounts = Accounts::open(name).await?;
        let rollups = format!("{}-rollups", accounts.tables.config);
        let site = Site { accounts: &accounts, rollups: &rollups, name: "breakers" };
        let stream_arn = site.open().await;
        seed(&site, faster).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let standin = format!("http://{}", listener.local_addr().expect("it listens"));
        let mut parts = JoinSet::new();
        parts.spawn(async {
            let Err(error) = Standin::default().serve(listener).await;
            panic!("the stand-in ended: {error}");
        });
        let health = Arc::new(site.function("health", "", 1, &[]));
        parts.spawn(site.follow(stream_arn, &health));
        let providers =
            [("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", standin.as_str()), ("PROVIDER_ENDPOINT", standin.as_str())];
        let invoke = |number| Arc::new(site.function("invoke", &format!("-{number}"), 1, &providers));
        let functions: Vec<_> = (0..environments).map(invoke).collect();
        let (calls, is_over) = (Arc::default(), Arc::default());
        let mut fleet = Self {
            accounts,
            functions,
            health,
            standin,
            calls,
            is_over,
            callers: JoinSet::new(),
            _parts: parts,
        };
        fleet.pace(false).await;
        for (number, function) in fleet.functions.iter().enumerate() {
            let (calls, is_over) = (fleet.calls.clone(), fleet.is_over.clone());
            fleet.callers.spawn(call_on(number, function.clone(), calls, is_over));
        }
        Some(fleet)
    }

    /// Until that many calls have been answered.
    pub(crate) async fn wait_for_answers(&self, many: usize) {
        while self.calls().iter().filter(|call| call.is_answered()).count() < many {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn break_primary(&self) {
        self.pace(true).await;
    }

    pub(crate) async fn mend_primary(&self) {
        self.pace(false).await;
    }

    /// When the primary failed first after it had died.
    pub(crate) async fn first_failure(&self, died: Timestamp) -> Timestamp {
        loop {
            let failed = self.asked(|call| is_primary(call) && call["status"] == 503).await;
            if let Some(first) = failed.into_iter().filter(|at| *at >= died).min() {
                return first;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How often the primary was asked in that time.
    pub(crate) async fn asked_primary(&self, from: Timestamp, until: Timestamp) -> usize {
        self.asked(is_primary).await.into_iter().filter(|at| (from..until).contains(at)).count()
    }

    /// How often anybody else was.
    pub(crate) async fn asked_elsewhere(&self, from: Timestamp, until: Timestamp) -> usize {
        let elsewhere = self.asked(|call| !is_primary(call)).await;
        elsewhere.into_iter().filter(|at| (from..until).contains(at)).count()
    }

    /// All calls, once they are over.
    pub(crate) async fn stop(mut self) -> Vec<Call> {
        self.is_over.store(true, Ordering::Relaxed);
        while self.callers.join_next().await.is_some() {}
        for function in self.functions.iter().chain([&self.health]) {
            function.shut_down().await;
        }
        let calls = self.calls();
        self.accounts.close().await;
        calls
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the provider was called.
    async fn asked(&self, is_it: impl Fn(&Value) -> bool) -> Vec<Timestamp> {
        let calls = self.control(reqwest::Method::GET, "calls", "").await;
        let calls: Vec<Value> = serde_json::from_str(&calls).expect("a list of calls");
        let at = |call: &Value| Timestamp::from_micros(call["at_us"].as_u64().expect("a time"));
        calls.iter().filter(|call| is_it(call)).map(at).collect()
    }

    async fn pace(&self, is_dead: bool) {
        let dead = json!({"model": PRIMARY_MODEL, "status": 503});
        let alive = json!({"model": "*", "latency_ms": 20, "chunk_delay_ms": 2, "reply_words": 6});
        let rules = if is_dead { json!([dead, alive]) } else { json!([alive]) };
        self.control(reqwest::Method::PUT, "faults", &rules.to_string()).await;
    }

    async fn control(&self, method: reqwest::Method, what: &str, body: &str) -> String {
        let url = format!("{}/_standin/{what}", self.standin);
        let request = reqwest::Client::new().request(method, url).body(body.to_owned());
        let answer = request.send().await.expect("the stand-in answers");
        assert!(answer.status().is_success(), "{answer:?}");
        answer.text().await.expect("the stand-in's answer is text")
    }
}

fn is_primary(call: &Value) -> bool {
    call["model"] == PRIMARY_MODEL
}

/// Calls again and again, every other time for a stream.
async fn call_on(
    number: usize,
    function: Arc<Function>,
    calls: Arc<Mutex<Vec<Call>>>,
    is_over: Arc<AtomicBool>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for call in 0.. {
        ticks.tick().await;
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let began = clock::now();
        let answer = answer(&function, event(&format!("call {call} of {number}"), call % 2 == 1)).await;
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(Call { began, answer });
        function.all_free().await;
    }
}

/// Reads an answer to its end; its headers come first, as JSON.
async fn answer(function: &Function, event: Bytes) -> String {
    let mut stream = match function.invoke(event).await {
        Ok(Answer::Stream(stream)) => stream,
        Ok(Answer::Whole(whole)) => return format!("no stream: {whole:?}"),
        Err(error) => return format!("no answer: {error}"),
    };
    let mut answer = Vec::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => answer.extend_from_slice(&chunk),
            Err(error) => return format!("cut: {error}"),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn event(text: &str, stream: bool) -> Bytes {
    let path = root().join("events/invoke/chat.json");
    let sample = std::fs::read(path).expect("the sample event is shipped");
    let mut event: Value = serde_json::from_slice(&sample).expect("the sample is JSON");
    let messages = json!([{"role": "user", "content": text}]);
    let body =
        json!({"model": "gpt-5.5", "messages": messages, "stream": stream, "max_completion_tokens": 40});
    event["body"] = body.to_string().into();
    event.to_string().into()
}

async fn seed(site: &Site<'_>, faster: u64) {
    let mut catalogue: Value = serde_json::from_str(&shipped("catalogue")).expect("the catalogue is JSON");
    let breaker = json!({
        "window_ms": 60_000 / faster, "cool_down_ms": 15_000 / faster, "longest_ms": 120_000 / faster,
        "probe_ms": 60_000 / faster, "stage_ms": 15_000 / faster, "own_skip_ms": 5_000 / faster,
    });
    catalogue["targets"][PRIMARY]["breaker"] = breaker.clone();
    catalogue["targets"][SECONDARY]["breaker"] = breaker;
    let routing = json!({"default": {"providers": {PRIMARY: 1}, "failover_order": [SECONDARY]}});
    let texts = BTreeMap::from([
        (Document::Catalogue, catalogue.to_string()),
        (Document::Prices, shipped("prices")),
        (Document::Routing, routing.to_string()),
    ]);
    site.seed(&texts).await;
}

/// A document as it is shipped.
fn shipped(name: &str) -> String {
    let path = root().join(format!("config/{name}.json"));
    std::fs::read_to_string(path).expect("the document is shipped")
}
