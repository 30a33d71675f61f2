//! Which targets a call may ask: what the fleet knows, at most a second old, and what this environment has seen itself.
//!
//! What the fleet knows is read beside the flag, so nobody waits for it; if it cannot be read, everybody is admitted, and
//! the own experience still counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tollgate_aws::causes::Causes;
use tollgate_core::breaker::{Admission, Breaker, BreakerPolicy, Experience};
use tollgate_core::error::Error;
use tollgate_core::outcome::Cause;
use tollgate_core::ports::{Board, Breakers, Shift};
use tollgate_core::record::{Record, Try};
use tollgate_core::routing::{Pace, Rating};
use tollgate_core::time::Timestamp;

use crate::plan::Step;

/// What the fleet knows is asked for again after this time.
const MAX_AGE: Duration = Duration::from_secs(1);

/// What was known so long ago is of no use any more: who cannot read the breakers could not win a probe either.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Nobody waits longer for what the fleet knows. The flag, which is read beside it, takes as long.
const PATIENCE: Duration = Duration::from_millis(250);

/// Nor for a probe to be won.
const PROBE_PATIENCE: Duration = Duration::from_millis(500);

/// The breakers as this environment sees them.
pub(crate) struct FleetBreakers {
    port: Arc<dyn Breakers>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    board: Board,
    read_at: Timestamp,
    asked_at: Timestamp,
    own: HashMap<String, Experience>,
}

/// A request to a target that is over.
pub(crate) struct Over<'a> {
    pub(crate) step: &'a Step,
    pub(crate) cause: Cause,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) began: Timestamp,
    /// When its first content came, if it was a stream.
    pub(crate) first: Option<Timestamp>,
    pub(crate) ended: Timestamp,
    /// It ran in a tenant's own account.
    pub(crate) is_apart: bool,
}

impl FleetBreakers {
    pub(crate) fn new(port: Arc<dyn Breakers>) -> Self {
        Self { port, known: Mutex::default() }
    }

    /// Learns what the fleet knows, where that is a second old.
    pub(crate) async fn refresh(&self, now: Timestamp) {
        let is_due = self.with(|known| {
            let is_due = now.since(known.asked_at) >= MAX_AGE || known.asked_at > now.plus(MAX_AGE);
            if is_due {
                known.asked_at = now;
            }
            is_due
        });
        if !is_due {
            return;
        }
        match tokio::time::timeout(PATIENCE, self.port.all()).await {
            Ok(Ok(board)) => self.with(|known| (known.board, known.read_at) = (board, now)),
            Ok(Err(error)) => tracing::warn!(error = %Causes(&error), "breakers unreadable"),
            Err(_) => tracing::warn!("breakers did not come in time"),
        }
    }

    /// Whether the call may ask the target.
    pub(crate) fn admit(
        &self,
        (id, policy): (&str, &BreakerPolicy),
        request_id: &str,
        now: Timestamp,
    ) -> Admission {
        let (breaker, own) = self.with(|known| {
            let is_known = now.since(known.read_at) < FORGOTTEN;
            let breaker = known.board.breakers.get(id).filter(|_| is_known).cloned().unwrap_or_default();
            (breaker, known.own.get(id).copied().unwrap_or_default())
        });
        match (
            breaker.admit(policy, now, u8::try_from(place(request_id, id, 100)).unwrap_or(0)),
            breaker.forced.is_some(),
        ) {
            (Admission::Admitted | Admission::Spared, false) if own.wait(now).is_some() => {
                Admission::Refused { retry_after: own.wait(now).unwrap_or_default() }
            }
            (Admission::Admitted, false) if own.advises_against(now) => Admission::Spared,
            (admission, _) => admission,
        }
    }

    /// How fast a target was lately, and how well it answers, as far as that is known.
    pub(crate) fn standing(&self, id: &str, now: Timestamp) -> (Option<Pace>, Rating) {
        self.with(|known| {
            let pace = known.board.paces.get(id).filter(|pace| pace.is_recent(now)).copied();
            (pace, known.board.ratings.get(id).copied().unwrap_or_default())
        })
    }

