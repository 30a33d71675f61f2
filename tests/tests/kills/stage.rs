//! One environment of invoke with everything around it: Lambda's APIs, the provider, and DynamoDB behind the proxy.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tollgate_aws::clock;
use tollgate_aws::config_store::{ConfigStore, Seed};
use tollgate_core::settings::{Document, Flag};
use tollgate_local::function::{Answer, Credentials, Function, FunctionSpec, StaticCredentials};
use tollgate_local::standin::Standin;
use tollgate_tests::accounts::{ACCESS_KEY, Accounts};
use tollgate_tests::fault_proxy::{Arrived, Fault, FaultProxy};
use tollgate_tests::stack::root;

use crate::call::{CASCADED, Kind};
use crate::point::Point;

/// A call that is not over by then hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    pub(crate) accounts: Accounts,
    proxy: FaultProxy,
    function: Function,
    standin: String,
    _parts: JoinSet<()>,
}

/// How a call ended for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Answered,
    Killed,
}

impl Stage {
    /// `None` where there is no DynamoDB Local.
    pub(crate) async fn set(name: &str) -> Option<Self> {
        let accounts = Accounts::open(name).await?;
        seed(&accounts).await;
        let proxy = FaultProxy::start(&accounts.url).await.expect("a port is free");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let standin = format!("http://{}", listener.local_addr().expect("it listens"));
        let mut parts = JoinSet::new();
        parts.spawn(async {
            let Err(error) = Standin::default().serve(listener).await;
            panic!("the stand-in ended: {error}");
        });
        let function = function(&accounts, &proxy, &standin);
        let stage = Self { accounts, proxy, function, standin, _parts: parts };
        stage.pace().await;
        Some(stage)
    }

    /// One call, killed at the point unless it ends before.
    pub(crate) async fn run(&mut self, kind: Kind, text: &str, point: Option<&Point>) -> Ended {
        self.control(reqwest::Method::DELETE, "calls", "").await;
        let mut stops = match point {
            Some(point) => self.proxy.follow(point.plan(kind)),
            None => self.proxy.follow(|_| Fault::None),
        };
        let last_chunk = match point {
            Some(Point::Chunk(chunk)) => *chunk,
            _ => usize::MAX,
        };
        let life = async {
            let is_cut = self.read(kind, text, last_chunk).await;
            if !is_cut {
                self.function.all_free().await;
            }
            is_cut
        };
        let run = async {
            tokio::select! {
                is_cut = life => is_cut.then_some(None),
                Some(stopped) = stops.recv() => Some(Some(stopped)),
            }
        };
        let killed = tokio::time::timeout(PATIENCE, run).await;
        let Some(stopped) = killed.unwrap_or_else(|_| panic!("a call hangs: {text}")) else {
            return Ended::Answered;
        };
        match (stopped, point) {
            (Some(stopped), Some(Point::AtWork(time))) => {
                stopped.go_on();
                tokio::time::sleep(*time).await;
                self.kill().await;
            }
            (stopped, _) => {
                self.kill().await;
                drop(stopped);
            }
        }
        self.proxy.forward_all();
        Ended::Killed
    }

    /// One call that nobody kills, while its requests to DynamoDB meet faults.
    pub(crate) async fn serve(
        &self,
        kind: Kind,
        text: &str,
        plan: impl FnMut(&Arrived) -> Fault + Send + 'static,
    ) {
        self.control(reqwest::Method::DELETE, "calls", "").await;
        drop(self.proxy.follow(plan));
        let life = async {
            self.read(kind, text, usize::MAX).await;
            self.function.all_free().await;
        };
        let lived = tokio::time::timeout(PATIENCE, life).await;
        lived.unwrap_or_else(|_| panic!("a call hangs: {text}"));
        self.proxy.forward_all();
    }

    /// Reads the answer as far as the chunk of that number, and says whether there is more.
    async fn read(&self, kind: Kind, text: &str, last_chunk: usize) -> bool {
        let mut stream = match self.function.invoke(kind.event(text)).await {
            Ok(Answer::Stream(stream)) => stream,
            Ok(Answer::Whole(whole)) => panic!("no stream: {whole:?}"),
            // It was killed before it answered.
            Err(_) => return std::future::pending().await,
        };
        let mut chunks = 0;
        while let Some(chunk) = stream.next().await {
            if chunk.is_err() {
                return std::future::pending().await;
            }
            chunks += 1;
            if chunks == last_chunk {
                return true;
            }
        }
        false
    }

