//! The cache in memory.

use std::collections::HashMap;
use std::future;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use tollgate_core::cache::{Entry, Lease, Leasing};
use tollgate_core::ports::{Cache, Standing, StoreError};
use tollgate_core::time::Timestamp;

use super::Mood;
use super::ports::down;

/// Entries and leases; all calls share a mood.
#[derive(Default)]
pub(crate) struct MemoryCache {
    standing: Mutex<HashMap<String, Standing>>,
    mood: Mutex<Mood>,
    reads: Mutex<usize>,
}

impl MemoryCache {
    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.standing.lock().unwrap().values().all(|standing| standing.entry.is_none())
    }

    /// Whether nobody has a lease.
    pub(crate) fn is_unleased(&self) -> bool {
        self.standing.lock().unwrap().values().all(|standing| standing.lease.is_none())
    }

    /// Whether no item was ever written.
    pub(crate) fn is_untouched(&self) -> bool {
        self.standing.lock().unwrap().is_empty()
    }

    pub(crate) fn reads(&self) -> usize {
        *self.reads.lock().unwrap()
    }

    /// Everything that is kept.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.standing.lock().unwrap().values().filter_map(|standing| standing.entry.clone()).collect()
    }

    /// Somebody writes nonsense over every answer.
    pub(crate) fn garble(&self) {
        for standing in self.standing.lock().unwrap().values_mut() {
            if let Some(entry) = &mut standing.entry {
                entry.reply = Bytes::from_static(b"\xff{");
            }
        }
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
    async fn read(&self, key: &str, now: Timestamp) -> Result<Standing, StoreError> {
        *self.reads.lock().unwrap() += 1;
        self.begin().await?;
        let Standing { entry, lease } = self.standing.lock().unwrap().get(key).cloned().unwrap_or_default();
        Ok(Standing {
            entry: entry.filter(|entry| entry.about.is_fresh(now)),
            lease: lease.filter(|lease| lease.stands(now)),
        })
    }

    async fn write(&self, key: &str, entry: &Entry) -> Result<(), StoreError> {
        self.begin().await?;
        let standing = Standing { entry: Some(entry.clone()), lease: None };
        self.standing.lock().unwrap().insert(key.to_owned(), standing);
        Ok(())
    }

    async fn lease(&self, key: &str, lease: &Lease, now: Timestamp) -> Result<Leasing, StoreError> {
        self.begin().await?;
        let mut all = self.standing.lock().unwrap();
        let standing = all.entry(key.to_owned()).or_default();
        match &standing.lease {
            Some(held) if held.stands(now) && held.holder != lease.holder => Ok(Leasing::Held(held.clone())),
            _ => {
                standing.lease = Some(lease.clone());
                Ok(Leasing::Taken)
            }
        }
    }

    async fn release(&self, key: &str, holder: &str) -> Result<(), StoreError> {
        self.begin().await?;
        if let Some(standing) = self.standing.lock().unwrap().get_mut(key) {
            standing.lease.take_if(|lease| lease.holder == holder);
        }
        Ok(())
    }
}
