//! One environment of invoke, a route per team that lets broken streams be gone on with, and a provider that breaks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tollgate_aws::clock;
use tollgate_aws::config_store::{ConfigStore, Seed};
use tollgate_core::money::Nanos;
use tollgate_core::record::Record;
use tollgate_core::settings::{Document, Flag};
use tollgate_core::sse::SseDecoder;
use tollgate_local::function::{Answer, Credentials, Function, FunctionSpec, StaticCredentials};
use tollgate_local::standin::Standin;
use tollgate_tests::accounts::{ACCESS_KEY, Accounts};
use tollgate_tests::stack::root;

use crate::TEAMS;

const PRIMARY: &str = "mantle-us-east-1/gpt-5.5";
const PRIMARY_MODEL: &str = "openai.gpt-5.5";

/// What stands between the headers of an answer that is streamed, which are JSON, and its body.
const AFTER_HEADERS: &str = "\0\0\0\0\0\0\0\0";

pub(crate) struct Stage {
    pub(crate) accounts: Accounts,
    function: Function,
    standin: String,
    prices: Value,
    _parts: JoinSet<()>,
}

/// What a caller got.
pub(crate) struct Heard {
    pub(crate) id: String,
    pub(crate) body: String,
    /// The data of its events.
    pub(crate) events: Vec<String>,
}

impl Stage {
    /// `None` where there is no DynamoDB Local.
    pub(crate) async fn set(name: &str) -> Option<Self> {
        let accounts = Accounts::open(name).await?;
        seed(&accounts).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let standin = format!("http://{}", listener.local_addr().expect("it listens"));
        let mut parts = JoinSet::new();
        parts.spawn(async {
            let Err(error) = Standin::default().serve(listener).await;
            panic!("the stand-in ended: {error}");
        });
        let function = function(&accounts, &standin, name);
        let prices = serde_json::from_str(&shipped("prices")).expect("the prices are JSON");
        Some(Self { accounts, function, standin, prices, _parts: parts })
    }

    /// The next call is cut after so many chunks; whoever goes on says so many words again.
    pub(crate) async fn cut(&self, chunks: usize, words: usize, again: usize) {
        let cut = json!({"model": PRIMARY_MODEL, "times": 1, "cut_after_chunks": chunks,
            "chunk_delay_ms": 1, "reply_words": words});
        let on = json!({"model": "*", "chunk_delay_ms": 1, "reply_words": words, "words_again": again});
        self.rule(&json!([cut, on])).await;
    }

    /// All calls are cut after so many chunks.
    pub(crate) async fn cut_all(&self, chunks: usize, words: usize) {
        self.rule(&json!([{"model": "*", "cut_after_chunks": chunks, "reply_words": words}])).await;
    }

    async fn rule(&self, rules: &Value) {
        self.control(reqwest::Method::PUT, "faults", &rules.to_string()).await;
        self.control(reqwest::Method::DELETE, "calls", "").await;
    }

    /// One stream, read to its end.
    pub(crate) async fn ask(&self, path: &str, team: &str, text: &str) -> Heard {
        let mut stream = match self.function.invoke(event(path, team, text)).await {
            Ok(Answer::Stream(stream)) => stream,
            Ok(Answer::Whole(whole)) => panic!("no stream: {whole:?}"),
            Err(error) => panic!("no answer: {error}"),
        };
        let mut answer = Vec::new();
        while let Some(chunk) = stream.next().await {
            answer.extend_from_slice(&chunk.expect("the function goes on to the end"));
        }
        self.function.all_free().await;
        let answer = String::from_utf8(answer).expect("an answer is text");
        let (headers, body) = answer.split_once(AFTER_HEADERS).expect("headers come first");
        let headers: Value = serde_json::from_str(headers).expect("headers are JSON");
        assert_eq!(headers["statusCode"], 200, "{answer}");
        let id = headers["headers"]["x-tollgate-request-id"].as_str().expect("every answer names its call");
        let events = SseDecoder::default().feed(body.as_bytes()).expect("events");
        let events = events.iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect();
        Heard { id: id.to_owned(), body: body.to_owned(), events }
    }

    /// The record of a call, once it is settled: the environment is free only then.
    pub(crate) async fn closed(&self, id: &str) -> Record {
        self.accounts.record(id).await.expect("the call is in the ledger")
    }