    async fn kill(&self) {
        for environment in self.function.environments() {
            assert!(environment.pid.is_some_and(|pid| self.function.kill(pid)), "{environment:?}");
        }
        while !self.function.environments().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The calls of the last run that reached the provider.
    pub(crate) async fn provider_calls(&self) -> Vec<Value> {
        let calls = self.control(reqwest::Method::GET, "calls", "").await;
        serde_json::from_str(&calls).expect("a list of calls")
    }

    /// A stream takes a while, so that there is a middle of it.
    async fn pace(&self) {
        let rules = json!([{"model": "*", "latency_ms": 40, "chunk_delay_ms": 4, "reply_words": 24}]);
        self.control(reqwest::Method::PUT, "faults", &rules.to_string()).await;
    }

    async fn control(&self, method: reqwest::Method, what: &str, body: &str) -> String {
        let url = format!("{}/_standin/{what}", self.standin);
        let request = reqwest::Client::new().request(method, url).body(body.to_owned());
        let answer = request.send().await.expect("the stand-in answers");
        assert!(answer.status().is_success(), "{answer:?}");
        answer.text().await.expect("the stand-in's answer is text")
    }

    pub(crate) async fn strike(self) {
        self.function.shut_down().await;
        self.accounts.close().await;
    }
}

fn function(accounts: &Accounts, proxy: &FaultProxy, standin: &str) -> Function {
    let tables = &accounts.tables;
    let environment = [
        ("CONFIG_TABLE", tables.config.as_str()),
        ("LIMITS_TABLE", &tables.limits),
        ("CACHE_TABLE", &tables.cache),
        ("LEDGER_TABLE", &tables.ledger),
        ("METRIC_NAMESPACE", "Tollgate"),
        ("TOLLGATE_ENVIRONMENT", "dev"),
        ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url()),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", standin),
        ("PROVIDER_ENDPOINT", standin),
    ];
    let spec = FunctionSpec {
        name: "tollgate-invoke".to_owned(),
        arn: "arn:aws:lambda:us-east-1:000000000000:function:tollgate-invoke".to_owned(),
        binary: executable(),
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        timeout: Duration::from_secs(60),
        memory_mb: 1_024,
        concurrency: Some(1),
        log_file: log_file(),
    };
    let credentials = Credentials {
        access_key_id: ACCESS_KEY.to_owned(),
        secret_access_key: ACCESS_KEY.to_owned(),
        session_token: None,
        expires_at: None,
    };
    Function::new(spec, Arc::new(StaticCredentials(credentials)))
}

fn executable() -> PathBuf {
    let path = root().join("target/debug/invoke");
    assert!(path.exists(), "{} is not there: `make bins` builds it", path.display());
    path
}

fn log_file() -> PathBuf {
    let folder = root().join("target/end-to-end/kills");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder.join("invoke.log")
}

/// As it is shipped, but that one model's cheapest target is asked first.
fn routing() -> Value {
    let bedrock = json!({"bedrock": 1});
    let first = format!("runtime-us-east-1/{CASCADED}");
    let strategy = json!({"kind": "cascade", "first": first, "sufficient": {"one_of": ["never"]}});
    let route = json!({"providers": bedrock, "failover_order": ["bedrock"], "strategy": strategy});
    let rule = json!({"name": "cheap-first", "when": {"model": CASCADED}, "route": route});
    json!({"default": {"providers": bedrock, "failover_order": ["bedrock"]}, "rules": [rule]})
}

async fn seed(accounts: &Accounts) {
    let read = |name: &str| {
        let path = root().join(format!("config/{name}.json"));
        std::fs::read_to_string(path).expect("the document is shipped")
    };
    let texts = BTreeMap::from([
        (Document::Catalogue, read("catalogue")),
        (Document::Prices, read("prices")),
        (Document::Routing, routing().to_string()),
    ]);
    let (who, why) = ("tests".to_owned(), "kills".to_owned());
    let flag = Flag { enabled: true, who, why, since_us: clock::now(), until_us: None };
    let store = ConfigStore::new(&accounts.client, &accounts.tables.config);
    let seeded = store.seed(&texts, &flag).await.expect("the config table is there");
    assert!(matches!(seeded, Seed::Done(_)), "{seeded:?}");
}
