//! Claims and kept answers in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tollgate_core::idempotency::{Answered, Claim, Claimed, Kept, Place, Progress};
use tollgate_core::ports::{Answers, Keeping, StoreError};
use tollgate_core::time::Timestamp;
use tollgate_core::write::memory::Memory;
use tollgate_core::write::{Change, Item, Table};

/// Claims with the rules of the real ones; all methods can be made to fail.
#[derive(Default)]
pub(crate) struct MemoryAnswers {
    tables: Arc<Mutex<Memory>>,
    /// The answers of claims that are done, by their ids.
    kept: Mutex<HashMap<String, Kept>>,
    down: Mutex<Vec<&'static str>>,
    silent: Mutex<Option<&'static str>>,
    reads: Mutex<usize>,
    /// Happens once, between the next read of a claim and what follows.
    after_find: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl MemoryAnswers {
    /// Over the tables in which reservations write their claims.
    pub(crate) fn over(tables: Arc<Mutex<Memory>>) -> Self {
        Self { tables, ..Self::default() }
    }

    /// All that stands.
    pub(crate) fn all(&self) -> Vec<Claimed> {
        let tables = self.tables.lock().unwrap();
        tables.starting_with(Table::Cache, "idem#").map(|(_, item)| self.claimed(item)).collect()
    }

    fn claimed(&self, item: &Item) -> Claimed {
        let claim = Claim::of(item).unwrap();
        let progress = match item["state"].as_str() {
            Some("done") => Progress::Done(self.kept.lock().unwrap()[&claim.id].clone()),
            _ => Progress::Running,
        };
        Claimed { claim, progress }
    }

    fn standing(&self, id: &str) -> Option<Claimed> {
        let item = self.tables.lock().unwrap().get(Table::Cache, id)?;
        Some(self.claimed(&item))
    }

    /// How often a claim was read.
    pub(crate) fn reads(&self) -> usize {
        *self.reads.lock().unwrap()
    }

    /// Lets one of the methods fail from now on, or none where empty.
    pub(crate) fn break_down(&self, step: &'static str) {
        *self.down.lock().unwrap() = vec![step];
    }

    /// Lets one of the methods never answer from now on.
    pub(crate) fn silence(&self, step: &'static str) {
        *self.silent.lock().unwrap() = Some(step);
    }

    pub(crate) fn after_find(&self, then: impl FnOnce() + Send + 'static) {
        *self.after_find.lock().unwrap() = Some(Box::new(then));
    }

    async fn begin(&self, step: &'static str) -> Result<(), StoreError> {
        if *self.silent.lock().unwrap() == Some(step) {
            std::future::pending::<()>().await;
        }
        if self.down.lock().unwrap().contains(&step) {
            return Err(StoreError { store: "cache", cause: "no route to host".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl Answers for MemoryAnswers {
    async fn find(&self, id: &str) -> Result<Option<Claimed>, StoreError> {
        self.begin("find").await?;
        *self.reads.lock().unwrap() += 1;
        let found = self.standing(id);
        let then = self.after_find.lock().unwrap().take();
        if let Some(then) = then {
            then();
        }
        Ok(found)
    }

    async fn keep(&self, claim: &Claim, answer: &Answered) -> Result<Keeping, StoreError> {
        self.begin("keep").await?;
        let Some(standing) = self.standing(&claim.id) else { return Ok(Keeping::Lost) };
        if standing.claim.request_id != claim.request_id {
            return Ok(Keeping::Lost);
        }
        let Answered { status, form, target, body } = answer.clone();
        let kept = Kept { status, form, target, place: Place::Inline(body) };
        self.kept.lock().unwrap().insert(claim.id.clone(), kept);
        let mut done = claim.write(Timestamp::default());
        done.checks.clear();
        if let Change::Put(item) = &mut done.change {
            item.insert("state".to_owned(), "done".into());
        }
        self.tables.lock().unwrap().transact(&[done]).unwrap();
        Ok(Keeping::Done)
    }

    async fn free(&self, id: &str, request_id: &str) -> Result<(), StoreError> {
        self.begin("free").await?;
        let is_its = |claimed: &Claimed| {
            claimed.claim.request_id == request_id && claimed.progress == Progress::Running
        };
        if self.standing(id).as_ref().is_some_and(is_its) {
            self.tables.lock().unwrap().remove(Table::Cache, id);
        }
        Ok(())
    }

    async fn body(&self, kept: &Kept) -> Result<Option<Bytes>, StoreError> {
        self.begin("body").await?;
        Ok(match &kept.place {
            Place::Inline(body) => Some(body.clone()),
            Place::Object(_) => None,
        })
    }
}
