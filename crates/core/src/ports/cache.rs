//! What the caches need: answers by their key, questions as vectors, and what verified pairs have shown.

use async_trait::async_trait;

use super::StoreError;
use crate::cache::{Entry, Lease, Leasing};
use crate::semantic::evidence::{Histogram, Observation, Pool};
use crate::semantic::similarity::Similarity;
use crate::time::Timestamp;

/// Answers that were paid for. A cache that cannot be reached is a miss.
#[async_trait]
pub trait Cache: Send + Sync {
    /// What stands under a key at `now`; nothing of it has expired.
    async fn read(&self, key: &str, now: Timestamp) -> Result<Standing, StoreError>;
    /// Keeps an entry until it expires, and ends the lease under its key. What is too large is not kept.
    async fn write(&self, key: &str, entry: &Entry) -> Result<(), StoreError>;
    /// Takes the lease, unless another call's stands.
    async fn lease(&self, key: &str, lease: &Lease, now: Timestamp) -> Result<Leasing, StoreError>;
    /// Ends the lease of a call that keeps nothing, if it is still this call's.
    async fn release(&self, key: &str, holder: &str) -> Result<(), StoreError>;
}

/// What stands under a key of the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is kept.
    pub entry: Option<Entry>,
    /// Who is getting it.
    pub lease: Option<Lease>,
}

/// Questions as vectors, each with the key of its answer.
#[async_trait]
pub trait Vectors: Send + Sync {
    /// The nearest ones of a partition that have not expired, nearest first.
    async fn nearest(&self, near: &Near<'_>) -> Result<Vec<Neighbour>, StoreError>;
    /// Keeps one.
    async fn put(&self, point: &Point) -> Result<(), StoreError>;
    /// A page of all of them, with the token of the page before.
    async fn page(&self, start: Option<&str>) -> Result<PointPage, StoreError>;
    /// Forgets some, at most 500.
    async fn remove(&self, keys: &[String]) -> Result<(), StoreError>;
}

/// Where neighbours are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Near<'a> {
    /// Whose, and what must match exactly.
    pub partition: &'a str,
    /// The question.
    pub vector: &'a [f32],
    /// How many.
    pub most: u8,
    /// What expires by then is not looked at.
    pub now: Timestamp,
}

/// A question as a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The key of its answer in the cache.
    pub key: String,
    /// Whose it is, and what must match exactly.
    pub partition: String,
    /// Where it is.
    pub vector: Vec<f32>,
    /// Epoch seconds from which its answer is no longer served.
    pub expires_at: u64,
}

/// A question that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The key of its answer in the cache.
    pub key: String,
    /// How near it is.
    pub similarity: Similarity,
}

/// Some of all points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointPage {
    /// Keys, and the epoch seconds at which each expires; 0 where it does not say.
    pub points: Vec<(String, u64)>,
    /// The token of the next page; `None` where there is none.
    pub next: Option<String>,
}

/// What verified pairs have shown. What cannot be read is no evidence, and so a miss.
#[async_trait]
pub trait Evidence: Send + Sync {
    /// Of one entry, by its key in the cache.
    async fn of_entry(&self, key: &str) -> Result<Histogram, StoreError>;
    /// Of all entries of a pool, by its name.
    async fn of_pool(&self, pool: &str) -> Result<Pool, StoreError>;
    /// Adds what was observed to its pool and its entry: once per `token`, however often it is tried.
    async fn note(&self, noting: &Noting<'_>) -> Result<(), StoreError>;
}

/// Where an observation is added.
#[derive(Clone, Copy, Debug)]
pub struct Noting<'a> {
    /// Unique to the observation: the id of the call that made it.
    pub token: &'a str,
    /// The entry that was compared.
    pub entry: &'a str,
    /// The pool that it belongs to.
    pub pool: &'a str,
    /// What was seen.
    pub observation: &'a Observation,
    /// Epoch seconds after which nobody needs what is known of the entry; a pool is kept.
    pub expires_at: u64,
}
