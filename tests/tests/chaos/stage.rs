//! An invoke that serves one model per fault, over targets that have it and one that does not; DynamoDB, and the function
//! that moves the breakers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::task::JoinSet;
use tollgate_aws::breakers::DynamoBreakers;
use tollgate_core::breaker::Breaker;
use tollgate_core::ports::Breakers;
use tollgate_core::record::Record;
use tollgate_core::settings::Document;
use tollgate_local::function::Function;
use tollgate_local::standin::Standin;
use tollgate_tests::accounts::Accounts;
use tollgate_tests::stack::{eventually, root};

use crate::chaos::fault::{Fault, How};
use crate::chaos::provider::{Provider, untrusted};
use crate::site::Site;

/// The model of the target that has no fault, which a model of the same name reaches directly.
pub(crate) const HEALTHY: &str = "healthy";

/// Each fault has a target of its own for each of these, so that no call's failure is another's memory.
const USES: [&str; 9] =
    ["json", "json-2", "json-3", "json-alone", "stream", "stream-2", "stream-3", "stream-alone", "breaker"];

/// How long the silent are waited for.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As the catalogue says where it says nothing.
    Usual,
    /// As short as a test wants it.
    Hurried,
}

pub(crate) struct Stage {
    accounts: Accounts,
    pub(crate) invoke: Function,
    health: Arc<Function>,
    standin: String,
    rules: BTreeMap<&'static str, Value>,
    providers: BTreeMap<&'static str, Provider>,
    mended: Mutex<BTreeSet<&'static str>>,
    _untrusted: Child,
    _parts: JoinSet<()>,
}

