//! Claims and kept answers in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use tollgate_core::idempotency::{Answered, Claim, Claimed, Kept, Place, Progress};
use tollgate_core::ports::{Answers, Keeping, StoreError};
use tollgate_core::time::Timestamp;

/// Claims with the rules of the real ones; all methods can be made to fail.
#[derive(Default)]
pub(crate) struct MemoryAnswers {
    claims: Mutex<HashMap<String, Claimed>>,
    down: Mutex<Vec<&'static str>>,
    silent: Mutex<Option<&'static str>>,
    reads: Mutex<usize>,
    /// Happens once, between the next read of a claim and what follows.
    after_find: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl MemoryAnswers {
    /// All that stands.
    pub(crate) fn all(&self) -> Vec<Claimed> {
        self.claims.lock().unwrap().values().cloned().collect()
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

    /// What a reservation does under a claim: takes it, or says what stands there.
    pub(crate) fn take(&self, claim: &Claim, now: Timestamp) -> Option<Claimed> {
        let mut claims = self.claims.lock().unwrap();
        let standing = claims.get(&claim.id).filter(|standing| now.as_secs() < standing.claim.expires_at);
        if let Some(standing) = standing {
            return Some(standing.clone());
        }
        claims.insert(claim.id.clone(), Claimed { claim: claim.clone(), progress: Progress::Running });
        None
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
        let found = self.claims.lock().unwrap().get(id).cloned();
        let then = self.after_find.lock().unwrap().take();
        if let Some(then) = then {
            then();
        }
        Ok(found)
    }

    async fn keep(&self, claim: &Claim, answer: &Answered) -> Result<Keeping, StoreError> {
        self.begin("keep").await?;
        let mut claims = self.claims.lock().unwrap();
        let Some(standing) = claims.get_mut(&claim.id) else { return Ok(Keeping::Lost) };
        if standing.claim.request_id != claim.request_id {
            return Ok(Keeping::Lost);
        }
        let Answered { status, form, target, body } = answer.clone();
        standing.progress = Progress::Done(Kept { status, form, target, place: Place::Inline(body) });
        Ok(Keeping::Done)
    }

    async fn free(&self, id: &str, request_id: &str) -> Result<(), StoreError> {
        self.begin("free").await?;
        let is_its = |claimed: &Claimed| {
            claimed.claim.request_id == request_id && claimed.progress == Progress::Running
        };
        let mut claims = self.claims.lock().unwrap();
        if claims.get(id).is_some_and(is_its) {
            claims.remove(id);
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
