//! Settings, ledger and cache in memory.

use std::collections::HashMap;
use std::future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tollgate_core::budget::Budget;
use tollgate_core::idempotency::Claim;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{
    Cache, Entry, Ledger, Records, Reservation, Settings, Spans, StoreError, Transition,
};
use tollgate_core::record::{Record, spend_delta};
use tollgate_core::settings::{Document, Flag, Head, Tenant};
use tollgate_core::spend::{MONTH_ATTRIBUTE, Spent, exhausted};
use tollgate_core::time::Timestamp;
use tollgate_core::trace::{Span, Trace};

use super::{MemoryAnswers, NOON};

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

fn down(store: &'static str) -> StoreError {
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
        let flag = Flag { enabled: true, who: "seed".to_owned(), why: "new".to_owned(), since_us: NOON };
        let documents = [
            (Document::Catalogue, catalogue()),
            (Document::Prices, prices()),
            (
                Document::Routing,
                json!({"default": {"providers": {"first": 1}, "failover_order": ["second"]}}),
            ),
        ];
        Self {
            head: Mutex::new(Ok(Some(Head { flag, catalogue: 1, prices: 1, routing: 1 }))),
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

    async fn tenant(&self, id: &str) -> Result<Option<Tenant>, StoreError> {
        let tenants = self.tenants.lock().unwrap().clone().map_err(|()| down("config"))?;
        Ok(tenants.get(id).cloned())
    }
}

/// The ledger with the rules of the real one: a change is written only over `before`, and money moves with it.
#[derive(Default)]
pub(crate) struct MemoryLedger {
    books: Mutex<Books>,
    moods: Mutex<HashMap<&'static str, Mood>>,
    /// Where claims lie.
    pub(crate) answers: Arc<MemoryAnswers>,
}

#[derive(Default)]
struct Books {
    records: HashMap<String, Record>,
    spend: HashMap<(String, String), i128>,
    steps: Vec<&'static str>,
}

impl MemoryLedger {
    pub(crate) fn record(&self, id: &str) -> Option<Record> {
        self.books.lock().unwrap().records.get(id).cloned()
    }

    /// Gives a record another id, as if Lambda had given it.
    pub(crate) fn rename(&self, id: &str, to: &str) {
        let mut books = self.books.lock().unwrap();
        let record = books.records.remove(id).unwrap();
        books.records.insert(to.to_owned(), Record { request_id: to.to_owned(), ..record });
    }

    /// What was asked of it, in order.
    pub(crate) fn steps(&self) -> Vec<&'static str> {
        self.books.lock().unwrap().steps.clone()
    }

    /// Makes one of its methods answer so.
    pub(crate) fn set_mood(&self, step: &'static str, mood: Mood) {
        self.moods.lock().unwrap().insert(step, mood);
    }

    /// What the reconciler does to every open record.
    pub(crate) fn expire(&self, now: Timestamp) {
        let mut books = self.books.lock().unwrap();
        let open: Vec<Record> =
            books.records.values().filter(|record| record.open.is_some()).cloned().collect();
        for record in open {
            let expired = record.expired(now);
            books.write(Some(&record), &expired);
        }
    }

    /// Panics unless the counters hold what the records say.
    pub(crate) fn check_balance(&self) {
        let books = self.books.lock().unwrap();
        let charged: u64 = books.records.values().map(|record| record.charged_nanos.0).sum();
        let months = books.spend.iter().filter(|((_, attribute), _)| attribute == MONTH_ATTRIBUTE);
        assert_eq!(months.map(|(_, nanos)| nanos).sum::<i128>(), i128::from(charged));
    }

    async fn begin(&self, step: &'static str) -> Result<Mood, StoreError> {
        let mood = self.moods.lock().unwrap().get(step).copied().unwrap_or_default();
        match mood {
            Mood::Down => return Err(down("ledger")),
            Mood::Silent => future::pending().await,
            Mood::Slow => tokio::time::sleep(Duration::from_secs(1)).await,
            Mood::Well | Mood::Lossy | Mood::Contended => {}
        }
        self.books.lock().unwrap().steps.push(step);
        Ok(mood)
    }

    fn take(
        &self,
        (before, after): (Option<&Record>, &Record),
        budget: &Budget,
        claim: Option<&Claim>,
        mood: Mood,
    ) -> Result<Reservation, StoreError> {
        let mut books = self.books.lock().unwrap();
        if mood == Mood::Contended || !books.is_at(before, after) {
            return Ok(Reservation::Contended);
        }
        let needed = after.charged_nanos.minus(before.map_or(Nanos::ZERO, |before| before.charged_nanos));
        let scope = after.user_scope().to_string();
        if let Some(exhausted) = exhausted(&scope, budget, books.spent(after), needed, after.day) {
            return Ok(Reservation::Refused(exhausted));
        }
        if let Some(by) = claim.and_then(|claim| self.answers.take(claim, after.created_us)) {
            return Ok(Reservation::Claimed(by.into()));
        }
        books.write(before, after);
        lossy(mood, Reservation::Granted)
    }

    fn change(&self, before: &Record, after: &Record, mood: Mood) -> Result<Transition, StoreError> {
        let mut books = self.books.lock().unwrap();
        match books.records.get(&after.request_id) {
            None => return Ok(Transition::Missing),
            Some(now) if now == after => return Ok(Transition::Done),
            Some(now) if !books.is_at(Some(before), after) => {
                return Ok(Transition::Lost(Box::new(now.clone())));
            }
            Some(_) => books.write(Some(before), after),
        }
        lossy(mood, Transition::Done)
    }
}

