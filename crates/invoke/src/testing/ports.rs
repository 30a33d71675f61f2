//! Settings, cache and spans in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::{Value, json};
use tollgate_core::enforcement::Standing;
use tollgate_core::ports::{Settings, Spans, StoreError};
use tollgate_core::settings::{Document, Flag, Head, Tenant};
use tollgate_core::signature::SigningKey;
use tollgate_core::trace::{Span, Trace};

use super::NOON;

/// How a store answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Well,
    Down,
    /// It never answers.
    Silent,
    /// It takes a second.
    Slow,
    /// It does what it is asked, and the reply is lost.
    Lossy,
    /// Others are always faster.
    Contended,
}

pub(super) fn down(store: &'static str) -> StoreError {
    StoreError { store, cause: "no route to host".into() }
}

/// What operators have set; the fields may be changed at any moment.
pub(crate) struct MemorySettings {
    pub(crate) head: Mutex<Result<Option<Head>, ()>>,
    pub(crate) documents: Mutex<Result<HashMap<Document, String>, ()>>,
    pub(crate) tenants: Mutex<Result<HashMap<String, Tenant>, ()>>,
    reads: Mutex<Vec<&'static str>>,
}

impl Default for MemorySettings {
    fn default() -> Self {
        let flag = Flag {
            enabled: true,
            who: "seed".to_owned(),
            why: "new".to_owned(),
            since_us: NOON,
            until_us: None,
        };
        let documents = [
            (Document::Catalogue, catalogue()),
            (Document::Prices, prices()),
            (
                Document::Routing,
                json!({"default": {"providers": {"first": 1}, "failover_order": ["second"]}}),
            ),
        ];
        Self {
            head: Mutex::new(Ok(Some(Head {
                flag,
                catalogue: 1,
                prices: 1,
                routing: 1,
                budgets: 0,
                purges: 0,
                enforcement: 0,
                standing: Standing::default(),
            }))),
            documents: Mutex::new(Ok(documents.map(|(document, text)| (document, text.to_string())).into())),
            tenants: Mutex::new(Ok(HashMap::new())),
            reads: Mutex::default(),
        }
    }
}

fn catalogue() -> Value {
    let model = |targets: &[&str], cap: u64| json!({"owned_by": "openai", "created": 1_780_272_000, "targets": targets, "default_output_tokens": cap});
    let target = |provider: &str, wire: Value, cap: u64| json!({"provider": provider, "model_id": format!("{provider}.model"), "region": "us-east-1", "wire": wire, "context_tokens": 100_000, "max_output_tokens": cap, "max_image_tokens": 10, "overhead_tokens": 0});
    let wire = |host: &str, dialects: &[&str]| json!({"kind": "openai", "host": host, "path_prefix": "/v1", "dialects": dialects, "auth": {"kind": "none"}});
    let chat = wire("https://first.example", &["chat", "responses"]);
    let other = wire("https://second.example", &["chat"]);
    let converse = json!({"kind": "converse"});
    json!({
        "models": {
            "gpt-5.5": model(&["first/gpt-5.5", "second/gpt-5.5"], 100),
            "embedder": model(&["first/embedder"], 0),
            "talks-converse": model(&["first/talks-converse"], 100),
            "plain": model(&["second/gpt-5.5"], 9_999),
            "unpriced": model(&["first/unpriced"], 100),
            "unrouted": model(&["elsewhere/unrouted"], 100),
        },
        "targets": {
            "first/gpt-5.5": target("first", chat.clone(), 1_000),
            "second/gpt-5.5": target("second", other, 500),
            "first/embedder": target("first", wire("https://first.example", &["embeddings"]), 0),
            "first/talks-converse": target("first", converse.clone(), 500),
            "first/unpriced": target("first", chat, 1_000),
            "elsewhere/unrouted": target("elsewhere", converse, 500),
        },
    })
}

fn prices() -> Value {
    json!({"targets": {
        "first/gpt-5.5": {"input": "1", "output": "10"},
        "second/gpt-5.5": {"input": "2", "output": "20"},
        "first/embedder": {"input": "1", "output": "0"},
        "first/talks-converse": {"input": "1", "output": "10"},
        "elsewhere/unrouted": {"input": "2", "output": "20"},
    }})
}

impl MemorySettings {
    /// Changes the head.
    pub(crate) fn set_head(&self, change: impl FnOnce(&mut Head)) {
        if let Ok(Some(head)) = &mut *self.head.lock().unwrap() {
            change(head);
        }
    }

    /// Writes a document anew, as an operator does.
    pub(crate) fn write(&self, document: Document, text: &Value) {
        if let Ok(documents) = &mut *self.documents.lock().unwrap() {
            documents.insert(document, text.to_string());
        }
        self.set_head(|head| match document {
            Document::Catalogue => head.catalogue += 1,
            Document::Prices => head.prices += 1,
            Document::Routing => head.routing += 1,
            Document::Budgets => head.budgets += 1,
            Document::Purges => head.purges += 1,
            Document::Enforcement => head.enforcement += 1,
        });
    }

    pub(crate) fn stop(&self, why: &str) {
        self.set_head(|head| {
            head.flag.enabled = false;
            head.flag.why = why.to_owned();
        });
    }

    /// How often something was read: `head`, or the id of a document.
    pub(crate) fn reads(&self, what: &str) -> usize {
        self.reads.lock().unwrap().iter().filter(|read| **read == what).count()
    }
}

#[async_trait]
impl Settings for MemorySettings {
    async fn head(&self) -> Result<Option<Head>, StoreError> {
        self.reads.lock().unwrap().push("head");
        self.head.lock().unwrap().clone().map_err(|()| down("config"))
    }

    async fn document(&self, document: Document) -> Result<Option<String>, StoreError> {
        self.reads.lock().unwrap().push(document.id());
        let documents = self.documents.lock().unwrap().clone().map_err(|()| down("config"))?;
        Ok(documents.get(&document).cloned())
    }

    async fn signing_key(&self) -> Result<Option<SigningKey>, StoreError> {
        Ok(Some(SigningKey::new("a secret of the tests".to_owned())))
    }

    async fn tenant(&self, id: &str) -> Result<Option<Tenant>, StoreError> {
        let tenants = self.tenants.lock().unwrap().clone().map_err(|()| down("config"))?;
        Ok(tenants.get(id).cloned())
    }
}

/// The steps that were recorded, and whether they failed.
#[derive(Default)]
pub(crate) struct MemorySpans(Mutex<Vec<(String, bool)>>);

impl MemorySpans {
    pub(crate) fn all(&self) -> Vec<(String, bool)> {
        self.0.lock().unwrap().clone()
    }
}

impl Spans for MemorySpans {
    fn record(&self, _trace: &Trace, span: &Span<'_>) {
        self.0.lock().unwrap().push((span.step.to_owned(), span.has_failed));
    }
}
