//! Vectors and evidence in memory.

use std::collections::HashMap;
use std::future;
use std::sync::Mutex;

use async_trait::async_trait;
use tollgate_core::ports::{Evidence, Near, Neighbour, Noting, Point, PointPage, StoreError, Vectors};
use tollgate_core::semantic::evidence::{Histogram, Observation, Pool};
use tollgate_core::semantic::similarity::cosine;

use super::Mood;
use super::ports::down;

/// Points, found by looking at each of them.
#[derive(Default)]
pub(crate) struct MemoryVectors {
    points: Mutex<Vec<Point>>,
    mood: Mutex<Mood>,
    /// Its answers forget whose the points are, as a broken index might.
    is_leaky: Mutex<bool>,
}

impl MemoryVectors {
    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn leak(&self) {
        *self.is_leaky.lock().unwrap() = true;
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.points.lock().unwrap().iter().map(|point| point.key.clone()).collect()
    }

    async fn begin(&self) -> Result<(), StoreError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Down => Err(down("vectors")),
            Mood::Silent => future::pending().await,
            Mood::Well | Mood::Slow | Mood::Lossy | Mood::Contended => Ok(()),
        }
    }
}

#[async_trait]
impl Vectors for MemoryVectors {
    async fn nearest(&self, near: &Near<'_>) -> Result<Vec<Neighbour>, StoreError> {
        self.begin().await?;
        let is_leaky = *self.is_leaky.lock().unwrap();
        let points = self.points.lock().unwrap();
        let own = points.iter().filter(|point| {
            (is_leaky || point.partition == near.partition) && point.expires_at > near.now.as_secs()
        });
        let mut found: Vec<Neighbour> = own
            .map(|point| Neighbour { key: point.key.clone(), similarity: cosine(&point.vector, near.vector) })
            .collect();
        found.sort_by_key(|neighbour| std::cmp::Reverse(neighbour.similarity));
        found.truncate(near.most.into());
        Ok(found)
    }

    async fn put(&self, point: &Point) -> Result<(), StoreError> {
        self.begin().await?;
        let mut points = self.points.lock().unwrap();
        points.retain(|known| known.key != point.key);
        points.push(point.clone());
        Ok(())
    }

    async fn page(&self, _start: Option<&str>) -> Result<PointPage, StoreError> {
        unreachable!("invoke sweeps nothing")
    }

    async fn remove(&self, _keys: &[String]) -> Result<(), StoreError> {
        unreachable!("invoke sweeps nothing")
    }
}

/// What was observed, by entry and by pool.
#[derive(Default)]
pub(crate) struct MemoryEvidence {
    entries: Mutex<HashMap<String, Histogram>>,
    pools: Mutex<HashMap<String, Pool>>,
    noted: Mutex<Vec<Observation>>,
    mood: Mutex<Mood>,
}

impl MemoryEvidence {
    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn noted(&self) -> Vec<Observation> {
        self.noted.lock().unwrap().clone()
    }

    /// As if so many pairs like this one had been seen in the pool before.
    pub(crate) fn teach(&self, pool: &str, observation: &Observation, times: usize) {
        let mut pools = self.pools.lock().unwrap();
        let known = pools.entry(pool.to_owned()).or_default();
        (0..times).for_each(|_| known.note(observation));
    }

    fn begin(&self) -> Result<(), StoreError> {
        if *self.mood.lock().unwrap() == Mood::Down { Err(down("cache")) } else { Ok(()) }
    }
}

#[async_trait]
impl Evidence for MemoryEvidence {
    async fn of_entry(&self, key: &str) -> Result<Histogram, StoreError> {
        self.begin()?;
        Ok(self.entries.lock().unwrap().get(key).cloned().unwrap_or_default())
    }

    async fn of_pool(&self, pool: &str) -> Result<Pool, StoreError> {
        self.begin()?;
        Ok(self.pools.lock().unwrap().get(pool).cloned().unwrap_or_default())
    }

    async fn note(&self, noting: &Noting<'_>) -> Result<(), StoreError> {
        self.begin()?;
        self.entries.lock().unwrap().entry(noting.entry.to_owned()).or_default().note(noting.observation);
        self.pools.lock().unwrap().entry(noting.pool.to_owned()).or_default().note(noting.observation);
        self.noted.lock().unwrap().push(*noting.observation);
        Ok(())
    }
}