impl Stage {
    /// `None` where there is no DynamoDB Local.
    pub(crate) async fn open(name: &str, faults: &[Fault], pace: Pace) -> Option<Self> {
        let accounts = Accounts::open(name).await?;
        let rollups = format!("{}-rollups", accounts.tables.config);
        let site = Site { accounts: &accounts, rollups: &rollups, name };
        let stream_arn = site.open().await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let standin = format!("http://{}", listener.local_addr().expect("it listens"));
        let mut parts = JoinSet::new();
        parts.spawn(async {
            let Err(error) = Standin::default().serve(listener).await;
            panic!("the stand-in ended: {error}");
        });
        let folder = root().join("target/end-to-end").join(name);
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        let (untrusted, port) = untrusted(&folder).await;
        let (mut rules, mut providers, mut hosts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for fault in faults {
            let provider = Provider::failing(&fault.how).await;
            let host = match (&fault.how, &provider) {
                (_, Some(provider)) => provider.url(),
                (How::Nameless, _) => "https://nobody.invalid".to_owned(),
                (How::Untrusted, _) => format!("https://127.0.0.1:{port}"),
                _ => standin.clone(),
            };
            hosts.insert(fault.slug, host);
            providers.extend(provider.map(|provider| (fault.slug, provider)));
            if let How::Rule(rule) = &fault.how {
                rules.insert(fault.slug, rule.clone());
            }
        }
        site.seed(&documents(&hosts, &standin, pace)).await;
        let health = Arc::new(site.function("health", "", 1, &[]));
        parts.spawn(site.follow(stream_arn, &health));
        let invoke = site.function("invoke", "", 16, &[("ALLOW_PRIVATE_PROVIDERS", "true")]);
        let (mended, _untrusted, _parts) = (Mutex::default(), untrusted, parts);
        let stage = Self { accounts, invoke, health, standin, rules, providers, mended, _untrusted, _parts };
        stage.lay_down_rules().await;
        Some(stage)
    }

    /// The provider of this fault works from now on, where its breaker is concerned.
    pub(crate) async fn mend(&self, fault: &Fault) {
        self.mended.lock().unwrap_or_else(PoisonError::into_inner).insert(fault.slug);
        match self.providers.get(fault.slug) {
            Some(provider) => provider.mend().await,
            None => self.lay_down_rules().await,
        }
    }

    async fn lay_down_rules(&self) {
        let mended = self.mended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let broken = self.rules.iter().filter(|(slug, _)| !mended.contains(*slug));
        let rule = |(slug, rule): (&&str, &Value), purpose: &str| {
            let mut rule = rule.clone();
            rule["model"] = model(slug, purpose).into();
            let cut = rule.get("cut_after_chunks").is_some();
            // A JSON body is one chunk.
            if cut && purpose.starts_with("json") {
                rule["cut_after_chunks"] = 0.into();
            }
            rule
        };
        let mut rules: Vec<Value> =
            broken.flat_map(|broken| USES.map(|purpose| rule(broken, purpose))).collect();
        rules.push(json!({"model": "*", "chunk_delay_ms": 1, "reply_words": 8}));
        let url = format!("{}/_standin/faults", self.standin);
        let request = reqwest::Client::new().put(url).body(json!(rules).to_string());
        let answer = request.send().await.expect("the stand-in answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// What the stand-in counted for the last call of this model, in nano-dollars.
    pub(crate) async fn counted(&self, model: &str) -> Option<u64> {
        let url = format!("{}/_standin/calls", self.standin);
        let answer = reqwest::Client::new().get(url).send().await.expect("the stand-in answers");
        let calls: Vec<Value> = answer.json().await.expect("a list of calls");
        let call = calls.into_iter().rev().find(|call| call["model"] == model)?;
        let tokens = |name: &str| call[name].as_u64().expect("a count");
        // At one dollar and ten dollars for a million tokens.
        Some(tokens("input_tokens") * 1_000 + tokens("output_tokens") * 10_000)
    }

    /// The record of a call, once it is closed.
    pub(crate) async fn record(&self, id: &str) -> Record {
        let closed = eventually(Duration::from_secs(20), async || {
            self.accounts.record(id).await.filter(|record| record.end.is_some())
        });
        closed.await.unwrap_or_else(|| panic!("{id} is not closed"))
    }

    pub(crate) async fn breaker(&self, fault: &Fault) -> Breaker {
        let client = self.accounts.client.clone();
        let breakers = DynamoBreakers::new(client, self.accounts.tables.config.clone()).consistent();
        let mut board = breakers.all().await.expect("the breakers can be read");
        board.breakers.remove(&target(fault.slug, "breaker")).unwrap_or_default()
    }

    pub(crate) async fn close(self) {
        for function in [&self.invoke, &*self.health] {
            function.shut_down().await;
        }
        self.accounts.close().await;
    }
}

/// What a caller names to meet a fault in this use.
pub(crate) fn alias(slug: &str, purpose: &str) -> String {
    format!("{slug}-{purpose}-model")
}

/// The model as its provider knows it.
pub(crate) fn model(slug: &str, purpose: &str) -> String {
    format!("{slug}-{purpose}")
}

fn target(slug: &str, purpose: &str) -> String {
    format!("{slug}/{purpose}")
}

fn documents(hosts: &BTreeMap<&str, String>, standin: &str, pace: Pace) -> BTreeMap<Document, String> {
    let (mut models, mut targets, mut prices) = (json!({}), json!({}), json!({}));
    let served = |ids: &[&str]| json!({"owned_by": "tests", "created": 1, "targets": ids, "default_output_tokens": 40});
    let price = json!({"input": "1", "output": "10"});
    models[HEALTHY] = served(&["secondary/healthy"]);
    targets["secondary/healthy"] = target_at(standin, ("secondary", HEALTHY), &json!({}), &json!({}));
    prices["secondary/healthy"] = price.clone();
    for (slug, host) in hosts {
        for purpose in USES {
            let (id, name) = (target(slug, purpose), model(slug, purpose));
            let (breaker, timeouts) = (breaker_of(purpose), timeouts_of(slug, purpose, pace));
            targets[&id] = target_at(host, ("faulty", &name), &breaker, &timeouts);
            prices[&id] = price.clone();
            let is_alone = purpose.ends_with("-alone");
            let ids = if is_alone { vec![id.as_str()] } else { vec![id.as_str(), "secondary/healthy"] };
            models[alias(slug, purpose)] = served(&ids);
        }
    }
    let routing = json!({"default": {"providers": {"faulty": 1}, "failover_order": ["secondary"]}});
    BTreeMap::from([
        (Document::Catalogue, json!({"models": models, "targets": targets}).to_string()),
        (Document::Prices, json!({"targets": prices}).to_string()),
        (Document::Routing, routing.to_string()),
    ])
}

fn target_at(host: &str, (provider, model): (&str, &str), breaker: &Value, timeouts: &Value) -> Value {
    let wire = json!({"kind": "openai", "host": host, "path_prefix": "/compatible/v1", "dialects": ["chat"], "auth": {"kind": "none"}});
    json!({
        "provider": provider, "model_id": model, "region": "us-east-1", "wire": wire, "context_tokens": 100_000,
        "max_output_tokens": 1_000, "max_image_tokens": 0, "breaker": breaker, "timeouts": timeouts,
    })
}

/// As shipped, but for the times of those whose breakers are watched.
fn breaker_of(purpose: &str) -> Value {
    if purpose != "breaker" {
        return json!({});
    }
    json!({
        "min_calls": 5, "cool_down_ms": 2_000, "longest_ms": 8_000, "probe_ms": 5_000, "stage_ms": 1_000,
        "own_skip_ms": 500,
    })
}

fn timeouts_of(slug: &str, purpose: &str, pace: Pace) -> Value {
    match (slug, purpose, pace) {
        ("slow", "breaker", _) => json!({"first_token_ms": 1_000}),
        ("slow", _, Pace::Hurried) => json!({"first_token_ms": 400, "total_ms": 1_000}),
        // Else a lone target would have all of the function's time.
        ("slow", "json-alone" | "stream-alone", Pace::Usual) => json!({"total_ms": 12_000}),
        _ => json!({}),
    }
}