    /// The calls that the provider got since the last rules.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        let calls = self.control(reqwest::Method::GET, "calls", "").await;
        serde_json::from_str(&calls).expect("a list of calls")
    }

    /// What a call costs that was counted like this, in nano-dollars.
    pub(crate) fn cost(&self, target: &str, call: &Value) -> u64 {
        let rate = |kind: &str| {
            let per_million = self.prices["targets"][target][kind].as_str().expect("it has a price");
            per_million.parse::<Nanos>().expect("a price is in dollars").0 / 1_000_000
        };
        let count = |kind: &str| call[kind].as_u64().expect("tokens are counted");
        count("input_tokens") * rate("input") + count("output_tokens") * rate("output")
    }

    async fn control(&self, method: reqwest::Method, what: &str, body: &str) -> String {
        let url = format!("{}/_standin/{what}", self.standin);
        let request = reqwest::Client::new().request(method, url).body(body.to_owned());
        let answer = request.send().await.expect("the stand-in answers");
        assert!(answer.status().is_success(), "{:?}", answer.text().await);
        answer.text().await.expect("the stand-in's answer is text")
    }

    pub(crate) async fn strike(self) {
        self.function.shut_down().await;
        self.accounts.close().await;
    }
}

fn event(path: &str, team: &str, text: &str) -> Bytes {
    let sample = std::fs::read(root().join("events/invoke/chat.json")).expect("the sample event is shipped");
    let mut event: Value = serde_json::from_slice(&sample).expect("the sample is JSON");
    event["resource"] = path.into();
    event["path"] = path.into();
    event["requestContext"]["resourcePath"] = path.into();
    event["requestContext"]["path"] = format!("/live{path}").into();
    event["requestContext"]["authorizer"]["team"] = team.into();
    event["requestContext"]["authorizer"]["budgetDayNanos"] = "1000000000000000".into();
    let mut body = json!({"model": "gpt-5.5", "stream": true});
    if path == "/v1/responses" {
        (body["input"], body["max_output_tokens"]) = (text.into(), 200.into());
    } else {
        body["messages"] = json!([{"role": "user", "content": text}]);
        body["max_completion_tokens"] = 200.into();
    }
    event["body"] = body.to_string().into();
    event.to_string().into()
}

fn function(accounts: &Accounts, standin: &str, name: &str) -> Function {
    let tables = &accounts.tables;
    let environment = [
        ("CONFIG_TABLE", tables.config.as_str()),
        ("LIMITS_TABLE", &tables.limits),
        ("CACHE_TABLE", &tables.cache),
        ("LEDGER_TABLE", &tables.ledger),
        ("METRIC_NAMESPACE", "Tollgate"),
        ("TOLLGATE_ENVIRONMENT", "dev"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &accounts.url),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", standin),
        ("PROVIDER_ENDPOINT", standin),
    ];
    let executable = root().join("target/debug/invoke");
    assert!(executable.exists(), "{} is not there: `make bins` builds it", executable.display());
    let folder = root().join("target/end-to-end/continued");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let spec = FunctionSpec {
        name: "tollgate-invoke".to_owned(),
        arn: "arn:aws:lambda:us-east-1:000000000000:function:tollgate-invoke".to_owned(),
        binary: executable,
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        timeout: Duration::from_secs(60),
        memory_mb: 1_024,
        concurrency: Some(1),
        log_file: folder.join(format!("{name}.log")),
    };
    let credentials = Credentials {
        access_key_id: ACCESS_KEY.to_owned(),
        secret_access_key: ACCESS_KEY.to_owned(),
        session_token: None,
        expires_at: None,
    };
    Function::new(spec, Arc::new(StaticCredentials(credentials)))
}

fn shipped(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("config/{name}.json"))).expect("the document is shipped")
}

/// Every first stream is cut here: the environment must not go past its target for that.
async fn seed(accounts: &Accounts) {
    let mut catalogue: Value = serde_json::from_str(&shipped("catalogue")).expect("the catalogue is JSON");
    catalogue["targets"][PRIMARY]["breaker"] = json!({"own_in_a_row": 1_000_000});
    let route = |next: &str| {
        json!({"providers": {PRIMARY: 1}, "failover_order": [next], "continue_broken": true,
            "cache": {"ttl_secs": 0}})
    };
    let teams: serde_json::Map<String, Value> =
        TEAMS.iter().map(|(team, next)| ((*team).to_owned(), route(next))).collect();
    let routing = json!({"default": {"providers": {PRIMARY: 1}}, "experiments": teams});
    let texts = BTreeMap::from([
        (Document::Catalogue, catalogue.to_string()),
        (Document::Prices, shipped("prices")),
        (Document::Routing, routing.to_string()),
    ]);
    let (who, why) = ("tests".to_owned(), "continued".to_owned());
    let flag = Flag { enabled: true, who, why, since_us: clock::now(), until_us: None };
    let store = ConfigStore::new(&accounts.client, &accounts.tables.config);
    let seeded = store.seed(&texts, &flag).await.expect("the config table is there");
    assert!(matches!(seeded, Seed::Done(_)), "{seeded:?}");
}