    /// Wins the probe of a target for this call, or does not: then it must not ask.
    pub(crate) async fn win_probe(&self, step: &Step, now: Timestamp) -> bool {
        let before: Breaker =
            self.with(|known| known.board.breakers.get(&step.id).cloned()).unwrap_or_default();
        let Some(probing) = before.probing(&step.target.breaker, now) else { return false };
        // Whoever wins it: nobody else of this environment need try before the fleet says more.
        self.with(|known| known.board.breakers.insert(step.id.clone(), probing.clone()));
        match tokio::time::timeout(PROBE_PATIENCE, self.port.write(&step.id, &probing)).await {
            Ok(Ok(Shift::Done)) => {
                tracing::info!(target.id = step.id, "probing");
                true
            }
            Ok(Ok(Shift::Lost)) => false,
            Ok(Err(error)) => {
                tracing::warn!(error = %Causes(&error), "no probe");
                false
            }
            Err(_) => false,
        }
    }

    /// Notes how a request ended: for this environment at once, for the fleet in the ledger.
    pub(crate) fn note(&self, over: &Over<'_>) -> Try {
        let Over { step, cause, retry_after, began, first, ended, is_apart } = *over;
        if !(is_apart && cause.is_of_account()) {
            self.with(|known| {
                let own = known.own.entry(step.id.clone()).or_default();
                *own = own.record(&step.target.breaker, cause, retry_after, ended);
            });
        }
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Try {
            target: step.id.clone(),
            cause,
            began_us: began,
            took_us: micros(ended.since(began)),
            first_us: first.map(|first| micros(first.since(began))),
            retry_after_secs: retry_after.map(tollgate_core::time::whole_secs),
            is_apart,
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Those that may be asked, in their order; those that others should go before come last.
#[derive(Default)]
pub(crate) struct LineUp {
    first: Vec<Step>,
    spared: Vec<Step>,
    kept_from: Vec<String>,
    retry_after: Option<Duration>,
    admitted: usize,
}

impl LineUp {
    pub(crate) fn add(&mut self, step: Step) {
        match step.admission {
            Admission::Admitted => {
                self.admitted += 1;
                self.first.push(step);
            }
            Admission::Probe => self.first.push(step),
            Admission::Spared => {
                self.kept_from.push(step.id.clone());
                self.spared.push(step);
            }
            Admission::Refused { retry_after } => {
                self.kept_from.push(step.id);
                self.retry_after = Some(self.retry_after.map_or(retry_after, |least| least.min(retry_after)));
            }
        }
    }

    /// How many are there that need no luck.
    pub(crate) const fn admitted(&self) -> usize {
        self.admitted
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_empty() && self.spared.is_empty() && self.kept_from.is_empty()
    }

    /// The steps, and the targets that a breaker keeps the call from; an error where that leaves none.
    pub(crate) fn steps(self) -> Result<(Vec<Step>, Vec<String>), Error> {
        let steps: Vec<Step> = self.first.into_iter().chain(self.spared).collect();
        if steps.is_empty() {
            let causes = self.kept_from.iter().map(|id| format!("{id}: its breaker is open")).collect();
            return Err(Error::Unavailable { causes, retry_after: self.retry_after });
        }
        Ok((steps, self.kept_from))
    }
}

/// The record with what became of a request.
pub(crate) fn with_try(record: &Record, tried: Try) -> Record {
    record.clone().tried(Some(tried))
}

/// Where a call stands among so many, for one thing: always in the same place.
pub(crate) fn place(call: &str, thing: &str, among: u32) -> u32 {
    let digest = Sha256::digest(format!("{call}/{thing}").as_bytes());
    let (head, _) = digest.split_at(4);
    head.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) % among
}

#[cfg(test)]
mod tests;
