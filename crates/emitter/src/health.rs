//! The ledger's stream becomes outcomes, and outcomes move breakers.
//!
//! It is a function of its own, beside the emitter: it must not wait for rollups and metrics, which a CloudWatch that is
//! down holds up, and it takes batches without a window. An outcome that comes again changes nothing, so a batch of which
//! anything failed comes again whole.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tollgate_aws::causes::Causes;
use tollgate_core::breaker::{Breaker, BreakerPolicy};
use tollgate_core::catalogue::Catalogue;
use tollgate_core::health::{MANY_ANSWERS, Outcome, WIDEST_PACE_WINDOW, outcomes};
use tollgate_core::metrics::breaker_states;
use tollgate_core::ports::{Board, Breakers, Metrics, Outcomes, Settings, Shift, StoreError};
use tollgate_core::settings::Document;
use tollgate_core::time::Timestamp;
use tracing::{error, info, warn};

use crate::event::{BatchResponse, StreamEvent, Unnumbered, change, sequence_number};

/// How often a breaker is moved anew that somebody else has moved meanwhile.
const ROUNDS: u8 = 4;

/// A breaker that does not move is shown so often, where calls say something about it.
const SHOWN_EVERY: Duration = Duration::from_secs(60);

/// How often it is said how fast a target was.
const PACED_EVERY: Duration = Duration::from_secs(15);

/// What ended before is of no use to any breaker.
const OLDEST: Duration = Duration::from_secs(600);

/// What it needs from the world.
pub struct Ports {
    /// The catalogue, which says how breakers move.
    pub settings: Arc<dyn Settings>,
    /// The breakers, read consistently.
    pub breakers: Arc<dyn Breakers>,
    /// What they move by.
    pub outcomes: Arc<dyn Outcomes>,
    /// Where they are shown.
    pub metrics: Arc<dyn Metrics>,
}

/// What it does with a batch.
pub struct Health {
    ports: Ports,
    environment: String,
    clock: fn() -> Timestamp,
    catalogue: Mutex<Option<(u64, Arc<Catalogue>)>>,
    shown: Mutex<BTreeMap<String, (u8, Timestamp)>>,
    paced: Mutex<BTreeMap<String, (u64, Timestamp)>>,
}

/// Why no breaker could be moved.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the config table holds no catalogue")]
    NoCatalogue,
    #[error("the catalogue cannot be read")]
    Catalogue(#[from] serde_json::Error),
}

impl Health {
    /// Over these ports, in this environment.
    #[must_use]
    pub fn new(ports: Ports, environment: String, clock: fn() -> Timestamp) -> Self {
        Self {
            ports,
            environment,
            clock,
            catalogue: Mutex::default(),
            shown: Mutex::default(),
            paced: Mutex::default(),
        }
    }

    /// Heeds a batch; the answer says where it has to begin again.
    pub async fn handle(&self, event: &StreamEvent) -> Result<BatchResponse, Unnumbered> {
        let first = event.entries.first().map(|entry| sequence_number(entry)).transpose()?;
        let told = self.told(event);
        if told.is_empty() {
            return Ok(BatchResponse::default());
        }
        let levels = match self.heed(&told).await {
            Ok(levels) => levels,
            Err(fault) => {
                error!(error = %Causes(&fault), targets = told.len(), "breakers cannot be moved");
                return Ok(BatchResponse::from(first));
            }
        };
        self.show(levels).await;
        Ok(BatchResponse::default())
    }

    /// What the batch says of each target. An entry that cannot be read is the emitter's to set aside.
    fn told(&self, event: &StreamEvent) -> BTreeMap<String, Vec<Outcome>> {
        let oldest = (self.clock)().minus(OLDEST);
        let mut told: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
        for entry in &event.entries {
            match change(entry) {
                Ok(Some(change)) => {
                    let fresh = outcomes(change.before.as_ref(), &change.after);
                    for (target, outcome) in fresh.filter(|(_, outcome)| outcome.ended_us > oldest) {
                        told.entry(target.to_owned()).or_default().push(outcome);
                    }
                }
                Ok(None) => {}
                Err(fault) => warn!(%fault, "entry of the stream says nothing of targets"),
            }
        }
        told
    }