fn lossy<T>(mood: Mood, outcome: T) -> Result<T, StoreError> {
    if mood == Mood::Lossy { Err(down("ledger")) } else { Ok(outcome) }
}

impl Books {
    fn is_at(&self, before: Option<&Record>, after: &Record) -> bool {
        let guarded = |record: &Record| (record.state, record.charged_nanos);
        self.records.get(&after.request_id).map(guarded) == before.map(guarded)
    }

    fn write(&mut self, before: Option<&Record>, after: &Record) {
        let delta = before.map_or(i128::from(after.charged_nanos.0), |before| spend_delta(before, after));
        let item = after.spend_item();
        for attribute in [item.day_attribute, MONTH_ATTRIBUTE.to_owned()] {
            *self.spend.entry((item.key.clone(), attribute)).or_default() += delta;
        }
        self.records.insert(after.request_id.clone(), after.clone());
    }

    fn spent(&self, record: &Record) -> Spent {
        let item = record.spend_item();
        let read = |attribute: String| {
            let nanos = self.spend.get(&(item.key.clone(), attribute)).copied().unwrap_or_default();
            Nanos(u64::try_from(nanos).unwrap())
        };
        Spent { day: read(item.day_attribute.clone()), month: read(MONTH_ATTRIBUTE.to_owned()) }
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn reserve(
        &self,
        record: &Record,
        budget: &Budget,
        claim: Option<&Claim>,
    ) -> Result<Reservation, StoreError> {
        let mood = self.begin("reserve").await?;
        self.take((None, record), budget, claim, mood)
    }

    async fn extend(
        &self,
        before: &Record,
        after: &Record,
        budget: &Budget,
    ) -> Result<Reservation, StoreError> {
        let mood = self.begin("extend").await?;
        self.take((Some(before), after), budget, None, mood)
    }

    async fn send(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        let mood = self.begin("send").await?;
        self.change(before, after, mood)
    }

    async fn close(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        let mood = self.begin("close").await?;
        self.change(before, after, mood)
    }

    async fn enter(&self, record: &Record) -> Result<(), StoreError> {
        self.begin("enter").await?;
        self.books.lock().unwrap().records.insert(record.request_id.clone(), record.clone());
        Ok(())
    }
}

#[async_trait]
impl Records for MemoryLedger {
    async fn find(&self, request_id: &str) -> Result<Option<Record>, StoreError> {
        self.begin("find").await?;
        Ok(self.record(request_id))
    }
}

/// The cache; reads and writes share a mood.
#[derive(Default)]
pub(crate) struct MemoryCache {
    entries: Mutex<HashMap<String, Entry>>,
    mood: Mutex<Mood>,
}

impl MemoryCache {
    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.lock().unwrap().is_empty()
    }

    async fn begin(&self) -> Result<(), StoreError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Down => Err(down("cache")),
            Mood::Silent => future::pending().await,
            Mood::Well | Mood::Slow | Mood::Lossy | Mood::Contended => Ok(()),
        }
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn read(&self, key: &str, now: Timestamp) -> Result<Option<Entry>, StoreError> {
        self.begin().await?;
        let entry = self.entries.lock().unwrap().get(key).cloned();
        Ok(entry.filter(|entry| now.as_secs() < entry.expires_at))
    }

    async fn write(&self, key: &str, entry: &Entry) -> Result<(), StoreError> {
        self.begin().await?;
        self.entries.lock().unwrap().insert(key.to_owned(), entry.clone());
        Ok(())
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
