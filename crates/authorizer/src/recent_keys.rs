//! Keys that were read a moment ago, so that a busy caller costs no read per call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tollgate_core::caller::KeyRecord;
use tollgate_core::ports::{Keys, StoreError};
use tollgate_core::time::Timestamp;

/// With the two seconds that the rate may take, a revoked key is admitted for less than ten.
const FRESH: Duration = Duration::from_secs(8);

/// More would be a sign of something else than callers.
const MOST: usize = 10_000;

/// Keys, remembered by their hash. What was not found is not remembered: a new key works at once.
pub(crate) struct RecentKeys {
    source: Arc<dyn Keys>,
    known: Mutex<HashMap<String, Known>>,
}

struct Known {
    record: KeyRecord,
    read: Timestamp,
}

impl Known {
    /// A clock that was set back makes everything stale, rather than fresh for as long as it was set back.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.read <= now && now.since(self.read) < FRESH
    }
}

impl RecentKeys {
    pub(crate) fn new(source: Arc<dyn Keys>) -> Self {
        Self { source, known: Mutex::default() }
    }

    /// The record as it was at most [`FRESH`] ago.
    pub(crate) async fn find(&self, hash: &str, now: Timestamp) -> Result<Option<KeyRecord>, StoreError> {
        if let Some(known) = self.known().get(hash).filter(|known| known.is_fresh(now)) {
            return Ok(Some(known.record.clone()));
        }
        let found = self.source.find(hash).await?;
        if let Some(record) = &found {
            self.remember(hash, record.clone(), now);
        }
        Ok(found)
    }

    fn remember(&self, hash: &str, record: KeyRecord, now: Timestamp) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, known| known.is_fresh(now));
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(hash.to_owned(), Known { record, read: now });
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MemoryKeys, NOON, record};

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[tokio::test]
    async fn a_key_is_read_again_after_eight_seconds() {
        let source = Arc::new(MemoryKeys::default());
        source.insert("hash", record());
        let keys = RecentKeys::new(source.clone());

        for after in [0, 1, 7, 8, 15, 16] {
            keys.find("hash", NOON.plus(secs(after))).await.unwrap();
        }

        assert_eq!(source.reads(), 3);
    }

    #[tokio::test]
    async fn what_is_not_there_is_looked_up_each_time() {
        let source = Arc::new(MemoryKeys::default());
        let keys = RecentKeys::new(source.clone());
        assert_eq!(keys.find("hash", NOON).await.unwrap(), None);

        source.insert("hash", record());

        assert_eq!(keys.find("hash", NOON).await.unwrap(), Some(record()));
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_keeps_nothing_fresh() {
        let source = Arc::new(MemoryKeys::default());
        source.insert("hash", record());
        let keys = RecentKeys::new(source.clone());
        keys.find("hash", NOON.plus(secs(3_600))).await.unwrap();

        keys.find("hash", NOON).await.unwrap();

        assert_eq!(source.reads(), 2);
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let source = Arc::new(MemoryKeys::default());
        let keys = RecentKeys::new(source.clone());
        for key in 0..=MOST {
            let hash = key.to_string();
            source.insert(&hash, record());
            keys.find(&hash, NOON).await.unwrap();
        }

        assert!(keys.known().len() <= MOST);
        assert_eq!(keys.find(&MOST.to_string(), NOON).await.unwrap(), Some(record()));
        assert_eq!(source.reads(), MOST + 1);
    }
}
