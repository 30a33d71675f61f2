//! Breakers, and the outcomes that move them.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::StoreError;
use crate::breaker::Breaker;
use crate::feedback::Rated;
use crate::health::{Outcome, Window};
use crate::routing::{Pace, Rating};
use crate::semantic::millionths::Millionths;
use crate::time::Timestamp;

/// What the fleet knows of targets, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// Breakers; one that was never written is closed.
    pub breakers: BTreeMap<String, Breaker>,
    /// How fast they were lately.
    pub paces: BTreeMap<String, Pace>,
    /// What callers said of their answers.
    pub ratings: BTreeMap<String, Rating>,
}

/// The breakers of the fleet. Without them everybody is admitted.
#[async_trait]
pub trait Breakers: Send + Sync {
    /// All that is known, in one read.
    async fn all(&self) -> Result<Board, StoreError>;
    /// Writes the breaker of a target over the revision before its own.
    async fn write(&self, target: &str, breaker: &Breaker) -> Result<Shift, StoreError>;
    /// Writes how fast a target was lately, whoever has written that before.
    async fn pace(&self, target: &str, pace: &Pace) -> Result<(), StoreError>;
}

/// What callers say of answers.
#[async_trait]
pub trait Ratings: Send + Sync {
    /// Notes the rating of a settled call's answer, once, for the target that gave it.
    async fn rate(&self, request_id: &str, target: &str, rating: Millionths) -> Result<Rated, StoreError>;
}

/// Whether a breaker was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// It was.
    Done,
    /// Somebody else was faster; nothing was written.
    Lost,
}

/// What became of requests to targets.
#[async_trait]
pub trait Outcomes: Send + Sync {
    /// Adds outcomes of a target. One that is there already changes nothing.
    async fn add(&self, target: &str, outcomes: &[Outcome]) -> Result<(), StoreError>;
    /// Those that ended since then, and perhaps some that ended shortly before.
    async fn window(&self, target: &str, since: Timestamp) -> Result<Window, StoreError>;
}
