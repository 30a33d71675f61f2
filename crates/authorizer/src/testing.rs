//! The ports in memory, and the events of the repository.

use std::collections::HashMap;
use std::future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::Value;
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::caller::{KeyRecord, KeyStatus, Role};
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Keys, Rates, StoreError, Taken};
use tollgate_core::rate::{RatePolicy, RateState, Step, Take};
use tollgate_core::time::Timestamp;

/// The key in `events/authorizer`.
pub(crate) const KEY: &str = "tg-777777777777-77777777777777777777777777777777r8mt";

pub(crate) const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

/// An event of `events/authorizer`.
pub(crate) fn event(case: &str) -> Value {
    let text = match case {
        "valid-key" => include_str!("../../../events/authorizer/valid-key.json"),
        "lower-case-header" => include_str!("../../../events/authorizer/lower-case-header.json"),
        "multi-value-headers-only" => {
            include_str!("../../../events/authorizer/multi-value-headers-only.json")
        }
        "no-header" => include_str!("../../../events/authorizer/no-header.json"),
        "mistyped-key" => include_str!("../../../events/authorizer/mistyped-key.json"),
        "foreign-key" => include_str!("../../../events/authorizer/foreign-key.json"),
        "two-headers" => include_str!("../../../events/authorizer/two-headers.json"),
        _ => panic!("no event {case}"),
    };
    serde_json::from_str(text).unwrap()
}

pub(crate) fn record() -> KeyRecord {
    KeyRecord {
        key_id: "777777777777".parse().unwrap(),
        user: "alice".parse().unwrap(),
        team: "search".parse().unwrap(),
        tenant: "acme".parse().unwrap(),
        role: Role::Caller,
        status: KeyStatus::Active,
        rate: RatePolicy { interval_us: 1_000_000, burst: 2, requests_per_day: None },
        key_rate: None,
        plan: None,
        budget: Budget { day: Some(Nanos(5_000_000_000)), ..Budget::default() },
        flow: FlowPolicy::default(),
        models: vec!["gpt-5.5".to_owned()],
        output: tollgate_core::output_policy::OutputPolicy::default(),
        sharing: tollgate_core::cache::Sharing::default(),
        created_at: "2026-11-22T10:00:00Z".to_owned(),
        expires_at: None,
        tags: tollgate_core::key::tag::Tags::new(),
        replaces: None,
        replaced_by: None,
        suspension: None,
    }
}

fn down(store: &'static str) -> StoreError {
    StoreError { store, cause: "no route to host".into() }
}

#[derive(Default)]
pub(crate) struct MemoryKeys {
    records: Mutex<HashMap<String, KeyRecord>>,
    reads: AtomicUsize,
    is_down: bool,
}

impl MemoryKeys {
    pub(crate) fn down() -> Self {
        Self { is_down: true, ..Self::default() }
    }

    pub(crate) fn insert(&self, hash: &str, record: KeyRecord) {
        self.records.lock().unwrap().insert(hash.to_owned(), record);
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Keys for MemoryKeys {
    async fn find(&self, hash: &str) -> Result<Option<KeyRecord>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if self.is_down {
            return Err(down("keys"));
        }
        Ok(self.records.lock().unwrap().get(hash).cloned())
    }
}

/// How a store answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Well,
    Down,
    Silent,
    /// It takes and gives nothing back.
    Grasping,
}

#[derive(Default)]
pub(crate) struct MemoryRates {
    states: Mutex<HashMap<String, RateState>>,
    mood: Mood,
}

impl MemoryRates {
    pub(crate) fn in_mood(mood: Mood) -> Self {
        Self { mood, ..Self::default() }
    }

    /// The requests counted for a scope.
    pub(crate) fn counted(&self, scope: &str) -> u64 {
        self.states.lock().unwrap().get(scope).map_or(0, |state| state.today)
    }

    pub(crate) fn is_untouched(&self) -> bool {
        self.states.lock().unwrap().is_empty()
    }
}

#[async_trait]
impl Rates for MemoryRates {
    async fn take(&self, scope: &str, policy: &RatePolicy, take: Take<'_>) -> Result<Taken, StoreError> {
        match self.mood {
            Mood::Well | Mood::Grasping => {}
            Mood::Down => return Err(down("limits")),
            Mood::Silent => future::pending().await,
        }
        let mut states = self.states.lock().unwrap();
        let state = states.entry(scope.to_owned()).or_default();
        let step = policy.next(state, take.units, take.now, take.request_id);
        if let Step::Refuse(refusal) = step {
            return Ok(Taken::Refused(refusal));
        }
        *state = state.after(step, policy, take);
        Ok(Taken::Admitted(policy.standing(state, take.now)))
    }

    async fn give_back(&self, scope: &str, policy: &RatePolicy, take: Take<'_>) -> Result<(), StoreError> {
        if self.mood == Mood::Grasping {
            return Err(down("limits"));
        }
        let mut states = self.states.lock().unwrap();
        let state = states.entry(scope.to_owned()).or_default();
        *state = state.given_back(policy, take);
        Ok(())
    }
}