    /// Adds what was told, and moves the breakers; their levels after that.
    async fn heed(&self, told: &BTreeMap<String, Vec<Outcome>>) -> Result<BTreeMap<String, u8>, Fault> {
        let catalogue = self.catalogue().await?;
        let board = self.ports.breakers.all().await?;
        let mut levels = BTreeMap::new();
        for (id, outcomes) in told {
            let Some(target) = catalogue.targets.get(id) else { continue };
            self.ports.outcomes.add(id, outcomes).await?;
            let breaker = self.move_on(id, &target.breaker, &board).await?;
            levels.insert(id.clone(), breaker.level());
            self.note_pace(id).await?;
        }
        Ok(levels)
    }

    /// Says now and then how fast a target was: calls that choose by it need no figure of this second, but where little is
    /// known each answer counts.
    async fn note_pace(&self, id: &str) -> Result<(), StoreError> {
        let now = (self.clock)();
        let is_due =
            |(samples, at): &(u64, Timestamp)| *samples < MANY_ANSWERS || now.since(*at) >= PACED_EVERY;
        if !self.paced.lock().unwrap_or_else(PoisonError::into_inner).get(id).is_none_or(is_due) {
            return Ok(());
        }
        let window = self.ports.outcomes.window(id, now.minus(WIDEST_PACE_WINDOW)).await?;
        let Some(pace) = window.pace(now) else { return Ok(()) };
        self.paced.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), (pace.samples, now));
        self.ports.breakers.pace(id, &pace).await
    }

    async fn move_on(&self, id: &str, policy: &BreakerPolicy, board: &Board) -> Result<Breaker, Fault> {
        let mut before = board.breakers.get(id).cloned().unwrap_or_default();
        for _ in 0..ROUNDS {
            let now = (self.clock)();
            let since = now.minus(Duration::from_millis(policy.window_ms));
            let window = self.ports.outcomes.window(id, since).await?;
            let after = before.record(policy, &window, now);
            if after == before {
                return Ok(after);
            }
            if self.ports.breakers.write(id, &after).await? == Shift::Done {
                let cause = after.cause.map(|cause| cause.as_str());
                let (level, trips) = (after.level(), after.trips);
                info!(target.id = id, breaker.level = level, cause, trips, "breaker moved");
                return Ok(after);
            }
            before = self.ports.breakers.all().await?.breakers.remove(id).unwrap_or_default();
        }
        // Those who were faster have heard what we have: the next batch finds what is left to do.
        Ok(before)
    }

    /// The catalogue in force, read again only when the head says so.
    async fn catalogue(&self) -> Result<Arc<Catalogue>, Fault> {
        let head = self.ports.settings.head().await?.ok_or(Fault::NoCatalogue)?;
        let known = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, catalogue)) = known.filter(|(version, _)| *version == head.catalogue) {
            return Ok(catalogue);
        }
        let text = self.ports.settings.document(Document::Catalogue).await?.ok_or(Fault::NoCatalogue)?;
        let catalogue = Arc::new(serde_json::from_str::<Catalogue>(&text)?);
        let read = (head.catalogue, catalogue.clone());
        *self.catalogue.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        Ok(catalogue)
    }

    /// Shows what has moved, and once a minute what has not. A metric that is not taken is shown with the next batch.
    async fn show(&self, levels: BTreeMap<String, u8>) {
        let now = (self.clock)();
        let is_new = |(id, level): (&String, &u8)| {
            let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied();
            shown.is_none_or(|(before, at)| before != *level || now.since(at) >= SHOWN_EVERY)
        };
        let due: BTreeMap<String, u8> =
            levels.iter().filter(|one| is_new(*one)).map(|(id, level)| (id.clone(), *level)).collect();
        let catalogue = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (false, Some((_, catalogue))) = (due.is_empty(), catalogue) else { return };
        let data = breaker_states(&self.environment, &catalogue, &due, now);
        if data.is_empty() {
            return;
        }
        match self.ports.metrics.put(data).await {
            Ok(()) => {
                let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.extend(due.into_iter().map(|(id, level)| (id, (level, now))));
            }
            Err(failure) => warn!(error = %Causes(&failure), "breakers are not shown"),
        }
    }
}

#[cfg(test)]
mod tests;
